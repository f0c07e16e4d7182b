"""What has not changed costs next to nothing to read and unify again."""

from __future__ import annotations

import pytest

from bench.restate import WAL_LIMIT, measure
from tributary.clock import SystemClock
from tributary.warehouse.connection import Connection

RECORDS = 4_000


def test_reading_and_unifying_unchanged_records_writes_next_to_no_wal(
    warehouse: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    result = measure(warehouse, RECORDS, SystemClock(), print)
    said = capsys.readouterr().out
    assert f"first: {RECORDS:,} new, 0 unchanged" in said
    assert f"again: 0 new, {RECORDS:,} unchanged" in said
    assert result.landed.wal > WAL_LIMIT and result.unified.wal > WAL_LIMIT
    assert result.wal_again < WAL_LIMIT
