"""A throw-away PostgreSQL for the session; each test gets a database cloned from a template."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tributary.clock import SystemClock
from tributary.local.postgres import Cluster, free_port
from tributary.warehouse.connection import Connection, connect
from tributary.warehouse.migrate import migrate

_numbers = itertools.count(1)

# The tests never touch an installation, warehouse or Airflow that the shell points to.
for _name in [name for name in os.environ if name.startswith(("TRIBUTARY_", "AIRFLOW_"))]:
    del os.environ[_name]
os.environ["TRIBUTARY_KEY"] = "ab" * 32  # a secret for keyed hashes, nobody's


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("postgres")
    for parent in (folder, *folder.parents):
        if parent.owner() == "root" and parent != Path("/") and "pytest" in parent.name:
            parent.chmod(0o711)  # the server's user enters, and lists nothing
    cluster = Cluster(folder, free_port(), durable=False)
    cluster.start()
    yield cluster
    cluster.stop()
    cluster.remove()


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> str:
    """The name of a migrated database to clone."""
    with connect(cluster.url("postgres")) as conn:
        conn.execute("create database migrated")
    with connect(cluster.url("migrated")) as conn:
        migrate(conn, SystemClock())
    return "migrated"


def _new_database(cluster: Cluster, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    with connect(cluster.url("postgres")) as conn:
        conn.execute(f"create database {name} template {template}")
        yield cluster.url(name)
        conn.execute(f"drop database {name} with (force)")


@pytest.fixture
def database(cluster: Cluster) -> Iterator[str]:
    """The URL of a fresh, empty database."""
    yield from _new_database(cluster, "template0")


@pytest.fixture
def warehouse_url(cluster: Cluster, template: str) -> Iterator[str]:
    """The URL of a fresh, migrated warehouse."""
    yield from _new_database(cluster, template)


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[Connection]:
    """An open connection to a fresh, migrated warehouse."""
    with connect(warehouse_url) as conn:
        yield conn
