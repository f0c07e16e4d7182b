"""Where tasks get the warehouse, the stores and a vendor's credentials; called inside tasks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from tributary.connectors.spec import Connector, Credentials
from tributary.errors import ConfigurationError
from tributary.settings import Account, accounts, load_stores, stores_file

if TYPE_CHECKING:
    from tributary.warehouse.connection import Connection

WAREHOUSE = "warehouse"


def warehouse_url() -> str:
    """TRIBUTARY_WAREHOUSE_URL if set, else the Airflow connection `warehouse`."""
    if url := os.environ.get("TRIBUTARY_WAREHOUSE_URL"):
        return url
    found = _airflow_connection(WAREHOUSE)
    if found is None:
        raise ConfigurationError(
            "no warehouse is configured: set TRIBUTARY_WAREHOUSE_URL, or add an Airflow connection"
            f" {WAREHOUSE!r} of type Postgres (Admin > Connections)"
        )
    login = ":".join(quote(part, safe="") for part in (found.login, found.password) if part)
    port = f":{found.port}" if found.port else ""
    tls = {k: v for k, v in found.extra_dejson.items() if k.startswith("ssl") and v}
    return (
        f"postgresql://{login}{'@' if login else ''}{found.host or 'localhost'}{port}"
        f"/{quote(found.schema or '', safe='')}{'?' if tls else ''}{urlencode(tls)}"
    )


@contextmanager
def warehouse(application_name: str) -> Iterator[Connection]:
    """A connection to a migrated warehouse, closed at the end."""
    from psycopg import errors

    from tributary.warehouse.connection import connect

    with connect(warehouse_url(), application_name=application_name) as conn:
        try:
            yield conn
        except (errors.UndefinedTable, errors.InvalidSchemaName, errors.UndefinedFunction) as error:
            found = conn.execute("select to_regclass('ops.schema_migration')").fetchone()
            if found is None or found[0] is None:
                raise ConfigurationError(
                    "the warehouse holds no Tributary tables yet: run `tributary migrate`, then"
                    " clear this task"
                ) from error
            raise


def find_account(connector: str, account_id: str) -> Account:
    """The account as the stores file has it now."""
    path = stores_file()
    for account in accounts(load_stores(path), connector):
        if account.account_id == account_id:
            return account
    raise ConfigurationError(
        f"{path} has no account {account_id!r} of {connector} any more; this run was planned"
        " before it was taken out"
    )


def credentials(connector: Connector, account: Account) -> Credentials:
    """What the account's Airflow connection holds.

    A connector whose form hides the password needs no secret, so its connection may be absent.
    """
    found = _airflow_connection(account.connection_id)
    if found is not None:
        return of_connection(found)
    if "password" in connector.form.hidden:
        return Credentials()
    raise ConfigurationError(
        f"Airflow connection {account.connection_id!r} is missing: add it under Admin >"
        f" Connections with type {connector.title}, then clear this task"
    )


def of_connection(found: Any) -> Credentials:
    """Credentials of an Airflow connection (of the Task SDK or of the api-server)."""
    extra: Mapping[str, Any] = found.extra_dejson
    return Credentials(found.host or "", found.login or "", found.password or "", extra)


def _airflow_connection(connection_id: str) -> Any | None:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return BaseHook.get_connection(connection_id)
    except AirflowNotFoundException:
        return None
