"""Records that do not fit: kept with their reason until they land or a newer version does."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tributary.warehouse.connection import Connection
from tributary.warehouse.loads import Target
from tributary.window import Window


@dataclass(frozen=True)
class Waiting:
    """One record in quarantine; `load_id` is the load that read it last, at `extracted_at`."""

    quarantine_id: int
    target: Target
    record_key: str
    source: str
    reason: str
    payload: str
    first_seen_at: datetime
    load_id: int
    extracted_at: datetime
    window: Window
    resolved_at: datetime | None

    @property
    def file(self) -> str:
        """The file it stands in, '' for a vendor's record."""
        return self.source.rpartition(" line ")[0]


def waiting(
    conn: Connection,
    *,
    target: Target | None = None,
    connector: str = "",
    stream: str = "",
    ids: Collection[int] = (),
    resolved: bool = False,
) -> list[Waiting]:
    """Records in quarantine, oldest load first; with `resolved` also those that have left it."""
    rows = conn.execute(
        "select q.quarantine_id, q.store_id, q.connector, q.account_id, q.stream, q.record_key,"
        " q.source, q.reason, q.payload, f.started_at, q.load_id, l.started_at, l.window_start,"
        " l.window_end, q.resolved_at from ops.quarantine as q"
        " join ops.load as l on l.load_id = q.load_id"
        " join ops.load as f on f.load_id = q.first_load_id"
        " where (%(all)s or q.resolved_at is null)"
        " and (%(connector)s = '' or q.connector = %(connector)s)"
        " and (%(stream)s = '' or q.stream = %(stream)s)"
        " and (%(account)s = '' or (q.store_id, q.account_id) = (%(store)s, %(account)s))"
        " and (%(ids)s::bigint[] = '{}' or q.quarantine_id = any(%(ids)s))"
        " order by q.load_id, q.quarantine_id",
        {
            "all": resolved,
            "connector": target.connector if target else connector,
            "stream": target.stream if target else stream,
            "store": target.store_id if target else "",
            "account": target.account_id if target else "",
            "ids": list(ids),
        },
    ).fetchall()
    return [_waiting(*row) for row in rows]


def _waiting(quarantine_id: int, *rest: Any) -> Waiting:
    *target, key, source, reason, payload, first, load_id, at, start, end, resolved = rest
    return Waiting(
        quarantine_id,
        Target(*target),
        key,
        source,
        reason,
        payload,
        first,
        load_id,
        at,
        Window(start, end),
        resolved,
    )


def resolve(conn: Connection, ids: Collection[int], at: datetime) -> None:
    """Mark records as landed; one that is marked keeps its time."""
    conn.execute(
        "update ops.quarantine set resolved_at = %s"
        " where quarantine_id = any(%s) and resolved_at is null",
        (at, list(ids)),
    )


def give_reasons(conn: Connection, reasons: Iterable[tuple[int, str]]) -> None:
    """Replace the reasons of records that still do not fit."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "update ops.quarantine set reason = %s where quarantine_id = %s and reason <> %s",
            [(_clean(reason), number, _clean(reason)) for number, reason in reasons],
        )


def waiting_keys(conn: Connection, target: Target) -> frozenset[str]:
    """The keys of a stream's records that wait in quarantine."""
    rows = conn.execute(
        "select record_key from ops.quarantine"
        " where (store_id, connector, account_id, stream) = (%s, %s, %s, %s)"
        " and resolved_at is null",
        target.key,
    ).fetchall()
    return frozenset(str(key) for (key,) in rows)


def keep(
    conn: Connection,
    target: Target,
    load_id: int,
    rejected: Iterable[tuple[str, str, str, str]],
    *,
    now: datetime,
    replaced_files: Sequence[str] = (),
    answered: Collection[str] = (),
    extracted_at: datetime | None = None,
) -> int:
    """Keep (key, where, reason, payload) of what did not fit; returns how many were given.

    `load_id` of a kept row is the load that read it last. Rows of files that were replaced are
    marked resolved, and so are older versions (before `extracted_at`) of the records `answered`.
    """
    given = list(rejected)
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into ops.quarantine as q (store_id, connector, account_id, stream, record_key,"
            " source, reason, payload, first_load_id, load_id)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " on conflict (store_id, connector, account_id, stream, source, record_key)"
            " do update set (reason, payload, load_id, resolved_at) ="
            " (excluded.reason, excluded.payload, excluded.load_id, null)",
            [
                (*target.key, key, where, _clean(reason), _clean(payload), load_id, load_id)
                for key, where, reason, payload in given
            ],
        )
    still = [where for _, where, _, _ in given]
    for file_name in replaced_files:
        conn.execute(
            "update ops.quarantine set resolved_at = %s"
            " where (store_id, connector, account_id, stream) = (%s, %s, %s, %s)"
            " and starts_with(source, %s) and source <> all(%s) and resolved_at is null",
            (now, *target.key, f"{file_name} line ", still),
        )
    if answered:
        conn.execute(
            "update ops.quarantine as q set resolved_at = %s from ops.load as l"
            " where (q.store_id, q.connector, q.account_id, q.stream) = (%s, %s, %s, %s)"
            " and q.resolved_at is null and q.record_key = any(%s) and q.load_id <> %s"
            " and l.load_id = q.load_id and l.started_at <= %s",
            (now, *target.key, list(answered), load_id, extracted_at or now),
        )
    return len(given)


def _clean(text: str) -> str:
    """Postgres text holds no NUL; show it instead of losing the row."""
    return text.replace("\x00", "\\x00")
