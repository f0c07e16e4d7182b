"""Lands extracted records in staging: TEMP tables by binary COPY, then one merge in one
transaction.

An unchanged record is neither locked nor written; a record older than the landed one loses; the
days whose rows really changed are noted in ops.changed_day. A killed landing leaves staging as it
was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from tributary.warehouse.connection import Connection, name
from tributary.warehouse.loads import Counts, Target

DocumentRow = tuple[str, date, bytes]

# Pages are sent together: each sending empties a temporary table, which is written to the WAL.
_BATCH_ROWS, _BATCH_BYTES = 10_000, 32_000_000
_TABLE_ENVELOPE = ("store_id", "account_id", "file_name", "load_id", "extracted_at", "deleted_at")


class DocumentLanding:
    """Lands JSON documents by key; payloads travel only where the hash differs."""

    def __init__(self, conn: Connection, target: Target, load_id: int, at: datetime) -> None:
        self._conn, self._target, self._load_id, self._at = conn, target, load_id, at
        self._table = name("staging", target.staging_table)
        self._seq = 0
        self._seen = 0
        self._batch: dict[str, tuple[date, bytes]] = {}
        self._batch_bytes = 0
        self._whole_days: set[date] = set()
        conn.execute(
            "drop table if exists pg_temp.landing_key, pg_temp.landing_document,"
            " pg_temp.landing_here"
        )
        conn.execute(
            "create temp table landing_key (seq bigint, record_key text, payload_hash bytea);"
            "create temp table landing_here (record_key text);"
            "create temp table landing_document (seq bigint, record_key text, business_date date,"
            " payload_hash bytea, payload text);"
            "create index on landing_document (record_key)"
        )

    def add(self, documents: Iterable[DocumentRow]) -> None:
        """Take one page; a key that comes twice in a load keeps its last record."""
        page = {key: (day, payload) for key, day, payload in documents}
        self._seen += len(page)
        self._batch.update(page)
        self._batch_bytes += sum(len(payload) for _, payload in page.values())
        if len(self._batch) >= _BATCH_ROWS or self._batch_bytes >= _BATCH_BYTES:
            self._flush()

    def _flush(self) -> None:
        """Send keys and hashes, then the payloads of those that differ."""
        batch, self._batch, self._batch_bytes = self._batch, {}, 0
        if not batch:
            return
        hashes = {key: hashlib.sha256(payload).digest() for key, (_, payload) in batch.items()}
        numbered = {key: self._seq + i for i, key in enumerate(batch)}
        self._seq += len(batch)
        with self._conn.transaction(), self._conn.cursor() as cursor:
            cursor.execute("truncate pg_temp.landing_key")
            with cursor.copy("copy pg_temp.landing_key from stdin (format binary)") as copy:
                copy.set_types(["int8", "text", "bytea"])
                for key, digest in hashes.items():
                    copy.write_row((numbered[key], key, digest))
            wanted = cursor.execute(
                "select k.record_key from pg_temp.landing_key as k where not exists ("
                f" select 1 from {self._table} as s"
                " where s.store_id = %s and s.account_id = %s and s.record_key = k.record_key"
                " and s.payload_hash = k.payload_hash and s.deleted_at is null)"
                " or exists (select 1 from pg_temp.landing_document as d"
                " where d.record_key = k.record_key)",
                (self._target.store_id, self._target.account_id),
            ).fetchall()
            with cursor.copy("copy pg_temp.landing_document from stdin (format binary)") as copy:
                copy.set_types(["int8", "text", "date", "bytea", "text"])
                for (key,) in wanted:
                    day, payload = batch[key]
                    copy.write_row((numbered[key], key, day, hashes[key], payload.decode()))

    def replace_days(self, days: Iterable[date], here: Iterable[str]) -> None:
        """Days read whole: what was landed of them before and is not `here` (keys of a page, also
        of what cannot be landed) is deleted at the merge."""
        self._whole_days.update(days)
        statement = "copy pg_temp.landing_here from stdin (format binary)"
        with self._conn.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(["text"])
            for key in here:
                copy.write_row((key,))

    def merge(self, counts: Counts) -> int:
        """Merge into staging inside the caller's transaction; returns the number of changed
        days.
        """
        self._flush()
        scope = {
            "store": self._target.store_id,
            "account": self._target.account_id,
            "load": self._load_id,
            "at": self._at,
        }
        conn = self._conn
        conn.execute("analyze pg_temp.landing_document")
        conn.execute(
            "create temp table landing_changed on commit drop as"
            " select d.*, s.business_date as old_date from ("
            "   select distinct on (record_key) * from pg_temp.landing_document"
            "   order by record_key, seq desc) as d"
            f" left join {self._table} as s on s.store_id = %(store)s"
            "   and s.account_id = %(account)s and s.record_key = d.record_key"
            " where s.record_key is null or (s.extracted_at <= %(at)s"
            "   and (s.payload_hash <> d.payload_hash or s.deleted_at is not null))",
            scope,
        )
        self._delete_gone(counts, scope)
        row = conn.execute(
            "select count(*) filter (where old_date is null),"
            " count(*) filter (where old_date is not null) from landing_changed"
        ).fetchone()
        assert row is not None
        counts.rows_new, counts.rows_changed = int(row[0]), int(row[1])
        counts.rows_unchanged = self._seen - counts.rows_new - counts.rows_changed
        conn.execute(
            f"insert into {self._table} (store_id, account_id, record_key, business_date,"
            " extracted_at, payload, payload_hash, load_id, first_load_id)"
            " select %(store)s, %(account)s, record_key, business_date, %(at)s, payload::jsonb,"
            " payload_hash, %(load)s, %(load)s from landing_changed"
            " on conflict (store_id, account_id, record_key) do update set"
            " business_date = excluded.business_date, extracted_at = excluded.extracted_at,"
            " payload = excluded.payload, payload_hash = excluded.payload_hash,"
            " load_id = excluded.load_id, deleted_at = null",
            scope,
        )
        return _note_changed_days(
            conn,
            self._target,
            self._load_id,
            "select business_date from landing_changed"
            " union select old_date from landing_changed where old_date is not null"
            " union select business_date from landing_gone",
        )

    def _delete_gone(self, counts: Counts, scope: dict[str, object]) -> None:
        """Delete what whole days no longer have; the days stand in landing_gone."""
        conn = self._conn
        conn.execute("create temp table landing_gone (business_date date) on commit drop")
        if not self._whole_days:
            return
        conn.execute("create index on pg_temp.landing_here (record_key)")
        conn.execute("analyze pg_temp.landing_here")
        counts.rows_deleted = conn.execute(
            f"with gone as (update {self._table} as s set deleted_at = %(at)s,"
            " extracted_at = %(at)s, load_id = %(load)s where s.store_id = %(store)s"
            " and s.account_id = %(account)s and s.business_date = any(%(days)s)"
            " and s.deleted_at is null and s.extracted_at <= %(at)s and not exists ("
            "   select 1 from pg_temp.landing_here as h where h.record_key = s.record_key)"
            " returning s.business_date)"
            " insert into landing_gone select business_date from gone",
            {**scope, "days": sorted(self._whole_days)},
        ).rowcount


class TableLanding:
    """Lands typed rows of files; a new version of a file replaces the rows of its old one."""

    def __init__(
        self,
        conn: Connection,
        target: Target,
        columns: Sequence[str],
        load_id: int,
        at: datetime,
    ) -> None:
        self._conn, self._target, self._load_id, self._at = conn, target, load_id, at
        self._table = name("staging", target.staging_table)
        self._columns = list(columns)
        self._files: dict[str, tuple[str, int, int]] = {}
        self._seq = 0
        types = _column_types(conn, target.staging_table)
        missing = [c for c in types if c not in columns and c not in _TABLE_ENVELOPE]
        unknown = [c for c in columns if c not in types]
        if missing or unknown:
            raise ValueError(
                f"{target.staging_table}: stream columns miss {missing}, have unknown {unknown}"
            )
        self._types = ["int8", "text", *(types[c] for c in columns)]
        self._list = ", ".join(name(c) for c in columns)
        conn.execute("drop table if exists pg_temp.landing_row")
        conn.execute(
            f"create temp table landing_row as select 0::bigint as seq, file_name, {self._list}"
            f" from {self._table} with no data"
        )

    def add(self, file_name: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Take one batch of rows of a file, each a tuple in the order of the stream's columns."""
        if not rows:
            return
        statement = "copy pg_temp.landing_row from stdin (format binary)"
        with self._conn.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(self._types)
            for row in rows:
                self._seq += 1
                copy.write_row((self._seq, file_name, *row))

    def end_file(self, file_name: str, content_hash: str, lines: int, duplicates: int) -> None:
        """The file was read to its end: its version may replace the one before."""
        self._files[file_name] = (content_hash, lines, duplicates)

    def merge(self, counts: Counts) -> int:
        """Merge into staging inside the caller's transaction; returns the number of changed
        days.
        """
        conn, scope = self._conn, self._scope()
        conn.execute("create index on pg_temp.landing_row (file_name, record_key)")
        conn.execute("analyze pg_temp.landing_row")
        values = [c for c in self._columns if c != "record_key"]
        new = ", ".join(f"n.{name(c)}" for c in values)
        old = ", ".join(f"s.{name(c)}" for c in values)
        conn.execute(
            "create temp table landing_changed on commit drop as"
            " select n.*, s.business_date as old_date from ("
            "   select distinct on (file_name, record_key) * from pg_temp.landing_row"
            "   order by file_name, record_key, seq desc) as n"
            f" left join {self._table} as s on s.store_id = %(store)s"
            "   and s.account_id = %(account)s and s.file_name = n.file_name"
            "   and s.record_key = n.record_key"
            " where s.record_key is null or (s.extracted_at <= %(at)s"
            f"  and (s.deleted_at is not null or ({new}) is distinct from ({old})))",
            scope,
        )
        conn.execute(
            "create temp table landing_gone on commit drop as"
            f" select s.file_name, s.record_key, s.business_date from {self._table} as s"
            " where s.store_id = %(store)s and s.account_id = %(account)s"
            " and s.file_name = any(%(files)s) and s.deleted_at is null and not exists ("
            "   select 1 from pg_temp.landing_row as n"
            "   where n.file_name = s.file_name and n.record_key = s.record_key)",
            scope,
        )
        self._count(counts)
        conn.execute(
            f"insert into {self._table} (store_id, account_id, file_name, load_id,"
            f" extracted_at, {self._list})"
            f" select %(store)s, %(account)s, file_name, %(load)s, %(at)s, {self._list}"
            " from landing_changed"
            " on conflict (store_id, account_id, file_name, record_key) do update set"
            " load_id = excluded.load_id, extracted_at = excluded.extracted_at,"
            " deleted_at = null, " + ", ".join(f"{name(c)} = excluded.{name(c)}" for c in values),
            scope,
        )
        conn.execute(
            f"update {self._table} as s set deleted_at = %(at)s, extracted_at = %(at)s,"
            " load_id = %(load)s from landing_gone as g where s.store_id = %(store)s"
            " and s.account_id = %(account)s and s.file_name = g.file_name"
            " and s.record_key = g.record_key",
            scope,
        )
        self._note_versions()
        return _note_changed_days(
            conn,
            self._target,
            self._load_id,
            "select business_date from landing_changed"
            " union select old_date from landing_changed where old_date is not null"
            " union select business_date from landing_gone",
        )

    def _scope(self) -> dict[str, object]:
        return {
            "store": self._target.store_id,
            "account": self._target.account_id,
            "load": self._load_id,
            "at": self._at,
            "files": list(self._files),
        }

    def _count(self, counts: Counts) -> None:
        row = self._conn.execute(
            "select count(*) filter (where old_date is null),"
            " count(*) filter (where old_date is not null),"
            " (select count(*) from landing_gone),"
            " (select count(*) from (select distinct file_name, record_key"
            "   from pg_temp.landing_row) as keys)"
            " from landing_changed"
        ).fetchone()
        assert row is not None
        new, changed, gone, keys = (int(value) for value in row)
        counts.rows_new, counts.rows_changed, counts.rows_deleted = new, changed, gone
        counts.rows_unchanged = keys - new - changed
        counts.rows_duplicate = sum(duplicates for _, _, duplicates in self._files.values())

    def _note_versions(self) -> None:
        with self._conn.cursor() as cursor:
            cursor.executemany(
                "insert into ops.file_version (store_id, connector, account_id, stream, file_name,"
                " content_hash, load_id, lines, duplicates)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
                " on conflict (store_id, connector, account_id, stream, file_name) do update set"
                " (content_hash, load_id, lines, duplicates) = (excluded.content_hash,"
                " excluded.load_id, excluded.lines, excluded.duplicates)",
                [
                    (*self._target.key, file_name, content_hash, self._load_id, lines, duplicates)
                    for file_name, (content_hash, lines, duplicates) in self._files.items()
                ],
            )


def _note_changed_days(conn: Connection, target: Target, load_id: int, days_sql: str) -> int:
    return conn.execute(
        "insert into ops.changed_day (load_id, store_id, connector, account_id, stream, day)"
        f" select %s, %s, %s, %s, %s, days.* from ({days_sql}) as days",
        (load_id, *target.key),
    ).rowcount


def _column_types(conn: Connection, table: str) -> dict[str, str]:
    rows = conn.execute(
        "select column_name, udt_name from information_schema.columns"
        " where table_schema = 'staging' and table_name = %s order by ordinal_position",
        (table,),
    ).fetchall()
    return {str(column): str(udt) for column, udt in rows}
