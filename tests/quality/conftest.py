"""A small, correct run in schema work: what build leaves behind for the gate to judge."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tributary.clock import FixedClock
from tributary.warehouse.connection import Connection

RUN = "run-1"
_HERE = Path(__file__).parent
CLOCK = FixedClock(datetime(2026, 8, 9, tzinfo=UTC))


@pytest.fixture
def good_run(warehouse: Connection) -> Connection:
    """A warehouse with a run's candidate rows that break no rule."""
    warehouse.execute((_HERE / "good_run.sql").read_bytes())
    return warehouse


@pytest.fixture
def good_credits(good_run: Connection) -> Connection:
    """The same with credits that break no rule."""
    good_run.execute((_HERE / "good_credits.sql").read_bytes())
    return good_run
