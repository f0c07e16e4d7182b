"""Contracts: what a core table or mart view promises, written once in the YAML beside its model.

Database comments, docs/mart.md and the quality suites are derived from them.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from tributary.errors import ConfigurationError
from tributary.settings import SQL
from tributary.warehouse.connection import name

Severity = Literal["stop", "warn"]
Write = Literal[
    "view", "replace_window", "replace_store", "replace_person", "replace_conversion", "upsert"
]

_WRITES = {
    "view": "",
    "replace_window": "A run replaces the rows of the source days it rebuilds.",
    "replace_store": "A run replaces all rows of the stores it touches.",
    "replace_person": "A run replaces all rows of the people it finds anew.",
    "replace_conversion": "A run replaces all rows of the conversions it touches.",
    "upsert": "A run adds rows and updates them by key.",
}


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One column and the rules its values keep.

    `additive` must be stated for measures: false for numbers that never sum (rates, reach).
    `lineage` columns (run ids) are left out of comparisons. `pii` columns say something about a
    person, if only a pseudonym: check results never show them. `severity` is that of the column's
    own rules (`values`, `minimum`, `pattern`); a NULL where none may be always stops.
    """

    description: str
    unit: str = ""
    additive: bool | None = None
    nullable: bool = False
    pii: bool = False
    lineage: bool = False
    values: tuple[str, ...] = ()
    minimum: float | None = None
    pattern: str = ""
    severity: Severity = "stop"


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule beyond one column; exactly one of `holds` and `query`.

    `holds` is a SQL condition over a row that must be true (NULL counts as holding), `columns` the
    ones it shows when broken. `query` names a file sql/checks/<query>.sql: a SELECT of the rows
    that break the rule, key first, for rules that span tables.
    """

    name: str
    description: str
    holds: str = ""
    columns: tuple[str, ...] = ()
    query: str = ""
    severity: Severity = "stop"

    @property
    def path(self) -> Path:
        return SQL / "checks" / f"{self.query}.sql"


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One table or view: its grain (key columns), how it is written, columns in order, checks."""

    table: str
    description: str
    grain: tuple[str, ...]
    columns: dict[str, Column]
    write: Write = "view"
    checks: tuple[Check, ...] = ()

    @property
    def schema(self) -> str:
        return self.table.split(".")[0]

    @property
    def relation(self) -> str:
        return self.table.split(".")[1]


def load(path: Path) -> Contract:
    """Read and check one contract file; ConfigurationError names the file and the field."""
    where = path.relative_to(SQL.parent) if path.is_relative_to(SQL.parent) else path
    try:
        raw = yaml.load(path.read_bytes(), _Loader)
        if isinstance(raw, dict) and isinstance(raw.get("columns"), dict):
            raw["columns"] = {key: _column(key, value) for key, value in raw["columns"].items()}
        contract = msgspec.convert(raw, Contract)
    except (msgspec.ValidationError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{where}: {error}") from error
    if problem := _problem(contract, path):
        raise ConfigurationError(f"{where}: {problem}")
    return contract


def _column(key: Hashable, raw: object) -> Column:
    """A column from its mapping, or from a plain description."""
    try:
        return msgspec.convert({"description": raw} if isinstance(raw, str) else raw, Column)
    except msgspec.ValidationError as error:
        raise msgspec.ValidationError(f"column {key}: {error}") from error


def _problem(contract: Contract, path: Path) -> str:
    """What is wrong with a well-formed contract, or ''."""
    expected = f"{path.parent.name}.{path.stem}"
    if contract.table != expected:
        return f"`table` is {contract.table!r}, the file's place says {expected!r}"
    if unknown := [key for key in contract.grain if key not in contract.columns]:
        return f"`grain` names columns that are not in `columns`: {', '.join(unknown)}"
    if (contract.schema == "mart") != (contract.write == "view"):
        return f"`write: {contract.write}` does not fit schema {contract.schema}"
    names = [check.name for check in contract.checks]
    for check in contract.checks:
        field = f"`checks` - {check.name}"
        if names.count(check.name) > 1:
            return f"{field} is there twice"
        if bool(check.holds) == bool(check.query):
            return f"{field} needs either `holds` or `query`"
        if check.query and not check.path.is_file():
            return f"{field}: `query` names sql/checks/{check.query}.sql, which is not there"
        if unknown := [column for column in check.columns if column not in contract.columns]:
            return f"{field}: `columns` names {', '.join(unknown)}, not in the table"
    return ""


@cache
def load_all() -> dict[str, Contract]:
    """Every contract by table name, core before mart."""
    paths = [
        *sorted((SQL / "models" / "core").glob("*.yml")),
        *sorted((SQL / "models" / "mart").glob("*.yml")),
    ]
    return {contract.table: contract for contract in map(load, paths)}


def comments(contract: Contract) -> list[str]:
    """COMMENT ON statements for the table or view and each of its columns."""
    kind = "view" if contract.schema == "mart" else "table"
    target = name(contract.schema, contract.relation)
    grain = ", ".join(contract.grain)
    summary = f"{contract.description} One row per {grain}. {_WRITES[contract.write]}"
    statements = [f"comment on {kind} {target} is {_text(summary)}"]
    for column_name, column in contract.columns.items():
        statements.append(
            f"comment on column {target}.{name(column_name)} is {_text(explain(column))}"
        )
    return statements


def explain(column: Column) -> str:
    """The column's description with its unit and whether it may be summed."""
    text = " ".join(column.description.split())
    if column.unit:
        text += f" Unit: {column.unit}."
    if column.additive is False:
        text += " Never sum it."
    return text


def _text(text: str) -> str:
    return "'" + " ".join(text.split()).replace("'", "''") + "'"


class _Loader(yaml.SafeLoader):
    """YAML that refuses one key twice in a mapping, where plain YAML keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value]
        if doubled := sorted({key for key in keys if keys.count(key) > 1}):
            raise yaml.constructor.ConstructorError(
                None, None, f"{', '.join(doubled)} is there twice", node.start_mark
            )
        return super().construct_mapping(node, deep)
