"""Columns of numbers between PostgreSQL and numpy by binary COPY, without an object per value.

Every value is of fixed width and none is NULL, so a row is a record of fixed size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tributary.warehouse.connection import Connection, name

# Type in SQL -> big-endian in the wire format. A timestamp is microseconds since 2000-01-01 UTC,
# a date days since then.
WIRE = {
    "int2": ">i2",
    "int4": ">i4",
    "int8": ">i8",
    "float8": ">f8",
    "timestamptz": ">i8",
    "date": ">i4",
}
EPOCH_2000_US = 946_684_800_000_000

_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_HEAD = len(_SIGNATURE) + 8
_END = b"\xff\xff"

Array = npt.NDArray[Any]


def fetch(
    conn: Connection,
    query: str,
    types: Mapping[str, str],
    params: Mapping[str, object] | None = None,
) -> dict[str, Array]:
    """The columns of `query`, named and typed by `types`, in its order. Timestamps come as
    microseconds since 1970 UTC. ValueError where a value is NULL or of another width.
    """
    record = _record(types)
    received = bytearray()
    with (
        conn.cursor() as cursor,
        cursor.copy(f"copy ({query}) to stdout (format binary)", params) as copy,
    ):
        for part in copy:
            received += part
    body = len(received) - _HEAD - len(_END)
    if body % record.itemsize:
        raise ValueError("a column has a NULL or another type than was said")
    rows = np.frombuffer(received, dtype=record, count=body // record.itemsize, offset=_HEAD)
    found: dict[str, Array] = {}
    for column, sql_type in types.items():
        if len(rows) and not (rows[f"{column} width"] == record[column].itemsize).all():
            raise ValueError(f"column {column} has a NULL or is not {sql_type}")
        found[column] = rows[column].astype(np.dtype(WIRE[sql_type]).newbyteorder("="))
        if sql_type == "timestamptz":
            found[column] += EPOCH_2000_US
    return found


def write(
    conn: Connection, table: Sequence[str], types: Mapping[str, str], columns: Mapping[str, Array]
) -> None:
    """Append rows given as columns of equal length; a timestamp is microseconds since 1970 UTC."""
    record = _record(types)
    size = len(columns[next(iter(types))])
    rows = np.zeros(size, dtype=record)
    rows["fields"] = len(types)
    for column, sql_type in types.items():
        rows[f"{column} width"] = record[column].itemsize
        rows[column] = columns[column] - (EPOCH_2000_US if sql_type == "timestamptz" else 0)
    listed = ", ".join(name(column) for column in types)
    with (
        conn.cursor() as cursor,
        cursor.copy(f"copy {name(*table)} ({listed}) from stdin (format binary)") as copy,
    ):
        copy.write(_SIGNATURE + bytes(8))
        for begin in range(0, size, _BLOCK):
            copy.write(rows[begin : begin + _BLOCK].tobytes())
        copy.write(_END)


_BLOCK = 1 << 16


def _record(types: Mapping[str, str]) -> np.dtype[Any]:
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for column, sql_type in types.items():
        fields += [(f"{column} width", ">i4"), (column, WIRE[sql_type])]
    return np.dtype(fields)
