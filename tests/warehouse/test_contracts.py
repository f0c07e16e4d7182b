"""Contracts equal the tables they describe, become comments, and are read strictly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tributary.errors import ConfigurationError
from tributary.settings import SQL
from tributary.warehouse import candidates
from tributary.warehouse.connection import Connection
from tributary.warehouse.contracts import comments, load, load_all

_MEASURES = {"numeric", "int2", "int4", "int8", "float4", "float8"}
GOOD = """
table: core.cup
description: Cups.
grain: [cup_id]
write: upsert
columns:
  cup_id: The cup.
  price_amount: {description: Its price., unit: currency_code, additive: true}
checks:
  - {name: dear, description: a cup costs, holds: price_amount > 0, columns: [price_amount]}
"""


def relations(conn: Connection) -> dict[str, dict[str, str]]:
    """Every table of core and view of mart with its columns and types, in order."""
    found: dict[str, dict[str, str]] = {}
    for schema, relation, column, kind in conn.execute(
        "select table_schema, table_name, column_name, udt_name from information_schema.columns"
        " where table_schema in ('core', 'mart') order by 1, 2, ordinal_position"
    ):
        found.setdefault(f"{schema}.{relation}", {})[str(column)] = str(kind)
    return found


def undocumented(conn: Connection) -> list[str]:
    """What is in the database and in no contract, in a contract only, or in another order."""
    real = {table: list(columns) for table, columns in relations(conn).items()}
    stated = {table: list(contract.columns) for table, contract in load_all().items()}
    assert len(real) > 10
    found = []
    for table in sorted(real.keys() | stated.keys()):
        here, there = real.get(table, []), stated.get(table, [])
        found += [f"{table}.{c} has no contract" for c in here if c not in there]
        found += [f"{table}.{c} is in the contract only" for c in there if c not in here]
        if sorted(here) == sorted(there) and here != there:
            found.append(f"{table} has its columns in another order than its contract")
    return found


def test_every_table_and_view_has_a_contract_with_its_columns_in_order(
    warehouse: Connection,
) -> None:
    assert undocumented(warehouse) == []


def test_an_undocumented_mart_column_is_named(warehouse: Connection) -> None:
    body = (SQL / "models" / "mart" / "freshness.sql").read_text()
    warehouse.execute(
        "create or replace view mart.freshness as"
        f" select f.*, 1 as secret_margin from ({body}) as f;"
        " create view mart.whim as select 1 as mood"
    )
    assert undocumented(warehouse) == [
        "mart.freshness.secret_margin has no contract",
        "mart.whim.mood has no contract",
    ]


def test_a_contract_of_what_is_not_there_is_named(warehouse: Connection) -> None:
    warehouse.execute("drop view mart.freshness cascade")
    assert "mart.freshness.store_id is in the contract only" in undocumented(warehouse)


def test_every_table_and_column_carries_its_contract_as_comment(warehouse: Connection) -> None:
    rows = warehouse.execute(
        "select n.nspname || '.' || c.relname, coalesce(a.attname, ''),"
        " case when a.attnum is null then obj_description(c.oid)"
        " else col_description(c.oid, a.attnum) end"
        " from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
        " left join lateral (select null::name as attname, null::int2 as attnum union all"
        "   select attname, attnum from pg_attribute where attrelid = c.oid and attnum > 0"
        "   and not attisdropped) as a on true"
        " where n.nspname in ('core', 'mart') and c.relkind in ('r', 'v')"
    ).fetchall()
    assert len(rows) > 150
    assert [row[:2] for row in rows if not row[2]] == []
    texts = {(str(row[0]), str(row[1])): str(row[2]) for row in rows}
    net = load_all()["core.sales_order"].columns["net_amount"]
    assert texts["core.sales_order", "net_amount"].startswith(net.description)
    assert "One row per store_id, connector" in texts["core.sales_order", ""]


def test_the_grain_of_a_core_contract_is_the_primary_key(warehouse: Connection) -> None:
    for contract in load_all().values():
        if contract.schema == "core":
            assert list(contract.grain) == candidates.key_columns(warehouse, contract.relation)


def test_nullable_columns_are_those_of_the_table(warehouse: Connection) -> None:
    nullable = {
        (str(table), str(column))
        for table, column in warehouse.execute(
            "select 'core.' || table_name, column_name from information_schema.columns"
            " where table_schema = 'core' and is_nullable = 'YES'"
        )
    }
    stated = {
        (table, column)
        for table, contract in load_all().items()
        for column, spec in contract.columns.items()
        if spec.nullable and contract.schema == "core"
    }
    assert stated == nullable


def test_every_measure_says_whether_it_sums(warehouse: Connection) -> None:
    silent = [
        f"{table}.{column}"
        for table, columns in relations(warehouse).items()
        for column, kind in columns.items()
        if kind in _MEASURES
        and not column.endswith("_id")
        and load_all()[table].columns[column].additive is None
    ]
    assert silent == []


def test_money_columns_name_a_currency_of_their_row() -> None:
    amounts = 0
    for contract in load_all().values():
        for column, spec in contract.columns.items():
            if column.endswith("_amount"):
                amounts += 1
                assert spec.unit in contract.columns, f"{contract.table}.{column}: {spec.unit!r}"
    assert amounts > 20


def test_lineage_columns_are_those_that_comparisons_leave_out() -> None:
    lineage = {
        column
        for contract in load_all().values()
        if contract.schema == "core"
        for column, spec in contract.columns.items()
        if spec.lineage
    }
    assert lineage == candidates.LINEAGE


def test_no_mart_view_sums_what_never_sums() -> None:
    never = {
        column
        for contract in load_all().values()
        for column, spec in contract.columns.items()
        if spec.additive is False
    }
    views = sorted((SQL / "models" / "mart").glob("*.sql"))
    assert never and views
    for path in views:
        summed = set(re.findall(r"\bsum\(\s*(?:\w+\.)?(\w+)", path.read_text().lower()))
        assert not summed & never, f"{path.name} sums {sorted(summed & never)}"


def test_every_cross_check_file_belongs_to_a_contract_or_to_the_run() -> None:
    named = {c.query for contract in load_all().values() for c in contract.checks if c.query}
    files = {path.stem for path in (SQL / "checks").glob("*.sql")}
    of_the_run = {name for name in files if name.startswith("run_")}
    assert named and of_the_run and files == named | of_the_run


def test_comments_survive_quotes_and_line_breaks(tmp_path: Path) -> None:
    contract = load(_file(tmp_path, GOOD.replace("The cup.", "The shop's\n    cup; 100 % {clay}.")))
    assert comments(contract)[1] == (
        """comment on column "core"."cup"."cup_id" is 'The shop''s cup; 100 % {clay}.'"""
    )
    assert comments(contract)[2].endswith("'Its price. Unit: currency_code.'")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "cup_id: The cup.",
            "cup_id: {description: The cup., unti: pieces}",
            "column cup_id.*unti",
        ),
        ("cup_id: The cup.", "cup_id: The cup.\n  cup_id: Again.", "cup_id is there twice"),
        ("cup_id: The cup.", "cup_id: 3", "column cup_id"),
        ("additive: true", "additive: perhaps", "column price_amount.*additive"),
        ("grain: [cup_id]", "grain: [cup_key]", "grain.*cup_key"),
        ("table: core.cup", "table: core.mug", "core.mug.*core.cup"),
        ("write: upsert", "write: append", "write"),
        ("write: upsert\n", "", "write: view"),
        ("description: Cups.\n", "", "description"),
        ("holds: price_amount > 0", "holds: price_amount > 0, query: x", "dear.*either"),
        ("holds: price_amount > 0", "query: no_such_file", "dear.*no_such_file"),
        ("columns: [price_amount]", "columns: [colour]", "dear.*colour"),
    ],
)
def test_a_wrong_contract_is_refused_with_file_and_field(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in GOOD
    with pytest.raises(ConfigurationError, match=rf"(?s)cup\.yml: .*{said}"):
        load(_file(tmp_path, GOOD.replace(old, new)))


def _file(folder: Path, text: str) -> Path:
    path = folder / "core" / "cup.yml"
    path.parent.mkdir()
    path.write_text(text)
    return path
