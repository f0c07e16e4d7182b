"""Brings a database to the checkout's state: numbered migrations, work tables, mart views,
comments, role.

Each migration runs in one transaction with its ops.schema_migration row. A file that was applied
and edited since stops the run: write a new one. The rest is derived from the contracts and
idempotent.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import psycopg

from tributary.clock import Clock
from tributary.errors import ConfigurationError
from tributary.settings import SQL
from tributary.warehouse import candidates, contracts
from tributary.warehouse.connection import Connection, locked, name

_FILE = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")
_MART_ROLE = "analyst"


def migrate(conn: Connection, clock: Clock, folder: Path = SQL / "migrations") -> list[str]:
    """Apply what is missing; returns the names of the migrations applied now."""
    with locked(conn, "migrate"):
        conn.execute("create schema if not exists ops")
        conn.execute(
            "create table if not exists ops.schema_migration ("
            "name text primary key, checksum text not null, applied_at timestamptz not null)"
        )
        applied = [path.name for path in migration_files(folder) if _apply(conn, path, clock)]
        with conn.transaction():
            candidates.create_work_tables(conn)
            _create_mart_views(conn)
            for statement in _comments(conn):
                conn.execute(statement)
            _grant_read_only(conn)
    return applied


def migration_files(folder: Path) -> list[Path]:
    """The migrations of a folder, in order; ConfigurationError for a bad name or number."""
    files = sorted(folder.glob("*.sql"))
    numbers: dict[str, str] = {}
    for path in files:
        match = _FILE.match(path.name)
        if match is None:
            raise ConfigurationError(f"{path.name}: a migration is named NNNN_verb_object.sql")
        if match[1] in numbers:
            raise ConfigurationError(f"{path.name} and {numbers[match[1]]} have the same number")
        numbers[match[1]] = path.name
    if not files:
        raise ConfigurationError(f"no migrations in {folder}")
    return files


def _apply(conn: Connection, path: Path, clock: Clock) -> bool:
    text, checksum = path.read_text(), checksum_of(path)
    row = conn.execute(
        "select checksum from ops.schema_migration where name = %s", (path.name,)
    ).fetchone()
    if row is not None:
        if row[0] != checksum:
            raise ConfigurationError(
                f"migration {path.name} was edited after it was applied; "
                "restore it and write a new migration for the change"
            )
        return False
    with conn.transaction():
        conn.execute(text)
        conn.execute(
            "insert into ops.schema_migration values (%s, %s, %s)",
            (path.name, checksum, clock.now()),
        )
    return True


def checksum_of(path: Path) -> str:
    """What ops.schema_migration keeps of a migration's text."""
    return hashlib.sha256(path.read_text().encode()).hexdigest()


def _create_mart_views(conn: Connection) -> None:
    """Create or replace every mart view; a view that reads another one waits for it."""
    waiting = sorted((SQL / "models" / "mart").glob("*.sql"))
    while waiting:
        late = [path for path in waiting if not _create_view(conn, path)]
        if len(late) == len(waiting):
            raise ConfigurationError(f"mart views need each other or what is not there: {late}")
        waiting = late


def _create_view(conn: Connection, path: Path) -> bool:
    view = name("mart", path.stem)
    body = path.read_text().rstrip().rstrip(";")
    try:
        with conn.transaction():
            conn.execute(f"create or replace view {view} as {body}")
    except psycopg.errors.UndefinedTable as error:
        if 'relation "mart.' in str(error):
            return False
        raise
    except psycopg.errors.InvalidTableDefinition:
        # Columns moved: the view is rebuilt with the views on it, its data lives in core.
        conn.execute(f"drop view {view} cascade")
        conn.execute(f"create view {view} as {body}")
    return True


def _comments(conn: Connection) -> list[str]:
    return [
        statement
        for contract in contracts.load_all().values()
        for statement in contracts.comments(contract)
    ]


def _grant_read_only(conn: Connection) -> None:
    """The role `analyst` reads mart and nothing else; it gets a login where the installation wants
    one.
    """
    role = name(_MART_ROLE)
    known = conn.execute("select 1 from pg_roles where rolname = %s", (_MART_ROLE,)).fetchone()
    if known is None:
        try:
            with conn.transaction():
                conn.execute(f"create role {role} nologin")
        except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            pass  # created by another database of this cluster in the same moment
        except psycopg.errors.InsufficientPrivilege:
            return  # the user's server: whoever may create roles runs `create role analyst`
    conn.execute(f"grant usage on schema mart to {role}")
    conn.execute(f"grant select on all tables in schema mart to {role}")
