"""Contracts and the database say the same; every column people can read is explained."""

from __future__ import annotations

import pytest
from tributary.warehouse import contracts
from tributary.warehouse.connection import Connection


def table_columns(conn: Connection, schema: str) -> dict[str, list[str]]:
    rows = conn.execute(
        "select table_name, array_agg(column_name::text order by ordinal_position)"
        " from information_schema.columns where table_schema = %s group by 1",
        (schema,),
    ).fetchall()
    return {f"{schema}.{row[0]}": row[1] for row in rows}


@pytest.mark.parametrize("schema", ["core", "mart"])
def test_every_table_has_a_contract_with_its_columns_in_order(
    warehouse: Connection, schema: str
) -> None:
    real = table_columns(warehouse, schema)
    promised = {
        table: list(contract.columns)
        for table, contract in contracts.load_all().items()
        if contract.schema == schema
    }
    assert len(real) >= 4
    assert promised == real


@pytest.mark.parametrize("schema", ["core", "mart"])
def test_every_table_and_column_has_a_comment(warehouse: Connection, schema: str) -> None:
    rows = warehouse.execute(
        "select c.relname, a.attname, col_description(c.oid, a.attnum)"
        " from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
        " join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped"
        " where n.nspname = %s and c.relkind in ('r', 'v')",
        (schema,),
    ).fetchall()
    assert len(rows) > 30
    assert [row[:2] for row in rows if not row[2]] == []


def test_the_grain_of_a_core_contract_is_the_primary_key(warehouse: Connection) -> None:
    rows = warehouse.execute(
        "select 'core.' || c.relname, array_agg(a.attname::text) from pg_index as i"
        " join pg_class as c on c.oid = i.indrelid join pg_namespace as n on n.oid = c.relnamespace"
        " join pg_attribute as a on a.attrelid = c.oid and a.attnum = any(i.indkey)"
        " where n.nspname = 'core' and i.indisprimary group by 1"
    ).fetchall()
    assert len(rows) >= 10
    for table, key in rows:
        assert set(contracts.load_all()[str(table)].grain) == set(key), table


def test_the_analyst_reads_mart_and_nothing_else(warehouse: Connection) -> None:
    warehouse.execute("set role analyst")
    assert warehouse.execute("select count(*) from mart.channel_performance").fetchone() == (0,)
    denied = warehouse.execute(
        "select has_schema_privilege('analyst', 'core', 'usage'),"
        " has_schema_privilege('analyst', 'ops', 'usage'),"
        " has_table_privilege('analyst', 'mart.order_credit', 'insert')"
    ).fetchone()
    assert denied == (False, False, False)
