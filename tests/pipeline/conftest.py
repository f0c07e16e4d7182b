"""A small sandbox world, served, and databases to run it into."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tributary.local.postgres import Cluster
from tributary.warehouse.connection import connect

from .kills import Worker, worker

_numbers = itertools.count(1)


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
