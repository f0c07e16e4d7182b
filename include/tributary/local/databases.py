"""The databases of an installation: embedded, or the user's servers where they have set them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from psycopg import sql

from tributary.clock import Clock
from tributary.errors import ConfigurationError
from tributary.local import ports
from tributary.local.airflow import DATABASE
from tributary.local.postgres import Cluster, write_secret
from tributary.local.state import Busy, Installation
from tributary.settings import StoreConfig
from tributary.warehouse.connection import Connection, connect
from tributary.warehouse.migrate import migrate
from tributary.warehouse.stores import sync

_WAIT_SECONDS = 120.0
ANALYST = "analyst"


@dataclass(frozen=True)
class Databases:
    """Where the data are. `cluster` is None where both servers are the user's own."""

    installation: Installation
    cluster: Cluster | None

    @property
    def is_own_warehouse(self) -> bool:
        return bool(os.environ.get("TRIBUTARY_WAREHOUSE_URL"))

    @property
    def warehouse_url(self) -> str:
        return os.environ.get("TRIBUTARY_WAREHOUSE_URL") or self._embedded("warehouse")

    @property
    def airflow_url(self) -> str:
        return os.environ.get(DATABASE) or self._embedded("airflow")

    def analyst(self) -> Connection:
        """A read-only connection as the role `analyst`."""
        if self.is_own_warehouse:
            conn = connect(self.warehouse_url, application_name="tributary sql")
            conn.execute(sql.SQL("set role {}").format(sql.Identifier(ANALYST)))
        else:
            secret = self.installation.secrets.analyst_password
            port = self._running().port
            url = f"postgresql://{ANALYST}:{secret}@127.0.0.1:{port}/warehouse"
            conn = connect(url, application_name="tributary sql")
        conn.execute("set default_transaction_read_only = on")
        return conn

    def analyst_url(self) -> str:
        """For psql and other clients; the password is in the file it names."""
        if self.is_own_warehouse:
            return ""
        passwords = self.installation.pgpass_file
        port = self._running().port
        return f"postgresql://{ANALYST}@127.0.0.1:{port}/warehouse?passfile={passwords}"

    def _embedded(self, database: str) -> str:
        return self._running().url(database)

    def _running(self) -> Cluster:
        if self.cluster is None:
            raise ConfigurationError("no embedded PostgreSQL runs")
        return self.cluster


def needs_embedded() -> bool:
    """Whether one of the two databases is not on a server of the user's."""
    return not (os.environ.get("TRIBUTARY_WAREHOUSE_URL") and os.environ.get(DATABASE))


def start(installation: Installation) -> Databases:
    """Start the embedded PostgreSQL if it is needed, with its databases; its port is recorded."""
    if not needs_embedded():
        return Databases(installation, None)
    record = installation.record()
    cluster = installation.cluster(record.postgres_port)
    running = cluster.running_port()
    port = running or ports.choose([ports.asked("TRIBUTARY_POSTGRES_PORT") or record.postgres_port])
    cluster = installation.cluster(port)
    cluster.start()
    record.postgres_port = port
    installation.save(record)
    with connect(cluster.url("postgres")) as conn:
        known = {row[0] for row in conn.execute("select datname from pg_database").fetchall()}
        for database in {"airflow", "warehouse"} - known:
            conn.execute(f"create database {database}")
        if "airflow" not in known:
            # What the last 0.2 s before a power cut scheduled is scheduled again.
            conn.execute("alter database airflow set synchronous_commit to off")
    return Databases(installation, cluster)


def open_warehouse(databases: Databases) -> Connection:
    """As the warehouse's owner."""
    return connect(databases.warehouse_url, application_name="tributary local")


def require_store(conn: Connection, store: str) -> None:
    """ConfigurationError that names the stores there are, if this is none."""
    stores = [str(row[0]) for row in conn.execute("select store_id from core.store order by 1")]
    if store not in stores:
        raise ConfigurationError(f"no store {store!r}; there are {', '.join(stores) or 'none yet'}")


def prepare_warehouse(databases: Databases, stores: list[StoreConfig], clock: Clock) -> list[str]:
    """Migrate, sync the stores, let the analyst in; the names of the migrations applied."""
    from tributary.connectors.spec import all_connectors

    with open_warehouse(databases) as conn:
        applied = migrate(conn, clock)
        if stores:
            sync(conn, stores, all_connectors().values())
    give_analyst_a_login(databases)
    return applied


def give_analyst_a_login(databases: Databases) -> None:
    """Let `analyst` in with this installation's password, and write the file psql reads it from."""
    if databases.is_own_warehouse:
        return
    password = databases.installation.secrets.analyst_password
    with connect(databases.warehouse_url) as conn:
        statement = sql.SQL("alter role {} login password {}")
        conn.execute(statement.format(sql.Identifier(ANALYST), sql.Literal(password)))
    cluster = databases.cluster
    assert cluster is not None
    line = f"127.0.0.1:{cluster.port}:*:{ANALYST}:{password}\n"
    write_secret(databases.installation.pgpass_file, line)


@contextmanager
def available(
    installation: Installation, purpose: str, clock: Clock, both: bool = False
) -> Iterator[Databases]:
    """The databases, whether or not `up` runs: if not, PostgreSQL is started, and stopped after.

    Without `both`, Airflow's may be left alone where the warehouse is a server of the user's.
    """
    own_warehouse = os.environ.get("TRIBUTARY_WAREHOUSE_URL")
    if not needs_embedded() or (own_warehouse and not both):
        yield Databases(installation, None)
        return
    with ExitStack() as stack:
        found = _lock_or_find(installation, purpose, clock, stack)
        if found is None:
            port = installation.record().postgres_port
            was_running = installation.cluster(port).is_running()  # of a killed `up`
            found = start(installation)
            assert found.cluster is not None
            if not was_running:
                stack.callback(found.cluster.stop)
        yield found


def _lock_or_find(
    installation: Installation, purpose: str, clock: Clock, stack: ExitStack
) -> Databases | None:
    """None once this process holds the installation, else the databases of the `up` that does."""
    deadline = clock.monotonic() + _WAIT_SECONDS
    while True:
        try:
            stack.enter_context(installation.locked(purpose))
            return None
        except Busy:
            found = _of_running_up(installation)
            if found is not None:
                return found
            if clock.monotonic() > deadline:
                raise
            clock.sleep(0.2)


def _of_running_up(installation: Installation) -> Databases | None:
    """The databases `up` has started; None while it starts them, or for short commands' own."""
    if installation.holder()[0] != "up":
        return None
    cluster = installation.cluster(installation.record().postgres_port)
    return Databases(installation, cluster) if cluster.running_port() == cluster.port else None
