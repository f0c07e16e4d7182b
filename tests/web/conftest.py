"""A page over a warehouse filled by hand, seen by a user or by nobody."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI, Header, HTTPException
from fastapi.testclient import TestClient

from tributary.clock import FixedClock
from tributary.warehouse.connection import Connection
from tributary.web.app import create_app
from tributary.web.connection import open_read_only

REPORTS = Path(__file__).resolve().parents[1] / "reports"
NOW = datetime(2026, 8, 11, 9, 0, tzinfo=UTC)

MakeApp = Callable[[str], FastAPI]


def only_alice(x_user: str = Header(default="")) -> str:
    """Stands for Airflow's get_user: knows one user by a header."""
    if x_user != "alice":
        raise HTTPException(401, "Not authenticated")
    return x_user


@pytest.fixture
def make_app() -> MakeApp:
    return lambda url: create_app(only_alice, lambda: open_read_only(url), FixedClock(NOW))


@pytest.fixture
def alice(make_app: MakeApp, warehouse_url: str) -> TestClient:
    return TestClient(make_app(warehouse_url), headers={"x-user": "alice"})


@pytest.fixture
def filled(warehouse: Connection) -> Connection:
    warehouse.execute((REPORTS / "filled_warehouse.sql").read_bytes())
    return warehouse


@pytest.fixture
def stopped(filled: Connection) -> Connection:
    filled.execute((REPORTS / "stopped_run.sql").read_bytes())
    return filled
