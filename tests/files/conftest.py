"""Fixtures of the files connector's tests; the helpers are in support.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tributary.warehouse.connection import Connection

from .support import DATA, Loop


@pytest.fixture
def shared_data() -> Path:
    if not DATA.is_dir():
        pytest.skip("../shared/data is absent")
    return DATA


@pytest.fixture
def loop(warehouse: Connection) -> Callable[[Path], Loop]:
    """Ingest and unify for the folder given."""
    return lambda folder: Loop(warehouse, folder)
