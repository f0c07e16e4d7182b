"""Rows of any query as a table, CSV or JSON; numbers stay exact."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import msgspec

from tributary.reports.text import table


def render(names: Sequence[str], rows: Sequence[Sequence[Any]], style: str) -> str:
    """`style` is table, csv or json (a list of objects; repeated names keep the last)."""
    if style == "csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([["" if v is None else v for v in row] for row in rows])
        return text.getvalue()
    if style == "json":
        encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)
        content = encoder.encode([dict(zip(names, row, strict=True)) for row in rows])
        return msgspec.json.format(content, indent=1).decode() + "\n"
    cells = [[_cell(value) for value in row] for row in rows]
    count = "1 row" if len(rows) == 1 else f"{len(rows)} rows"
    return f"{table(list(names), cells, len(names))}\n({count})\n"


def _cell(value: Any) -> str:
    return "-" if value is None else " ".join(str(value).split())
