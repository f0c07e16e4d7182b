"""A page over a warehouse filled by hand, seen by a user or by nobody."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest
from fastapi import FastAPI, Header, HTTPException
from fastapi.testclient import TestClient

from tributary.clock import FixedClock
from tributary.warehouse.connection import Connection
from tributary.web.app import create_app
from tributary.web.connection import open_for_decisions, open_read_only
from tributary.web.decisions import Editing

REPORTS = Path(__file__).resolve().parents[1] / "reports"
NOW = datetime(2026, 8, 11, 9, 0, tzinfo=UTC)


class MakeApp(Protocol):
    """The app over a warehouse; `editor` is the one user who may decide about findings."""

    def __call__(self, url: str, editor: str = "") -> FastAPI: ...


def only_alice(x_user: str = Header(default="")) -> str:
    """Stands for Airflow's get_user: knows one user by a header."""
    if x_user != "alice":
        raise HTTPException(401, "Not authenticated")
    return x_user


@pytest.fixture
def make_app() -> MakeApp:
    def make(url: str, editor: str = "") -> FastAPI:
        editing = Editing(
            may_edit=lambda user: bool(user == editor),
            name_of=str,
            connect=lambda: open_for_decisions(url),
            key=b"signs the forms of these tests",
        )
        return create_app(only_alice, lambda: open_read_only(url), FixedClock(NOW), editing)

    return make


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
