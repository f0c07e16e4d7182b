"""Killed with half of the credits or half of a model state written, there are the old ones whole;
started again, the new ones whole.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.mart.attributed import AT, add_store
from tributary.clock import FixedClock
from tributary.pipeline import attribute
from tributary.pipeline.refit import refit
from tributary.settings import ROOT
from tributary.warehouse import candidates, publish
from tributary.warehouse.checksum import checksum
from tributary.warehouse.connection import Connection, connect

from .learning import made, put

_LOCK = 4242
_PATIENCE = 120.0
_CHILD = """
import sys
from datetime import datetime, UTC
from tests.mart.attributed import AT, add_store
from tributary.clock import FixedClock
from tributary.pipeline.refit import refit
from tributary.warehouse import publish
from tributary.warehouse.connection import connect
at = datetime.fromisoformat(sys.argv[3])
with connect(sys.argv[1], application_name="to be killed") as conn:
    if sys.argv[2] == "refit":
        refit(conn, FixedClock(at))
    else:
        publish.publish(conn, sys.argv[2], at)
"""


@contextmanager
def stopped_half_way(conn: Connection, url: str, table: str, after: int) -> Iterator[None]:
    """Inside, whoever writes to a table waits after so many rows. Left, it goes on."""
    conn.execute(
        "create sequence written; create function wait_half_way() returns trigger language plpgsql"
        f" as $$ begin if nextval('written') > {after} then"
        f" perform pg_advisory_xact_lock({_LOCK}); end if; return new; end $$;"
        f"create trigger half_way after insert on {table}"
        " for each row execute function wait_half_way()".encode()
    )
    with connect(url) as holder:
        holder.execute("select pg_advisory_lock(%s)", (_LOCK,))
        yield
    _wait_until(
        conn, "not exists (select 1 from pg_stat_activity where application_name = 'to be killed')"
    )
    conn.execute(
        f"drop trigger half_way on {table}; drop function wait_half_way();"
        " drop sequence written".encode()
    )


def _wait_until(conn: Connection, condition: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while conn.execute(f"select {condition}".encode()).fetchone() != (True,):
        assert time.monotonic() < deadline, condition
        time.sleep(0.02)


def kill_half_way(conn: Connection, url: str, step: str, table: str, after: int) -> None:
    """Do a step in a process of its own, and kill it while it writes a table."""
    with stopped_half_way(conn, url, table, after):
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD, url, step, AT.isoformat()],
            env={**os.environ, "PYTHONPATH": str(ROOT / "include")},
        )
        try:
            _wait_until(
                conn,
                "exists (select 1 from pg_stat_activity"
                " where application_name = 'to be killed' and wait_event = 'advisory')",
            )
        finally:
            child.send_signal(signal.SIGKILL)
            assert child.wait() == -signal.SIGKILL


@pytest.fixture
def published(warehouse: Connection) -> Connection:
    """A store with a model state and credits, and journeys that are new since."""
    add_store(warehouse)
    put(warehouse, made(1, 300))
    prepare(warehouse, "first")
    publish.publish(warehouse, "first", AT)
    put(warehouse, made(9, 320), first=1001)
    return warehouse


def prepare(conn: Connection, run_id: str) -> None:
    with conn.transaction():
        candidates.open_run(conn, run_id, [])
        conn.execute("insert into work.scope values ('kiel', 'nobody', '', '2020-01-01')")
        attribute.attribute(conn, AT)


def states(conn: Connection, schema: str) -> list[list[tuple[Any, ...]]]:
    """Credits and model states without who published them."""
    return [
        conn.execute(
            f"select to_jsonb(t) - 'publication_id' from {schema}{table} as t order by 1".encode()
        ).fetchall()
        for table in ("credit", "credit_pointer", "model_state", "model_channel", "model_pointer")
    ]


@pytest.mark.parametrize(
    ("table", "after"), [("core.credit", 500), ("core.credit_set", 0), ("core.model_channel", 20)]
)
def test_a_publication_killed_while_it_writes_leaves_the_old_or_the_new(
    published: Connection, warehouse_url: str, table: str, after: int
) -> None:
    prepare(published, "second")
    old, new = states(published, "core."), states(published, "work.candidate_")
    assert all(before != after for before, after in zip(old, new, strict=True))
    sums = checksum(published)
    kill_half_way(published, warehouse_url, "second", table, after)
    assert states(published, "core.") == old
    assert checksum(published) == sums
    publish.publish(published, "second", AT)
    assert states(published, "core.") == new


def test_a_refit_killed_while_it_writes_leaves_the_old_state_or_the_new(
    published: Connection, warehouse_url: str
) -> None:
    old = states(published, "core.")
    kill_half_way(published, warehouse_url, "refit", "core.model_channel", 20)
    assert states(published, "core.") == old
    assert refit(published, FixedClock(AT)) == ["kiel"]
    new = states(published, "core.")
    assert new[:2] == old[:2]  # people see the old credits until the next run
    assert [len(rows) for rows in new[2:]] == [2, 2 * len(old[3]), 1]
