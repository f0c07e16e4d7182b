"""The little GoogleSQL the sandbox runs: named columns of one table, and items of a list by key.

    select 1
    select a, b.c as d, array(select p from unnest(e) as p where p.key in ('x', 'y')) as f
    from `project.dataset.table`

Anything else is refused, as is a column that the table does not have.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tributary.sandbox import bigquery_rows as rows

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_SELECT = re.compile(r"\s*select\s+(?P<items>.+?)\s+from\s+`(?P<table>[^`]+)`\s*;?\s*", re.I | re.S)
_COLUMN = re.compile(rf"(?P<path>{_NAME}(?:\.{_NAME})*)(?:\s+as\s+(?P<alias>{_NAME}))?", re.I)
_ITEMS_BY_KEY = re.compile(
    rf"array\s*\(\s*select\s+(?P<one>{_NAME})\s+from\s+unnest\s*\(\s*(?P<path>{_NAME})\s*\)\s+as\s+"
    r"(?P=one)\s+where\s+(?P=one)\.key\s+in\s*\(\s*(?P<keys>'[^']*'(?:\s*,\s*'[^']*')*)\s*\)\s*\)"
    rf"\s+as\s+(?P<alias>{_NAME})",
    re.I,
)


class InvalidQuery(Exception):
    """What the vendor says about a query it cannot run."""


@dataclass(frozen=True)
class Column:
    """One column of a result: the part of the row at `path`; only the listed `keys` of a list."""

    name: str
    path: tuple[str, ...]
    keys: frozenset[str] | None
    type: pa.DataType
    write: Callable[[Any], rows.Json]

    def cell(self, row: dict[str, Any]) -> rows.Json:
        value = rows.value_at(row, self.path)
        if self.keys is not None:
            value = [item for item in value or () if item["key"] in self.keys]
        return self.write(value)


@dataclass(frozen=True)
class Query:
    """A parsed query: the names of project, dataset and table, and the items as written."""

    table: tuple[str, ...]
    items: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Query | None:
        """None for `select 1`; InvalidQuery for what is not understood."""
        if re.fullmatch(r"\s*select\s+1\s*;?\s*", text, re.I):
            return None
        match = _SELECT.fullmatch(text)
        if match is None:
            raise InvalidQuery("Syntax error: Expected a SELECT of columns FROM one `table`")
        return cls(tuple(match["table"].split(".")), tuple(_split(match["items"])))

    def columns(self, schema: pa.Schema) -> list[Column]:
        """The result's columns over a table of that schema."""
        return [_column(item, pa.struct(list(schema))) for item in self.items]


def _split(items: str) -> Iterator[str]:
    """Commas outside parentheses divide items."""
    depth, start = 0, 0
    for i, sign in enumerate(items):
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            yield items[start:i].strip()
            start = i + 1
    yield items[start:].strip()


def _column(item: str, table: pa.StructType) -> Column:
    match = _COLUMN.fullmatch(item)
    keys = None
    if match is None:
        match = _ITEMS_BY_KEY.fullmatch(item)
        if match is None:
            raise InvalidQuery(f"Syntax error: Unexpected {item!r}")
        keys = frozenset(key.strip().strip("'") for key in match["keys"].split(","))
    path = tuple(match["path"].split("."))
    kind = rows.part(table, path)
    if kind is None:
        raise InvalidQuery(f"Unrecognized name: {match['path']}")
    return Column(match["alias"] or path[-1], path, keys, kind, rows.writer(kind))
