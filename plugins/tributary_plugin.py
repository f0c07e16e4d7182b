"""Puts Tributary's page into Airflow's navigation. Registration only; the page is tributary.web.

Every component imports this file, so it imports nothing heavy: the first request builds the app.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from tributary.web.lazy import App, LazyApp

# Set where Airflow is served under a path, as http://host/airflow; '' otherwise.
_BASE_PATH = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")


def _warehouse_url() -> str:
    """TRIBUTARY_WAREHOUSE_URL, or else the Airflow connection `warehouse`, or else ''."""
    if url := os.environ.get("TRIBUTARY_WAREHOUSE_URL"):
        return url
    from airflow.models.connection import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException
    from psycopg.conninfo import make_conninfo

    try:
        found = Connection.get_connection_from_secrets("warehouse")
    except AirflowNotFoundException:
        return ""
    return make_conninfo(
        host=found.host,
        port=found.port,
        user=found.login,
        password=found.password,
        dbname=found.schema,
    )


def _may_edit(user: Any) -> bool:
    """Whoever may change the Dag unify may decide about what it finds."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
    from airflow.models.dag import DagModel

    details = DagDetails(id="unify", team_name=DagModel.get_team_name("unify"))
    return get_auth_manager().is_authorized_dag(method="PUT", details=details, user=user)


def _build() -> App:
    from airflow.api_fastapi.core_api.security import get_user

    from tributary.web.app import create_app
    from tributary.web.connection import open_for_decisions, open_read_only
    from tributary.web.decisions import Editing

    editing = Editing(
        may_edit=_may_edit,
        name_of=lambda user: str(user.get_name()),
        connect=lambda: open_for_decisions(_warehouse_url()),
        key=conf.get("api", "secret_key").encode(),
    )
    return create_app(get_user, lambda: open_read_only(_warehouse_url()), editing=editing)


class TributaryPlugin(AirflowPlugin):
    name = "tributary"
    fastapi_apps: list[Any] = [  # noqa: RUF012
        {"app": LazyApp(_build), "url_prefix": "/tributary", "name": "Tributary"}
    ]
    external_views: list[Any] = [  # noqa: RUF012
        {
            "name": "Tributary",
            "href": f"{_BASE_PATH}/tributary/",
            "destination": "nav",
            "nav_top_level": True,
            "url_route": "tributary",
        }
    ]
