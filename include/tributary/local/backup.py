"""`tributary backup`: one file with the warehouse, Airflow's own database
(connections and variables, encrypted by its Fernet key; pools; history) and the stores file.

Keys are not in it: the manifest holds a short hash of each, so that a restore (restore.py) under
another key is noticed. The file is a tar: manifest.json, warehouse.dump, airflow.dump, stores.yml.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import msgspec

from tributary.clock import Clock
from tributary.errors import ConfigurationError
from tributary.local import databases, pgtools
from tributary.local.databases import Databases
from tributary.local.state import Installation
from tributary.warehouse.checksum import checksum
from tributary.warehouse.connection import Connection, connect

KEYS = ("TRIBUTARY_KEY", "AIRFLOW__CORE__FERNET_KEY")
WAREHOUSE = "warehouse"
SCHEMAS = ("staging", "work", "core", "mart", "ops", "vault")
MANIFEST = "manifest.json"


class Part(msgspec.Struct, frozen=True):
    """A dumped database; the last three, of the warehouse, are from the dump's own snapshot."""

    server: int
    sha256: str
    migrations: list[str] = []
    checksums: dict[str, str] = {}
    loads: int = 0


class Manifest(msgspec.Struct, frozen=True):
    """What a backup says of itself; `keys` are short hashes, `world` the local sandbox's."""

    made_at: datetime
    keys: dict[str, str]
    databases: dict[str, Part]
    has_stores: bool = False
    loaded_until: date | None = None
    world: tuple[int, date] | None = None


@dataclass(frozen=True)
class Sources:
    """The databases by name, the stores file and the keys of an installation or a server."""

    urls: dict[str, str]
    stores: Path
    keys: dict[str, str]

    @classmethod
    def of(cls, found: Installation, known: Databases) -> Sources:
        own = found.secrets if found.exists else None
        held = {
            KEYS[0]: own.tributary_key if own else "",
            KEYS[1]: own.fernet_key if own else "",
        }
        return cls(
            {WAREHOUSE: known.warehouse_url, "airflow": known.airflow_url},
            Path(os.environ.get("TRIBUTARY_CONFIG") or found.stores_file),
            {key: fingerprint(os.environ.get(key) or held[key]) for key in KEYS},
        )


def fingerprint(key: str) -> str:
    """Tells two keys apart, and nothing about either."""
    return hashlib.sha256(f"tributary fingerprint {key}".encode()).hexdigest()[:16] if key else ""


def plan_backup(sources: Sources, file: Path) -> list[str]:
    """What a backup would do, in sentences."""
    lines = []
    for database, url in sources.urls.items():
        with connect(url, application_name="tributary backup") as conn:
            major = pgtools.server_major(conn)
            size = value(conn, "select pg_size_pretty(pg_database_size(current_database()))")
            used = pgtools.programs(major)
            lines.append(
                f"{database}: {size} on PostgreSQL {major}, dumped by pg_dump {used.major}"
            )
    there = " (replacing the one that is there)" if file.exists() else ""
    return [*lines, f"would write {file}{there}", _keys_sentence(sources)]


def backup(sources: Sources, file: Path, found: Installation, clock: Clock) -> list[str]:
    """Write the file in one step: what was there stays until the new one is complete."""
    record = found.record()
    with tempfile.TemporaryDirectory(dir=folder_of(file), prefix=".backup-") as folder:
        manifest = Manifest(
            made_at=clock.now(),
            keys=sources.keys,
            databases={
                database: _dump(url, Path(folder) / f"{database}.dump", database)
                for database, url in sources.urls.items()
            },
            has_stores=sources.stores.is_file(),
            loaded_until=record.loaded_until,
            world=record.world,
        )
        partial = Path(folder) / "backup.tar"
        with tarfile.open(partial, "w") as tar:
            _add(tar, MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
            if manifest.has_stores:
                _add(tar, "stores.yml", sources.stores.read_bytes())
            for database in manifest.databases:
                tar.add(Path(folder) / f"{database}.dump", f"{database}.dump")
        partial.chmod(0o600)
        os.replace(partial, file)
    size, part = file.stat().st_size / 1e6, manifest.databases[WAREHOUSE]
    return [
        f"wrote {file}: {size:.1f} MB, {part.loads} loads, {len(part.migrations)} migrations",
        _keys_sentence(sources),
    ]


def _keys_sentence(sources: Sources) -> str:
    known = [key for key in KEYS if sources.keys[key]]
    return f"not in it, keep elsewhere: {', '.join(known) or ' and '.join(KEYS)}"


def run_backup(found: Installation, file: Path, clock: Clock, dry: bool) -> list[str]:
    """The command: what was done, or with `dry` would be."""
    with databases.available(found, "backup", clock, both=True) as known:
        sources = Sources.of(found, known)
        return plan_backup(sources, file) if dry else backup(sources, file, found, clock)


def folder_of(file: Path) -> Path:
    folder = file.absolute().parent
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is not a folder")
    return folder


def _dump(url: str, file: Path, database: str) -> Part:
    """From one snapshot, which also counts what is dumped."""
    with connect(url, application_name="tributary backup") as conn, conn.transaction():
        conn.execute("set transaction isolation level repeatable read, read only")
        major = pgtools.server_major(conn)
        snapshot = value(conn, "select pg_export_snapshot()")
        schemas = SCHEMAS if database == WAREHOUSE else ()
        pgtools.programs(major).dump(url, file, snapshot, schemas)
        with file.open("rb") as dumped:
            digest = hashlib.file_digest(dumped, "sha256").hexdigest()
        if database != WAREHOUSE:
            return Part(major, digest)
        loads = int(value(conn, "select count(*) from ops.load"))
        return Part(major, digest, _migrations(conn), checksum(conn), loads)


def _add(tar: tarfile.TarFile, member: str, content: bytes) -> None:
    info = tarfile.TarInfo(member)
    info.size, info.mode = len(content), 0o600
    tar.addfile(info, io.BytesIO(content))


def _migrations(conn: Connection) -> list[str]:
    rows = conn.execute("select name from ops.schema_migration order by name").fetchall()
    return [str(row[0]) for row in rows]


def value(conn: Connection, query: str) -> str:
    row = conn.execute(query).fetchone()
    assert row is not None
    return str(row[0])
