"""A warehouse of two small shops, written straight into core: see rows.sql for its numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tributary.warehouse.connection import Connection

HERE = Path(__file__).resolve().parent


@pytest.fixture
def shops(warehouse: Connection) -> Connection:
    warehouse.execute((HERE / "rows.sql").read_bytes())
    return warehouse
