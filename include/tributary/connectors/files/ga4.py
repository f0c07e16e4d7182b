"""GA4's BigQuery export saved as Parquet (events_YYYYMMDD) -> rows of staging.files__ga4_event."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tributary.connectors.files.convert import Context
from tributary.connectors.files.reader import parquet_batches
from tributary.connectors.shared import ga4_event
from tributary.errors import SchemaDrift

Row = dict[str, Any]


def events(path: Path, context: Context) -> Iterator[list[tuple[int, Any]]]:
    """Batches of (line, row tuple or BadValue with the event's payload as second argument)."""
    line = 1
    about = ga4_event.Property(
        context.currency, context.lookback_days, context.spec.ignored_referrers
    )
    for batch in parquet_batches(path, ga4_event.COLUMNS):
        out: list[tuple[int, Any]] = []
        for event in _flatten(batch, context):
            line += 1
            out.append((line, ga4_event.decode(event, about)))
        yield out


def _flatten(batch: Any, context: Context) -> Iterator[Row]:
    names = set(batch.schema.names)
    missing = [c for c in ga4_event.COLUMNS[:4] if c not in names]
    if missing:
        raise SchemaDrift(f"{context.name} is no GA4 export: it has no {', '.join(missing)}")
    columns: dict[str, list[Any]] = {
        name: batch.column(name).to_pylist() for name in names if name not in ("event_params",)
    }
    params = _params(batch.column("event_params"), batch.num_rows)
    for i in range(batch.num_rows):
        event = {name: values[i] for name, values in columns.items()}
        event["params"] = params[i]
        yield event


def _params(column: Any, rows: int) -> list[dict[str, str]]:
    """The wanted event_params of each row as text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    flat = column.flatten()
    keys = pc.struct_field(flat, "key")
    wanted = pc.is_in(keys, value_set=pa.array(ga4_event.PARAMS))
    parents = pc.list_parent_indices(column).filter(wanted).to_pylist()
    value = pc.struct_field(flat, "value").filter(wanted)
    fields = {value.type.field(i).name for i in range(value.type.num_fields)}
    kinds = [f for f in ("string_value", "int_value", "float_value", "double_value") if f in fields]
    texts = pc.coalesce(*(pc.struct_field(value, k).cast(pa.string()) for k in kinds)).to_pylist()
    found: list[dict[str, str]] = [{} for _ in range(rows)]
    for row, key, text in zip(parents, keys.filter(wanted).to_pylist(), texts, strict=True):
        if text is not None:
            found[row].setdefault(key, text.strip())
    return found
