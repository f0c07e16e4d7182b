"""Migrations are applied once, in order, and never edited: the runner, the sealed file, a plant."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tributary.clock import FixedClock
from tributary.errors import ConfigurationError
from tributary.warehouse import seal
from tributary.warehouse.connection import Connection
from tributary.warehouse.migrate import migrate, migration_files

CLOCK = FixedClock(datetime(2026, 11, 3, tzinfo=UTC))
EDITED = "was edited after it was applied"


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """A copy of the migrations to change."""
    return Path(shutil.copytree(seal.FOLDER, tmp_path / "migrations"))


def test_no_applied_migration_was_edited() -> None:
    sealed = (seal.FOLDER / seal.NAME).read_text().splitlines()
    assert len(sealed) >= 7
    assert seal.edited() == []


def test_an_edited_migration_stops_the_runner_before_anything_is_applied(
    warehouse: Connection, migrations: Path
) -> None:
    assert migrate(warehouse, CLOCK, migrations) == []
    with (migrations / "0003_create_core.sql").open("a") as file:
        file.write("alter table core.sales_order add column margin numeric;\n")
    (migrations / "9999_create_cup.sql").write_text("create table ops.cup (cup_id int)")
    with pytest.raises(ConfigurationError, match=rf"0003_create_core\.sql {EDITED}.*write a new"):
        migrate(warehouse, CLOCK, migrations)
    made = warehouse.execute("select to_regclass('ops.cup')").fetchone()
    assert made == (None,)


def test_a_new_migration_is_applied_once(warehouse: Connection, migrations: Path) -> None:
    (migrations / "9999_create_cup.sql").write_text("create table ops.cup (cup_id int)")
    assert migrate(warehouse, CLOCK, migrations) == ["9999_create_cup.sql"]
    assert migrate(warehouse, CLOCK, migrations) == []


def test_an_edited_migration_fails_without_any_database(migrations: Path) -> None:
    path = migrations / "0003_create_core.sql"
    path.write_text(path.read_text().replace("numeric", "float8", 1))
    assert seal.main(["--check"], migrations).startswith(f"{path.name} {EDITED}")
    before = (migrations / seal.NAME).read_text()
    assert f"{path.name} {EDITED}" in seal.main([], migrations)
    assert (migrations / seal.NAME).read_text() == before


def test_a_removed_migration_is_named(migrations: Path) -> None:
    (migrations / "0006_create_minor_unit.sql").unlink()
    assert "0006_create_minor_unit.sql was removed or renamed" in seal.main(["--check"], migrations)


def test_a_new_migration_is_asked_for_and_then_sealed(migrations: Path) -> None:
    seal.main([], migrations)
    before = (migrations / seal.NAME).read_text().splitlines()
    (migrations / "9999_create_cup.sql").write_text("create table ops.cup (cup_id int)")
    assert seal.main(["--check"], migrations) == (
        f"9999_create_cup.sql is not in {seal.NAME} yet; run `make docs`"
    )
    assert seal.main([], migrations) == ""
    after = (migrations / seal.NAME).read_text().splitlines()
    assert after[:-1] == before and after[-1].endswith("  9999_create_cup.sql")
    assert seal.main(["--check"], migrations) == ""
    assert seal.unsealed(migrations) == []


@pytest.mark.parametrize("name", ["0003_create_more.sql", "create_cup.sql", "9999-cup.sql"])
def test_a_migration_with_a_bad_name_or_a_taken_number_is_refused(
    migrations: Path, name: str
) -> None:
    (migrations / name).write_text("select 1")
    with pytest.raises(ConfigurationError, match=name):
        migration_files(migrations)
