"""`tributary setup` on a real server: two databases, each for its own role, and again."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tributary.clock import SystemClock
from tributary.errors import ConfigurationError, VendorUnavailable
from tributary.local.deployment import Owner, create_roles
from tributary.local.postgres import Cluster
from tributary.warehouse.connection import connect
from tributary.warehouse.migrate import migrate

AIRFLOW = "postgresql+psycopg2://af_owner:first@postgres:5432/af_database"
WAREHOUSE = "postgresql://wh_owner:first@postgres:5432/wh_database"
READER = Owner("wh_reader", "read")


@pytest.fixture
def server(cluster: Cluster) -> Iterator[Cluster]:
    yield cluster
    with connect(cluster.url("postgres")) as conn:
        for database in ("af_database", "wh_database"):
            conn.execute(f"drop database if exists {database} with (force)")
        for role in ("af_owner", "wh_owner", "wh_reader"):
            conn.execute(f"drop role if exists {role}")


def url(cluster: Cluster, role: str, password: str, database: str) -> str:
    port = urlsplit(cluster.url("postgres")).port
    return f"postgresql://{role}:{password}@127.0.0.1:{port}/{database}"


def owners(password: str) -> list[Owner]:
    urls = {"A": AIRFLOW, "W": WAREHOUSE}
    return [Owner.of(text.replace("first", password), name) for name, text in urls.items()]


def test_each_role_enters_its_own_database_and_migrates_it(server: Cluster) -> None:
    with connect(server.url("postgres")) as conn:
        create_roles(conn, owners("first"), READER)
        create_roles(conn, owners("first"), READER)
    with connect(url(server, "wh_owner", "first", "wh_database")) as conn:
        assert migrate(conn, SystemClock())  # needs no more than to own the database
        row = conn.execute("select rolsuper from pg_roles where rolname = 'wh_owner'").fetchone()
        assert row == (False,)
    with connect(url(server, "wh_reader", "read", "wh_database")):
        pass
    for role, password, database in (
        ("wh_owner", "first", "af_database"),
        ("af_owner", "first", "wh_database"),
        ("wh_reader", "read", "af_database"),
    ):
        with pytest.raises(VendorUnavailable, match="not have CONNECT privilege"):
            connect(url(server, role, password, database))


def test_a_password_that_was_changed_is_the_new_one(server: Cluster) -> None:
    with connect(server.url("postgres")) as conn:
        create_roles(conn, owners("first"), READER)
        create_roles(conn, owners("second"), READER)
    with connect(url(server, "wh_owner", "second", "wh_database")):
        pass
    with pytest.raises(ConfigurationError, match="authentication failed"):
        connect(url(server, "wh_owner", "first", "wh_database"))


def test_a_url_without_a_password_is_named_and_no_secret_is_shown() -> None:
    with pytest.raises(ConfigurationError, match="TRIBUTARY_WAREHOUSE_URL must name a role"):
        Owner.of("postgresql://tributary@postgres:5432/warehouse", "TRIBUTARY_WAREHOUSE_URL")
    assert "first" not in repr(owners("first"))
