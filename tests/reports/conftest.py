"""A warehouse filled by hand: see filled_warehouse.sql for its numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tributary.warehouse.connection import Connection

HERE = Path(__file__).resolve().parent


@pytest.fixture
def filled(warehouse: Connection) -> Connection:
    warehouse.execute((HERE / "filled_warehouse.sql").read_bytes())
    return warehouse


@pytest.fixture
def stopped(filled: Connection) -> Connection:
    filled.execute((HERE / "stopped_run.sql").read_bytes())
    return filled
