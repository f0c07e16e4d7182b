"""`tributary restore`: puts a backup's databases in the place of what is there."""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from pathlib import Path

import msgspec

from tributary.clock import Clock
from tributary.errors import ConfigurationError
from tributary.local import databases, pgtools
from tributary.local.backup import (
    KEYS,
    MANIFEST,
    SCHEMAS,
    WAREHOUSE,
    Manifest,
    Part,
    Sources,
    folder_of,
    value,
)
from tributary.local.databases import ANALYST
from tributary.local.state import Installation
from tributary.warehouse.checksum import checksum
from tributary.warehouse.connection import Connection, connect, name

_MEANING = {
    KEYS[0]: "people known until then would be strangers",
    KEYS[1]: "the secrets of Airflow's connections could not be read",
}
_EMPTY_SCHEMA = (
    "drop schema if exists public cascade; create schema public;"
    " grant usage on schema public to public;"
)


def read_manifest(file: Path) -> Manifest:
    """ConfigurationError when it is not a backup of ours."""
    try:
        with tarfile.open(file) as tar:
            member = tar.extractfile(MANIFEST)
            assert member is not None
            return msgspec.json.decode(member.read(), type=Manifest)
    except FileNotFoundError:
        raise ConfigurationError(f"{file} does not exist") from None
    except (OSError, KeyError, tarfile.TarError, msgspec.DecodeError) as error:
        raise ConfigurationError(f"{file} is not a complete backup: {error}") from None


def objections(sources: Sources, manifest: Manifest) -> list[str]:
    """What keeps a restore from being done without --force."""
    found = []
    with connect(sources.urls[WAREHOUSE], application_name="tributary restore") as conn:
        loads = _loads(conn)
    if loads:
        found.append(f"the warehouse holds {loads} loads, which a restore would replace")
    for key in KEYS:
        theirs, ours = manifest.keys.get(key, ""), sources.keys[key]
        if theirs and ours and theirs != ours:
            found.append(f"{key} is another than the backup was made under: {_MEANING[key]}")
    return found


def plan_restore(sources: Sources, file: Path, manifest: Manifest) -> list[str]:
    """What a restore would do, in sentences."""
    held = manifest.databases[WAREHOUSE]
    lines = [
        f"{file}: of {manifest.made_at:%Y-%m-%d %H:%M} UTC, {held.loads} loads,"
        f" {len(held.migrations)} migrations, {_rows(held)} rows of core"
    ]
    for database, part in manifest.databases.items():
        with connect(sources.urls[database], application_name="tributary restore") as conn:
            major = pgtools.server_major(conn)
            used = pgtools.programs(max(major, part.server))
        lines.append(
            f"would replace the database {database} (PostgreSQL {major}) by its dump"
            f" (of PostgreSQL {part.server}), with psql {used.major}"
        )
    refused = [f"refused without --force: {why}" for why in objections(sources, manifest)]
    return lines + refused + _missing_keys(sources, manifest)


def restore(sources: Sources, file: Path, found: Installation) -> list[str]:
    """Replace both databases, each in one transaction; the caller has asked `objections`."""
    manifest = read_manifest(file)
    for url in sources.urls.values():
        _require_alone(url)
    with tempfile.TemporaryDirectory(dir=folder_of(file), prefix=".restore-") as folder:
        for database, part in manifest.databases.items():
            _extract(file, Path(folder) / f"{database}.dump", part)
        for database, part in manifest.databases.items():
            _replace(sources.urls[database], Path(folder) / f"{database}.dump", part, database)
    with connect(sources.urls[WAREHOUSE], application_name="tributary restore") as conn:
        sums = checksum(conn)
    held = manifest.databases[WAREHOUSE]
    if sums != held.checksums:
        differ = [table for table in sums if sums[table] != held.checksums.get(table)]
        raise ConfigurationError(f"restored, but not equal to what was dumped: {differ}")
    if found.exists:
        record = found.record()
        record.loaded_until, record.world = manifest.loaded_until, manifest.world
        record.airflow_version = ""  # the next start migrates what may be older than the code
        found.save(record)
    return [
        f"restored {held.loads} loads; all {len(sums)} checksums of core are as dumped",
        *_missing_keys(sources, manifest),
        "next: start it (`tributary up`, or `docker compose up -d`), which migrates both databases"
        " to this checkout",
    ]


def _missing_keys(sources: Sources, manifest: Manifest) -> list[str]:
    return [
        f"{key} is not set here: set the one the backup was made under ({_MEANING[key]} else)"
        for key in KEYS
        if manifest.keys.get(key) and not sources.keys[key]
    ]


def _rows(part: Part) -> int:
    return sum(int(told.split()[0]) for told in part.checksums.values())


def _extract(file: Path, target: Path, part: Part) -> None:
    try:
        with tarfile.open(file) as tar, target.open("wb") as output:
            source = tar.extractfile(target.name)
            assert source is not None
            while block := source.read(1 << 20):
                output.write(block)
        with target.open("rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
    except (OSError, KeyError, tarfile.TarError) as error:
        raise ConfigurationError(f"{file} is damaged: {error}") from None
    if digest != part.sha256:
        raise ConfigurationError(f"{file} is damaged: {target.name} is not what was written")


def _replace(url: str, dump: Path, part: Part, database: str) -> None:
    with connect(url, application_name="tributary restore") as conn:
        major = pgtools.server_major(conn)
        if database == WAREHOUSE:
            _ensure_analyst(conn)
            first = "".join(f"drop schema if exists {name(s)} cascade;" for s in SCHEMAS)
        else:
            first = _EMPTY_SCHEMA
    pgtools.programs(max(major, part.server)).replace(url, dump, first, major)
    with connect(url, application_name="tributary restore") as conn:
        conn.execute("analyze")


def _ensure_analyst(conn: Connection) -> None:
    """Roles belong to the server and are in no dump; the grants in it need this one."""
    if value(conn, f"select count(*) from pg_roles where rolname = '{ANALYST}'") == "0":
        conn.execute(f"create role {ANALYST} nologin")


def _require_alone(url: str) -> None:
    """ConfigurationError while anything else is connected: it would write into what is replaced."""
    with connect(url, application_name="tributary restore") as conn:
        others = conn.execute(
            "select coalesce(nullif(application_name, ''), usename) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
            " and usesysid is not null"
            " and coalesce(backend_type, 'client backend') = 'client backend'"
        ).fetchall()
    if others:
        names = ", ".join(sorted({str(row[0]) for row in others}))
        raise ConfigurationError(
            f"{len(others)} other sessions use the database ({names}): stop Tributary and Airflow"
            " first (`tributary down`, or `docker compose stop`), then restore"
        )


def _loads(conn: Connection) -> int:
    there = value(conn, "select to_regclass('ops.load') is not null") == "True"
    return int(value(conn, "select count(*) from ops.load")) if there else 0


def run_restore(found: Installation, file: Path, clock: Clock, dry: bool, force: bool) -> list[str]:
    """The command: what was done, or with `dry` would be."""
    manifest = read_manifest(file)
    with databases.available(found, "restore", clock, both=True) as known:
        sources = Sources.of(found, known)
        if dry:
            return plan_restore(sources, file, manifest)
        if not force and (reasons := objections(sources, manifest)):
            raise ConfigurationError(
                f"nothing was restored: {'; '.join(reasons)}. Look at --dry-run, then say --force."
            )
        return restore(sources, file, found)
