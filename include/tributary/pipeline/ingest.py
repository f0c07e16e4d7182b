"""Extract one stream of one account and land it: the loop's first half, without Airflow."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Literal, Protocol

from tributary.clock import Clock
from tributary.connectors.spec import Connector, Credentials, Mode, Page, Rejected, Request, Stream
from tributary.errors import ConfigurationError, TributaryError, VendorUnavailable
from tributary.pipeline.forgotten import Forgotten
from tributary.settings import Account
from tributary.transport.redaction import redact
from tributary.warehouse import loads, quarantine, staging
from tributary.warehouse.connection import Connection, locked
from tributary.warehouse.loads import Counts, LoadResult, Target
from tributary.window import Window

Progress = Callable[[Counts], None]
Rejects = list[tuple[str, str, str, str]]


def ingest(
    conn: Connection,
    account: Account,
    connector: Connector,
    stream: Stream,
    credentials: Credentials,
    window: Window,
    mode: Mode | Literal["replay"],
    run_id: str,
    clock: Clock,
    progress: Progress | None = None,
    *,
    kept_since: datetime | None = None,
) -> LoadResult:
    """Land what `stream` gives for `window`; all of it, or nothing and a failed ops.load row.

    A window that ends in the future is read to the present, and said to be: what is to come counts
    as not read. ConfigurationError when all of it is to come.
    `kept_since` is given for records of quarantine: when they were extracted. They lose to what
    has been extracted since, and do not end their files.
    Safe to run again and twice at once: loads of one stream of one account wait for each other.
    Raises the TributaryError of the extraction; any other error is our bug and is raised as it is.
    """
    target = Target(account.store_id, connector.name, account.account_id, stream.name)
    with locked(conn, "load", *target.key):
        now = clock.now()
        at = kept_since or now
        try:
            window = window.until(now)
        except ValueError as error:
            raise ConfigurationError(
                f"{target}: nothing to read yet, {error}. Ask for days that have begun."
            ) from None
        load_id = loads.start(conn, target, run_id, mode, window, now)
        try:
            known = loads.known_files(conn, target) if stream.kind == "table" else {}
            asked: Mode = "incremental" if mode == "replay" else mode
            request = Request(account, credentials, window, asked, known)
            forgotten = Forgotten.of_store(conn, account.store_id)
            landing: _Landing = (
                _Documents(conn, target, stream, load_id, at, forgotten)
                if stream.kind == "document"
                else _Rows(
                    conn, target, stream, load_id, at, forgotten, ends_files=kept_since is None
                )
            )
            return _run(conn, target, stream, request, landing, load_id, clock, progress)
        except BaseException as error:
            if not conn.broken and not conn.closed:
                kind = "" if isinstance(error, TributaryError) else f"{type(error).__name__}: "
                loads.fail(conn, load_id, kind + redact(str(error)), clock.now())
            raise


def _run(
    conn: Connection,
    target: Target,
    stream: Stream,
    request: Request,
    landing: _Landing,
    load_id: int,
    clock: Clock,
    progress: Progress | None,
) -> LoadResult:
    counts, drift, quota = Counts(), frozenset[str](), dict[str, float]()
    rejected: Rejects = []
    for page in stream.extract(request):
        landing.add(page)
        rejected += map(_kept, page.rejected)
        drift |= page.drift
        quota.update(page.quota)
        counts.pages += 1
        counts.api_calls += page.api_calls
        counts.rows_in += len(page.documents) + len(page.rows) + len(page.rejected)
        counts.rows_quarantined += len(page.rejected)
        if progress is not None:
            progress(counts)
    with conn.transaction():
        days = landing.merge(counts)
        landing.quarantine(rejected, clock.now())
        loads.finish(
            conn,
            load_id,
            counts,
            quota=quota,
            drift=drift,
            nothing_changed=days == 0,
            at=clock.now(),
        )
    return LoadResult(load_id, target, counts, days, tuple(sorted(drift)))


def _kept(record: Rejected) -> tuple[str, str, str, str]:
    """A record without a key is told apart by its content: two never share a place."""
    payload = redact(record.payload)
    key = record.key or f"content {hashlib.sha256(payload.encode()).hexdigest()[:16]}"
    return key, record.where, redact(record.reason), payload


def _told_of_nobody(
    rejected: Rejects, forgotten: Forgotten | None, people: Mapping[str, str]
) -> Rejects:
    """What goes to quarantine, without those who were forgotten."""
    if forgotten is None:
        return rejected
    kinds = frozenset(people.values())
    return [
        (
            forgotten.prose(key, kinds),
            where,
            forgotten.prose(reason, kinds),
            forgotten.prose(payload, kinds),
        )
        for key, where, reason, payload in rejected
    ]


class _Landing(Protocol):
    def add(self, page: Page) -> None: ...
    def merge(self, counts: Counts) -> int: ...
    def quarantine(self, rejected: Rejects, now: datetime) -> None: ...


class _Documents:
    def __init__(
        self,
        conn: Connection,
        target: Target,
        stream: Stream,
        load_id: int,
        at: datetime,
        forgotten: Forgotten | None,
    ) -> None:
        self._conn, self._target, self._load_id, self._at = conn, target, load_id, at
        self._people, self._forgotten = stream.people, forgotten
        self._landing = staging.DocumentLanding(conn, target, load_id, at)
        self._waiting = quarantine.waiting_keys(conn, target)
        self._answered: set[str] = set()

    def add(self, page: Page) -> None:
        self._landing.add(
            (d.key, d.business_date, self._without_forgotten(d.payload)) for d in page.documents
        )
        if page.whole_days:
            here = [d.key for d in page.documents] + [r.key for r in page.rejected]
            self._landing.replace_days(page.whole_days, here)
        self._answer(d.key for d in page.documents)
        self._answer(r.key for r in page.rejected)

    def _without_forgotten(self, payload: bytes) -> bytes:
        if self._forgotten is None or not self._people:
            return payload
        return self._forgotten.document(payload, self._people)

    def _answer(self, keys: Iterable[str]) -> None:
        """A newer version of a record settles what waits of it, whether it fits or waits itself."""
        if self._waiting:
            self._answered.update(self._waiting.intersection(keys))

    def merge(self, counts: Counts) -> int:
        return self._landing.merge(counts)

    def quarantine(self, rejected: Rejects, now: datetime) -> None:
        quarantine.keep(
            self._conn,
            self._target,
            self._load_id,
            _told_of_nobody(rejected, self._forgotten, self._people),
            now=now,
            answered=self._answered,
            extracted_at=self._at,
        )


class _Rows:
    def __init__(
        self,
        conn: Connection,
        target: Target,
        stream: Stream,
        load_id: int,
        at: datetime,
        forgotten: Forgotten | None,
        *,
        ends_files: bool,
    ) -> None:
        self._stream, self._forgotten = stream, forgotten
        self._conn, self._target, self._load_id = conn, target, load_id
        self._ends_files = ends_files
        self._landing = staging.TableLanding(conn, target, stream.columns, load_id, at)
        self._open: set[str] = set()
        self._ended: list[str] = []

    def add(self, page: Page) -> None:
        if page.file is None:
            if page.rows:
                raise ValueError(f"{self._target}: a page with rows names their file")
            return  # only counts and notes
        rows = page.rows
        if self._forgotten is not None and self._stream.people:
            rows = self._forgotten.rows(rows, self._stream.columns, self._stream.people)
        self._landing.add(page.file.name, rows)
        if not self._ends_files:
            return
        self._open.add(page.file.name)
        if page.file.complete:
            self._open.discard(page.file.name)
            self._ended.append(page.file.name)
            self._landing.end_file(
                page.file.name, page.file.content_hash, page.file.lines, page.file.duplicates
            )

    def merge(self, counts: Counts) -> int:
        if self._open:
            raise VendorUnavailable(
                f"{', '.join(sorted(self._open))}: not read to the end; nothing was landed. Try"
                f" again."
            )
        return self._landing.merge(counts)

    def quarantine(self, rejected: Rejects, now: datetime) -> None:
        quarantine.keep(
            self._conn,
            self._target,
            self._load_id,
            _told_of_nobody(rejected, self._forgotten, self._stream.people),
            now=now,
            replaced_files=self._ended,
        )
