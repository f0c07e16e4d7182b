"""The parts of BigQuery's answers that are used, and its rows.

Source: BigQuery API v2, reference of tables.get, jobs.query and jobs.getQueryResults. Numbers of
64 bits come as text. A row is {"f": [{"v": ...}, ...]} in the order of the schema, a record again
a row, a repeated field a list of {"v": ...}.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from tributary.connectors.shared.values import BadValue


class Field(msgspec.Struct):
    """One column of a schema."""

    name: str
    type: str
    mode: str = "NULLABLE"
    fields: list[Field] = []


class Schema(msgspec.Struct):
    fields: list[Field]


class Table(msgspec.Struct, rename="camel"):
    """What is known of a table without reading it: free of charge."""

    table_schema: Schema = msgspec.field(name="schema")
    num_rows: str
    num_bytes: str
    last_modified_time: str
    type: str = "TABLE"


class JobReference(msgspec.Struct, rename="camel"):
    project_id: str = ""
    job_id: str = ""
    location: str = ""


class Reply(msgspec.Struct, rename="camel"):
    """An answer of jobs.query or jobs.getQueryResults; rows only when the job is complete."""

    job_complete: bool
    job_reference: JobReference = msgspec.field(default_factory=JobReference)
    table_schema: Schema | None = msgspec.field(name="schema", default=None)
    total_rows: str = ""
    page_token: str | None = None
    rows: list[msgspec.Raw] = []
    total_bytes_processed: str = "0"


class ErrorPart(msgspec.Struct):
    reason: str = ""
    message: str = ""


class ErrorBody(msgspec.Struct):
    code: int = 0
    message: str = ""
    errors: list[ErrorPart] = []
    status: str = ""


class Refused(msgspec.Struct):
    """The body of an error status."""

    error: ErrorBody


class _Cell(msgspec.Struct):
    v: Any


class _Row(msgspec.Struct):
    f: list[_Cell]


_decode_row = msgspec.json.Decoder(_Row).decode


def row_of(raw: bytes, schema: Schema) -> dict[str, Any]:
    """Column name -> value: integers as int, records as dict, lists as list, the rest as text.

    BadValue when the row does not fit the schema. Floats keep the vendor's text.
    """
    try:
        cells = [cell.v for cell in _decode_row(raw).f]
    except msgspec.ValidationError as error:
        raise BadValue(f"not a row as the API writes it: {error}") from error
    return _record(cells, schema.fields)


def shown(raw: bytes, schema: Schema, names: Collection[str]) -> str:
    """The named columns of a row that cannot be read, as JSON for a person who looks into it."""
    try:
        cells = [cell.v for cell in _decode_row(raw).f]
    except msgspec.ValidationError:
        cells = []
    found = {
        field.name: str(cell)
        for field, cell in zip(schema.fields, cells, strict=False)
        if field.name in names
    }
    return msgspec.json.encode(found).decode()


def _record(cells: list[Any], fields: list[Field]) -> dict[str, Any]:
    if len(cells) != len(fields):
        raise BadValue(f"{len(cells)} values where the schema has {len(fields)} columns")
    return {field.name: _value(cell, field) for field, cell in zip(fields, cells, strict=True)}


def _value(cell: Any, field: Field) -> Any:
    if field.mode == "REPEATED":
        if not isinstance(cell, list):
            raise BadValue(f"{field.name} is no list")
        return [_single(part["v"], field) for part in cell]
    return None if cell is None else _single(cell, field)


def _single(cell: Any, field: Field) -> Any:
    if field.type in ("RECORD", "STRUCT"):
        if not isinstance(cell, dict) or not isinstance(cell.get("f"), list):
            raise BadValue(f"{field.name} is no record")
        return _record([part["v"] for part in cell["f"]], field.fields)
    if cell is None or not isinstance(cell, str):
        raise BadValue(f"{field.name} is {cell!r}, not text as the API writes values")
    if field.type in ("INTEGER", "INT64"):
        try:
            return int(cell)
        except ValueError:
            raise BadValue(f"{field.name} is {cell!r}, not a whole number") from None
    return cell
