"""A small sandbox world, served, and databases to run it into."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest

from tests.mart.attributed import add_store
from tributary.local.postgres import Cluster
from tributary.warehouse.connection import Connection, connect

from .kills import Worker, worker
from .learning import Journey, made, put

_numbers = itertools.count(1)
Fresh = Callable[[], Connection]


@pytest.fixture
def clone(cluster: Cluster) -> Callable[..., object]:
    """`with clone(name) as url`: a copy of a database nobody is connected to, dropped after."""

    @contextmanager
    def copy(template: str) -> Iterator[str]:
        name = f"clone_{next(_numbers)}"
        with connect(cluster.url("postgres")) as conn:
            conn.execute(f"create database {name} template {template}")
            try:
                yield cluster.url(name)
            finally:
                conn.execute(f"drop database {name} with (force)")

    return copy


@pytest.fixture(scope="session")
def killable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """The process whose children are killed."""
    with worker(tmp_path_factory.mktemp("worker") / "worker.log") as found:
        yield found


@pytest.fixture
def fresh(clone: Callable[..., AbstractContextManager[str]], template: str) -> Iterator[Fresh]:
    """`fresh()` gives a connection to another migrated warehouse; the one before is dropped."""
    with ExitStack() as stack:

        def another() -> Connection:
            stack.close()
            url = stack.enter_context(clone(template))
            return stack.enter_context(connect(url))

        yield another


@pytest.fixture
def filled(warehouse: Connection) -> tuple[Connection, list[Journey]]:
    journeys = made(1, 500)
    add_store(warehouse)
    put(warehouse, journeys)
    return warehouse, journeys
