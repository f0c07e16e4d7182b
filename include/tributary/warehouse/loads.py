"""ops.load: one row per extraction, from its start to landed or failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime

from psycopg.types.json import Jsonb

from tributary.warehouse.connection import Connection
from tributary.window import Window


@dataclass(frozen=True)
class Target:
    """What a load fills: one stream of one account."""

    store_id: str
    connector: str
    account_id: str
    stream: str

    @property
    def staging_table(self) -> str:
        return f"{self.connector}__{self.stream}"

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.store_id, self.connector, self.account_id, self.stream)

    def __str__(self) -> str:
        return f"{self.store_id} {self.connector}__{self.account_id} {self.stream}"


@dataclass
class Counts:
    """What a load did, in rows, pages and API calls; the names are ops.load's columns."""

    pages: int = 0
    rows_in: int = 0
    rows_new: int = 0
    rows_changed: int = 0
    rows_unchanged: int = 0
    rows_deleted: int = 0
    rows_quarantined: int = 0
    rows_duplicate: int = 0
    api_calls: int = 0


@dataclass(frozen=True)
class LoadResult:
    """A landed load; `days_changed` days wait for the next unify run."""

    load_id: int
    target: Target
    counts: Counts
    days_changed: int
    drift: tuple[str, ...] = field(default=())


def start(
    conn: Connection, target: Target, run_id: str, mode: str, window: Window, at: datetime
) -> int:
    """Open a load; earlier ones of this stream still 'running' were killed and are closed as
    failed.
    """
    conn.execute(
        "update ops.load set status = 'failed', finished_at = %s, error = 'killed before it ended'"
        " where (store_id, connector, account_id, stream) = (%s, %s, %s, %s) and status ="
        " 'running'",
        (at, *target.key),
    )
    row = conn.execute(
        "insert into ops.load (store_id, connector, account_id, stream, run_id, mode,"
        " window_start, window_end, status, started_at)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, 'running', %s) returning load_id",
        (*target.key, run_id, mode, window.start, window.end, at),
    ).fetchone()
    assert row is not None
    load_id = row[0]
    assert isinstance(load_id, int)
    return load_id


def finish(
    conn: Connection,
    load_id: int,
    counts: Counts,
    *,
    quota: Mapping[str, float],
    drift: frozenset[str],
    nothing_changed: bool,
    at: datetime,
) -> None:
    """Mark a load landed; one that changed nothing needs no publication and says so with 0."""
    sets = ", ".join(f"{f.name} = %({f.name})s" for f in fields(Counts))
    conn.execute(
        f"update ops.load set status = 'landed', finished_at = %(at)s, quota = %(quota)s,"
        f" drift = %(drift)s, publication_id = %(publication)s, {sets} where load_id = %(id)s",
        {
            **vars(counts),
            "at": at,
            "quota": Jsonb(dict(quota)),
            "drift": sorted(drift),
            "publication": 0 if nothing_changed else None,
            "id": load_id,
        },
    )


def fail(conn: Connection, load_id: int, message: str, at: datetime) -> None:
    """Mark a load failed; staging is as it was before it started."""
    conn.execute(
        "update ops.load set status = 'failed', finished_at = %s, error = %s where load_id = %s",
        (at, message, load_id),
    )


def covered_until(conn: Connection, target: Target) -> datetime | None:
    """Until when the landed loads of this stream have seen every change; None before the first one.

    A load sees nothing of what comes after its start. A backfill reads what happened in its range,
    not what changed since: it counts only where nothing else has been read, and then the first one.
    """
    row = conn.execute(
        "select coalesce(max(seen) filter (where mode = 'incremental'),"
        " (array_agg(seen order by load_id))[1])"
        " from (select load_id, mode, least(window_end, started_at) as seen from ops.load"
        "   where (store_id, connector, account_id, stream) = (%s, %s, %s, %s)"
        "   and status = 'landed') as landed",
        target.key,
    ).fetchone()
    return row[0] if row else None


def known_files(conn: Connection, target: Target) -> dict[str, str]:
    """File name -> content hash of the versions that are in staging."""
    rows = conn.execute(
        "select file_name, content_hash from ops.file_version"
        " where (store_id, connector, account_id, stream) = (%s, %s, %s, %s)",
        target.key,
    ).fetchall()
    return {str(file_name): str(content_hash) for file_name, content_hash in rows}
