"""Loads whose records are refused, and replayed later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tributary.clock import FixedClock
from tributary.connectors.spec import (
    Connector,
    Credentials,
)
from tributary.pipeline.ingest import ingest
from tributary.settings import Account
from tributary.warehouse.connection import Connection
from tributary.window import Window

WINDOW = Window(datetime(2026, 8, 1, tzinfo=UTC), datetime(2026, 8, 8, tzinfo=UTC))


def at(hour: int) -> FixedClock:
    return FixedClock(datetime(2026, 12, 9, tzinfo=UTC) + timedelta(hours=hour))


def read(
    conn: Connection,
    account: Account,
    connector: Connector,
    stream: str,
    credentials: Credentials,
    window: Window,
    hour: int,
) -> None:
    ingest(
        conn,
        account,
        connector,
        connector.stream(stream),
        credentials,
        window,
        "incremental",
        f"load {hour}",
        at(hour),
    )
