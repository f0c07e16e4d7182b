"""BigQuery's own words for the rows of an Arrow schema: column types, cells, bytes.

Source: BigQuery API v2, TableFieldSchema and TableRow ({"f": [{"v": ...}]}, scalars as text).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

Json = dict[str, Any]


def field(name: str, kind: pa.DataType) -> Json:
    """A column as the API describes it."""
    mode = "NULLABLE"
    if pa.types.is_list(kind):
        mode, kind = "REPEATED", kind.value_type
    found: Json = {"name": name, "type": _type(kind), "mode": mode}
    if pa.types.is_struct(kind):
        found["fields"] = [field(part.name, part.type) for part in _parts(kind)]
    return found


def writer(kind: pa.DataType) -> Callable[[Any], Json]:
    """Writes values of that type as the API does."""
    if pa.types.is_list(kind):
        one = writer(kind.value_type)
        return lambda value: {"v": [one(part) for part in value or ()]}
    if pa.types.is_struct(kind):
        parts = [(part.name, writer(part.type)) for part in _parts(kind)]
        return lambda value: {
            "v": None if value is None else {"f": [w(value.get(name)) for name, w in parts]}
        }
    if pa.types.is_boolean(kind):
        return lambda value: {"v": None if value is None else str(value).lower()}
    return lambda value: {"v": None if value is None else str(value)}


def bytes_of(column: pa.ChunkedArray, path: tuple[str, ...]) -> int:
    """Bytes that reading a part of a column counts: about the vendor's, which are 8 a number and
    2 more than its length a text."""
    for name in path:
        column = pc.struct_field(column, name)
    return int(column.nbytes)


def part(kind: pa.DataType, path: tuple[str, ...]) -> pa.DataType | None:
    """The type of a part of a record; None when it has no such part."""
    for name in path:
        if not pa.types.is_struct(kind) or kind.get_field_index(name) < 0:
            return None
        kind = kind.field(name).type
    return kind


def value_at(value: Any, path: tuple[str, ...]) -> Any:
    """A part of a record's value; a part of nothing is nothing."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _parts(kind: pa.StructType) -> list[pa.Field]:
    return [kind.field(i) for i in range(kind.num_fields)]


def _type(kind: pa.DataType) -> str:
    if pa.types.is_struct(kind):
        return "RECORD"
    if pa.types.is_integer(kind):
        return "INTEGER"
    if pa.types.is_floating(kind):
        return "FLOAT"
    return "BOOLEAN" if pa.types.is_boolean(kind) else "STRING"
