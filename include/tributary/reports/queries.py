"""Named queries: one SQL file in sql/queries and one frozen dataclass for its rows.

A file takes no parameters but the window, so it pastes into psql after two `set` lines.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import TypeVar

from psycopg.rows import class_row

from tributary.settings import SQL
from tributary.warehouse.connection import Connection

Row = TypeVar("Row")


@cache
def text(query: str) -> bytes:
    """The SQL of sql/queries/<query>.sql."""
    return (SQL / "queries" / f"{query}.sql").read_bytes()


def read(conn: Connection, query: str, row_type: type[Row]) -> list[Row]:
    """All rows of a named query; its columns are the fields of `row_type`."""
    with conn.cursor(row_factory=class_row(row_type)) as cursor:
        return cursor.execute(text(query)).fetchall()


def read_window(
    conn: Connection, query: str, row_type: type[Row], first_day: date, end_day: date
) -> list[Row]:
    """All rows of a named query for the days first_day <= day < end_day."""
    with conn.transaction():
        conn.execute(
            "select set_config('tributary.window_start', %s, true),"
            " set_config('tributary.window_end', %s, true)",
            (first_day.isoformat(), end_day.isoformat()),
        )
        return read(conn, query, row_type)
