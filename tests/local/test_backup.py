"""Backup and restore on a real server: all of it comes back, or nothing changes."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec
import pytest

from tributary.clock import SystemClock
from tributary.errors import ConfigurationError
from tributary.local.airflow import DATABASE
from tributary.local.backup import KEYS, Manifest, run_backup
from tributary.local.grade_seed import run, sandbox
from tributary.local.pgtools import Programs
from tributary.local.restore import read_manifest, run_restore
from tributary.local.state import Installation
from tributary.pipeline.unify import unify
from tributary.sandbox.world import World
from tributary.warehouse.checksum import checksum
from tributary.warehouse.connection import Connection, connect

CLOCK = SystemClock()
SECRETS = {KEYS[0]: "5e" * 32, KEYS[1]: "Zm9ydHktdHdvLWJ5dGVzLW9mLWEtc2VjcmV0LWtleSEhISE="}


@pytest.fixture
def server(
    warehouse_url: str, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    """A server of two databases, as docker-compose.yaml has it, and nothing local."""
    stores = tmp_path / "stores.yml"
    stores.write_text("stores: []\n")
    ours = {"TRIBUTARY_WAREHOUSE_URL": warehouse_url, DATABASE: database}
    for name, value in {**ours, **SECRETS, "TRIBUTARY_CONFIG": str(stores)}.items():
        monkeypatch.setenv(name, value)
    with connect(database) as conn:
        conn.execute("create table connection (conn_id text primary key, password text)")
        conn.execute("insert into connection values ('shopify__nordlicht', 'gAAAAA-encrypted')")
    yield Installation("server", tmp_path / "server")


FILLED = Path(__file__).resolve().parents[1] / "reports" / "filled_warehouse.sql"


def fill(url: str) -> None:
    """Loads, orders, credits and results of checks, as the page's tests read them."""
    with connect(url) as conn:
        conn.execute(FILLED.read_text())


def shape(conn: Connection) -> dict[str, int]:
    """Comments, rights of the analyst, keys, functions, views: what a dump of rows would lose."""
    queries = {
        "comments": "select count(*) from pg_description as d join pg_class as c on c.oid ="
        " d.objoid join pg_namespace as n on n.oid = c.relnamespace where n.nspname in"
        " ('core', 'mart', 'ops', 'staging')",
        "grants": "select count(*) from information_schema.role_table_grants where grantee ="
        " 'analyst' and table_schema = 'mart' and privilege_type = 'SELECT'",
        "usage": "select has_schema_privilege('analyst', 'mart', 'usage')::int",
        "indexes": "select count(*) from pg_indexes where schemaname in ('core', 'ops', 'staging')",
        "functions": "select count(*) from pg_proc as p join pg_namespace as n on n.oid ="
        " p.pronamespace where n.nspname = 'ops'",
        "views": "select count(*) from pg_views where schemaname in ('mart', 'work')",
        "revisions": "select count(*) from ops.revision",
        "loads": "select count(*) from ops.load",
        "migrations": "select count(*) from ops.schema_migration",
    }
    return {name: int(conn.execute(query).fetchone()[0]) for name, query in queries.items()}


def lose(url: str) -> None:
    with connect(url) as conn:
        conn.execute(  # the checks' library keeps its connections
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        for schema in ("mart", "core", "work", "staging", "ops"):
            conn.execute(f"drop schema {schema} cascade")


def test_what_was_dropped_comes_back_whole(
    server: Installation, warehouse_url: str, database: str, tmp_path: Path
) -> None:
    fill(warehouse_url)
    file = tmp_path / "monday.tar"
    with connect(warehouse_url) as conn:
        sums, before = checksum(conn), shape(conn)
    assert before["comments"] > 300 and before["grants"] >= 4 and before["loads"] == 4

    said = "\n".join(run_backup(server, file, CLOCK, dry=False))
    assert "keep elsewhere: TRIBUTARY_KEY, AIRFLOW__CORE__FERNET_KEY" in said
    assert file.stat().st_mode & 0o777 == 0o600
    lose(warehouse_url)
    with connect(database) as conn:
        conn.execute("drop table connection")

    told = run_restore(server, file, CLOCK, dry=False, force=False)
    assert f"all {len(sums)} checksums of core are as dumped" in told[0]
    with connect(warehouse_url) as conn:
        assert checksum(conn) == sums
        assert shape(conn) == before
        conn.execute("set role analyst")
        rows = conn.execute("select count(*) from mart.order_credit").fetchone()
        assert rows is not None and rows[0] > 5
    with connect(database) as conn:
        found = conn.execute("select * from connection").fetchall()
    assert found == [("shopify__nordlicht", "gAAAAA-encrypted")]


@pytest.mark.prove
def test_life_goes_on_after_a_restore(
    server: Installation, warehouse_url: str, tmp_path: Path
) -> None:
    """The same days built, checked, credited and published again move nothing, and a day more
    gives what it gives where nothing was lost."""
    file, world = tmp_path / "backup.tar", World.at(3, date(2026, 11, 2), date(2026, 10, 29))
    later = World(world.seed, date(2026, 11, 3), world.first_day)
    with sandbox(world, tmp_path, CLOCK) as served:
        with connect(warehouse_url) as conn:
            assert run(conn, served, world, CLOCK)
            sums = checksum(conn)
            run_backup(server, file, CLOCK, dry=False)
            served.move_clock(later.as_of)
            assert run(conn, served, later, CLOCK, since=world.as_of)
            undisturbed = checksum(conn)
        assert undisturbed != sums
        lose(warehouse_url)
        run_restore(server, file, CLOCK, dry=False, force=False)
        with connect(warehouse_url) as conn:
            assert checksum(conn) == sums
            conn.execute("update ops.load set publication_id = null where publication_id > 0")
            assert unify(conn, "after the restore", CLOCK)
            moved = conn.execute(
                "select row_counts from ops.publication where run_id = 'after the restore'"
            ).fetchone()
            assert moved is not None and set(moved[0].values()) == {0}
            assert checksum(conn) == sums
            assert run(conn, served, later, CLOCK, since=world.as_of)
            assert checksum(conn) == undisturbed


def test_no_key_is_in_the_file_and_another_key_is_noticed(
    server: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "backup.tar"
    run_backup(server, file, CLOCK, dry=False)
    content = file.read_bytes()
    with tarfile.open(file) as tar:
        names = set(tar.getnames())
        tar.extractall(tmp_path / "out", filter="data")
    assert names == {"manifest.json", "stores.yml", "warehouse.dump", "airflow.dump"}
    for secret in (*SECRETS.values(), os.environ[DATABASE].split(":")[2].split("@")[0]):
        assert secret.encode() not in content
        assert all(secret.encode() not in path.read_bytes() for path in tmp_path.glob("out/*"))

    monkeypatch.setenv(KEYS[0], "00" * 32)
    with pytest.raises(ConfigurationError, match="TRIBUTARY_KEY is another than the backup"):
        run_restore(server, file, CLOCK, dry=False, force=False)
    monkeypatch.delenv(KEYS[0])
    planned = "\n".join(run_restore(server, file, CLOCK, dry=True, force=False))
    assert "TRIBUTARY_KEY is not set here" in planned


def test_dry_runs_say_what_would_be_done_and_do_nothing(
    server: Installation, warehouse_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "backup.tar"
    planned = run_backup(server, file, CLOCK, dry=True)
    assert [line.split(":")[0] for line in planned[:2]] == ["warehouse", "airflow"]
    assert f"would write {file}" in planned[2]
    assert not file.exists()

    run_backup(server, file, CLOCK, dry=False)
    with connect(warehouse_url) as conn:
        conn.execute("create table ops.mine as select 1 as one")
    planned = run_restore(server, file, CLOCK, dry=True, force=False)
    assert sum("would replace the database" in line for line in planned) == 2
    with connect(warehouse_url) as conn:
        assert conn.execute("select one from ops.mine").fetchone() == (1,)


def test_a_warehouse_with_data_is_replaced_only_by_force(
    server: Installation, warehouse_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "empty.tar"
    run_backup(server, file, CLOCK, dry=False)
    with connect(warehouse_url) as conn:
        conn.execute(
            "insert into ops.load (store_id, connector, account_id, stream, run_id, window_start,"
            " window_end, mode, status, started_at) values ('s', 'files', 'a', 'touch', 'r',"
            " '2026-01-01', '2026-01-02', 'backfill', 'landed', '2026-01-02')"
        )
    with pytest.raises(ConfigurationError, match="the warehouse holds 1 loads"):
        run_restore(server, file, CLOCK, dry=False, force=False)
    run_restore(server, file, CLOCK, dry=False, force=True)
    with connect(warehouse_url) as conn:
        assert conn.execute("select count(*) from ops.load").fetchone() == (0,)


def test_nothing_is_restored_while_others_are_connected(
    server: Installation, database: str, tmp_path: Path
) -> None:
    file = tmp_path / "backup.tar"
    run_backup(server, file, CLOCK, dry=False)
    with (
        connect(database, application_name="airflow scheduler"),
        pytest.raises(ConfigurationError, match=r"1 other sessions .*airflow scheduler.*stop"),
    ):
        run_restore(server, file, CLOCK, dry=False, force=True)


def test_a_damaged_or_foreign_file_changes_nothing(
    server: Installation, warehouse_url: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        read_manifest(tmp_path / "absent.tar")
    foreign = tmp_path / "foreign.tar"
    foreign.write_bytes(b"no tar at all")
    with pytest.raises(ConfigurationError, match="not a complete backup"):
        read_manifest(foreign)

    file = tmp_path / "backup.tar"
    run_backup(server, file, CLOCK, dry=False)
    content = bytearray(file.read_bytes())
    content[content.index(b"PGDMP") + 2000] ^= 0xFF
    file.write_bytes(content)
    with connect(warehouse_url) as conn:
        before = shape(conn)
    with pytest.raises(ConfigurationError, match="is not what was written"):
        run_restore(server, file, CLOCK, dry=False, force=True)
    with connect(warehouse_url) as conn:
        assert shape(conn) == before


def test_a_restore_that_fails_half_way_leaves_all_as_it_was(
    server: Installation, warehouse_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "backup.tar"
    run_backup(server, file, CLOCK, dry=False)
    with connect(warehouse_url) as conn:
        before = shape(conn)
        conn.execute("create table ops.mine as select 1 as one")
    replace = Programs.replace

    def fail_late(self: Programs, url: str, dump: Path, first: str, major: int) -> None:
        replace(self, url, dump, first + "create schema core;", major)

    monkeypatch.setattr(Programs, "replace", fail_late)
    with pytest.raises(ConfigurationError, match="nothing was changed"):
        run_restore(server, file, CLOCK, dry=False, force=True)
    with connect(warehouse_url) as conn:
        assert shape(conn) == before
        assert conn.execute("select one from ops.mine").fetchone() == (1,)


def test_the_manifest_reads_what_it_wrote(server: Installation, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    run_backup(server, file, CLOCK, dry=False)
    manifest = read_manifest(file)
    assert manifest == msgspec.json.decode(msgspec.json.encode(manifest), type=Manifest)
    held = manifest.databases["warehouse"]
    assert len(held.migrations) >= 8 and len(held.checksums) >= 10
