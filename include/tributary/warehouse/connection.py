"""Connections to the warehouse and the advisory locks taken over them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from tributary.errors import ConfigurationError, VendorUnavailable

Connection = psycopg.Connection[tuple[Any, ...]]

# A million rows sort and hash in memory; PostgreSQL's own 4 MB spills from ten thousands on.
_WORK_MEM = "64MB"


def connect(
    url: str, *, application_name: str = "tributary", timeout_seconds: int = 10
) -> Connection:
    """An autocommit connection in UTC that never pins plans (bulk statements re-plan every time).

    Raises ConfigurationError when the server refuses us and VendorUnavailable when it is not there.
    """
    plain = url.replace("postgresql+psycopg2://", "postgresql://").replace(
        "postgresql+psycopg://", "postgresql://"
    )
    try:
        conn = psycopg.connect(
            plain,
            autocommit=True,
            prepare_threshold=None,
            application_name=application_name,
            connect_timeout=timeout_seconds,
            options=f"-c timezone=UTC -c client_min_messages=warning -c work_mem={_WORK_MEM}",
        )
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[-1]
        if "authentication" in reason or "does not exist" in reason:
            raise ConfigurationError(
                f"the warehouse refused the connection: {reason}. "
                "Check TRIBUTARY_WAREHOUSE_URL or the Airflow connection 'warehouse'."
            ) from None
        raise VendorUnavailable(f"the warehouse cannot be reached: {reason}") from None
    except psycopg.ProgrammingError as error:
        raise ConfigurationError(f"the warehouse URL is not valid: {error}") from None
    return conn


def name(*parts: str) -> str:
    """A quoted, dotted identifier."""
    return sql.Identifier(*parts).as_string(None)


@contextmanager
def locked(conn: Connection, *what: str) -> Iterator[None]:
    """Hold one session advisory lock named by `what`; waits for whoever has it."""
    key = "\x1f".join(what)
    conn.execute("select pg_advisory_lock(hashtextextended(%s, 0))", (key,))
    try:
        yield
    finally:
        if not conn.closed and not conn.broken:
            conn.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", (key,))
