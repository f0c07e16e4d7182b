"""Everything twice: landing and publishing the same days again writes no row version."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tributary.clock import SystemClock
from tributary.local.grade_seed import run, sandbox
from tributary.pipeline.unify import unify
from tributary.sandbox.world import World
from tributary.warehouse.checksum import checksum
from tributary.warehouse.connection import Connection

SCHEMAS = ("staging", "core")


def row_versions(conn: Connection) -> dict[str, list[tuple[str, str]]]:
    """Every row's place and writing transaction, per table: any rewrite shows."""
    tables = conn.execute(
        "select table_schema, table_name from information_schema.tables"
        " where table_schema = any(%s) and table_type = 'BASE TABLE' order by 1, 2",
        (list(SCHEMAS),),
    ).fetchall()
    return {
        f"{schema}.{table}": conn.execute(
            f"select ctid::text, xmin::text from {schema}.{table} order by ctid"
        ).fetchall()
        for schema, table in tables
    }


def writes(conn: Connection) -> int:
    """Rows inserted, updated and deleted in staging and core, from the server's statistics."""
    conn.execute("select pg_stat_force_next_flush()")
    row = conn.execute(
        "select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables"
        " where schemaname = any(%s)",
        (list(SCHEMAS),),
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_second_run_and_a_second_publication_write_no_row_version(
    warehouse: Connection, tmp_path: Path
) -> None:
    clock = SystemClock()
    world = World.at(3, date(2026, 11, 2), date(2026, 10, 24))
    with sandbox(world, tmp_path, clock) as served:
        assert run(warehouse, served, world, clock)
        sums, versions, written = checksum(warehouse), row_versions(warehouse), writes(warehouse)
        assert sum(len(rows) for rows in versions.values()) > 2_000
        assert written >= sum(len(rows) for rows in versions.values())

        assert not run(warehouse, served, world, clock)
        assert row_versions(warehouse) == versions

    # The same days built, checked, credited and published again, as after a lost publication.
    warehouse.execute("update ops.load set publication_id = null where publication_id > 0")
    assert unify(warehouse, "again", clock)
    moved = warehouse.execute(
        "select row_counts from ops.publication where run_id = 'again'"
    ).fetchone()
    assert moved is not None
    assert set(moved[0].values()) == {0}
    assert checksum(warehouse) == sums
    assert row_versions(warehouse) == versions
    assert writes(warehouse) == written
    assert warehouse.execute("select count(*) from ops.revision").fetchone() == (0,)
