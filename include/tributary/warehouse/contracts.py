"""Contracts: what a core table or mart view promises, written once in the YAML beside its model.

Database comments, docs/mart.md and the quality suites are derived from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec
import yaml

from tributary.errors import ConfigurationError
from tributary.settings import SQL
from tributary.warehouse.connection import name


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One column. `additive` is false for numbers that never sum; `lineage` is left out of comparisons."""

    description: str
    unit: str = ""
    additive: bool | None = None
    nullable: bool = False
    pii: bool = False
    lineage: bool = False
    values: tuple[str, ...] = ()
    minimum: float | None = None
    pattern: str = ""


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule over a row, as a SQL condition that must hold; NULL counts as holding."""

    name: str
    holds: str
    description: str
    severity: Literal["stop", "warn"] = "stop"


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One table or view: its grain (key columns), columns in order, and checks."""

    table: str
    description: str
    grain: tuple[str, ...]
    columns: Mapping[str, Column]
    checks: tuple[Check, ...] = ()

    @property
    def schema(self) -> str:
        return self.table.split(".")[0]

    @property
    def relation(self) -> str:
        return self.table.split(".")[1]


def load(path: Path) -> Contract:
    """Read and check one contract file; ConfigurationError names the file and the field."""
    try:
        contract = msgspec.convert(yaml.safe_load(path.read_text()), Contract)
    except (msgspec.ValidationError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path.relative_to(SQL.parent)}: {error}") from error
    expected = f"{path.parent.name}.{path.stem}"
    if contract.table != expected:
        raise ConfigurationError(f"{path.name}: table is {contract.table!r}, not {expected!r}")
    if unknown := [key for key in contract.grain if key not in contract.columns]:
        raise ConfigurationError(f"{path.name}: grain names unknown columns {unknown}")
    return contract


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
    statements = [
        f"comment on {kind} {target} is {_text(f'{contract.description} One row per {grain}.')}"
    ]
    for column_name, column in contract.columns.items():
        text = column.description
        if column.unit:
            text += f" Unit: {column.unit}."
        if column.additive is False:
            text += " Never sum it."
        statements.append(f"comment on column {target}.{name(column_name)} is {_text(text)}")
    return statements


def _text(text: str) -> str:
    return "'" + " ".join(text.split()).replace("'", "''") + "'"
