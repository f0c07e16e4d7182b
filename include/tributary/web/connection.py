"""The page's own connections: short patience, never a bulk job."""

from __future__ import annotations

from tributary.errors import ConfigurationError
from tributary.warehouse.connection import Connection, connect

CONNECT_SECONDS = 3
STATEMENT_SECONDS = 10


def open_read_only(url: str) -> Connection:
    """A connection that gives up early and cannot write; raises as warehouse.connection.connect."""
    conn = open_for_decisions(url)
    conn.execute("select set_config('default_transaction_read_only', 'on', false)")
    return conn


def open_for_decisions(url: str) -> Connection:
    """A connection that gives up early, for the one thing the page writes: decisions of people."""
    if not url:
        raise ConfigurationError("no warehouse is configured")
    conn = connect(url, application_name="tributary page", timeout_seconds=CONNECT_SECONDS)
    conn.execute("select set_config('statement_timeout', %s, false)", (f"{STATEMENT_SECONDS}s",))
    return conn
