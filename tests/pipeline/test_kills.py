"""Killed at any moment and started again, the loop ends where the undisturbed one does."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

import pytest

from tributary.clock import SystemClock
from tributary.connectors.spec import all_connectors
from tributary.local.grade_seed import Served, sandbox
from tributary.local.postgres import Cluster
from tributary.sandbox.world import World
from tributary.warehouse import stores
from tributary.warehouse.connection import Connection, connect
from tributary.window import Window

from .kills import UNIFY, Job, Plan, Worker, core, elapsed, phase, run_with_kills, state

FIRST, BASE = date(2026, 10, 24), date(2026, 10, 27)
STORE = "prairie"
LOADS = (
    f"load shopify__{STORE} order",
    f"load files__{STORE}_files spend",
    f"load files__{STORE}_files ga4_event",
)
PHASES = {"landing", *UNIFY}
CLOCK = SystemClock()

KILLS = int(os.environ.get("PROVE_KILLS", "1000"))
# 1: every kill is followed by one retry to the end, and compared; more: retries are killed, too.
PER_RUN = int(os.environ.get("PROVE_KILLS_PER_RUN", "8"))


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def survive(
    worker: Worker,
    database: str,
    clone: Callable[..., Any],
    served: Served,
    kills: int,
    per_run: int,
) -> None:
    """Runs of the day after BASE with kills in them, each in a copy of `database`."""
    window = Window(midnight(BASE - timedelta(days=1)), midnight(BASE + timedelta(days=1)))
    with connect_to(clone, database) as (url, conn):
        before = state(conn)
        job = Job(url, served, window, "undisturbed", (*LOADS, *UNIFY))
        hit, seconds = worker.run(job)
        assert hit == ""
        after = state(conn)
    moved = {table for table in after if after[table] != before[table]}
    assert {"core.sales_order", "core.credit", "core.touch", "ops.revision"} <= moved

    plan, done, runs = Plan(dict(seconds), Random(5)), 0, 0
    worker.killed = Counter()
    while done < kills:
        with connect_to(clone, database) as (url, conn):

            def whole(conn: Connection = conn) -> None:
                assert core(state(conn)) in (core(before), core(after))

            job = Job(url, served, window, f"run {runs}", (*LOADS, *UNIFY))
            done += run_with_kills(worker, job, plan, min(per_run, kills - done), whole)
            assert state(conn) == after
            assert not pending(conn)
        runs += 1
    assert sum(worker.killed.values()) == kills
    sys.stdout.write(f"\n{kills} kills in {runs} runs: {elapsed(worker.killed)}\n")


def pending(conn: Connection) -> bool:
    row = conn.execute(
        "select count(*) from ops.load where publication_id is null and status <> 'failed'"
    ).fetchone()
    return row != (0,)


@contextmanager
def connect_to(clone: Callable[..., Any], database: str) -> Iterator[tuple[str, Connection]]:
    with clone(database) as url, connect(url) as conn:
        yield url, conn


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with sandbox(World(3, BASE, FIRST), tmp_path_factory.mktemp("sandbox"), CLOCK) as found:
        yield found


@pytest.fixture(scope="module")
def day_before(cluster: Cluster, template: str, served: Served, killable: Worker) -> str:
    """A database where the days before BASE are published. The world has moved a day on since:
    orders are new, changed and refunded, a file has a new version.
    """
    with connect(cluster.url("postgres")) as conn:
        conn.execute(f"create database day_before template {template}")
    url = cluster.url("day_before")
    with connect(url) as conn:
        stores.sync(conn, served.stores(), all_connectors().values())
    first = Window(midnight(FIRST), midnight(BASE))
    assert killable.run(Job(url, served, first, "day before", (*LOADS, *UNIFY)))[0] == ""
    served.move_clock(BASE + timedelta(days=1))
    return "day_before"


def test_a_killed_run_ends_where_an_undisturbed_one_does(
    killable: Worker, day_before: str, clone: Callable[..., Any], served: Served
) -> None:
    survive(killable, day_before, clone, served, kills=4, per_run=4)


@pytest.mark.prove
def test_a_thousand_kills_at_any_point_leave_no_trace(
    killable: Worker, day_before: str, clone: Callable[..., Any], served: Served
) -> None:
    survive(killable, day_before, clone, served, KILLS, PER_RUN)
    hit = {phase(step) for step in killable.killed} - {"start"}
    assert KILLS < 100 or hit == PHASES
