"""An upgrade beside a run that is half done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tributary.clock import FixedClock
from tributary.errors import Superseded
from tributary.pipeline import unify
from tributary.warehouse import candidates

from .support import Loop
from .test_core import event, write


def test_a_table_that_gets_a_column_ends_the_open_run_and_loses_nothing(
    tmp_path: Path, loop: Callable[[Path], Loop]
) -> None:
    sold = "select count(*), sum(value_amount) from core.conversion"
    for revenue in (100.0, 50.0):
        write(
            tmp_path,
            event("2026-03-01T09:00", "purchase", revenue=revenue, transaction_id="T1"),
        )
        run = loop(tmp_path)
        run.ingest()
        if revenue == 100:
            run.unify()
    clock = FixedClock(datetime(2026, 5, 1, tzinfo=UTC))
    assert unify.build(run.conn, "hourly", clock)
    for step in (unify.check, unify.attribute, unify.check_credits, unify.insights):
        step(run.conn, "hourly", clock)
    run.conn.execute("alter table core.touch add column later text not null default ''")
    candidates.create_work_tables(run.conn)
    with pytest.raises(Superseded, match="was upgraded"):
        unify.publish(run.conn, "hourly", clock)
    assert run.one("select count(*) from core.touch") == (1,)
    assert run.one(sold) == (1, 100)
