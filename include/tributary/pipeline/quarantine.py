"""Replay: decode what quarantine kept with today's code, and land what fits now.

It takes the way of every load: the stream's lock, one transaction, changed days, a row in ops.load
(mode `replay`, with the window of the load that read the records). A record that was extracted
again since has the last word. Run it twice and the second time finds nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import groupby
from typing import Any

import msgspec

from tributary.clock import Clock
from tributary.connectors.spec import (
    Connector,
    Credentials,
    Document,
    FileVersion,
    Kept,
    Page,
    Request,
    Row,
    Stream,
    all_connectors,
)
from tributary.errors import TributaryError
from tributary.pipeline.ingest import ingest
from tributary.settings import Account
from tributary.transport.redaction import redact
from tributary.warehouse import quarantine
from tributary.warehouse.connection import Connection, locked
from tributary.warehouse.loads import LoadResult, Target
from tributary.warehouse.quarantine import Waiting

NO_REPLAY = (
    "what is kept of this stream cannot be decoded again: read its days again instead (a backfill)"
)
# A record of the same load that landed is the later one: the replay comes just before it.
_JUST_BEFORE = timedelta(microseconds=1)


@dataclass(frozen=True)
class Replayed:
    """What a replay did for one stream of one account.

    `fits`: records that decode now. Of them `landed` changed staging; the others were there, or a
    newer version was. `left`: reason -> how many still wait for it. `problem`: why the stream could
    not be tried, or a file could not be read again.
    """

    target: Target
    tried: int
    fits: int = 0
    landed: int = 0
    left: Counter[str] = field(default_factory=Counter)
    loads: tuple[int, ...] = ()
    files: tuple[str, ...] = ()
    problem: str = ""


def replay(
    conn: Connection,
    accounts: Iterable[Account],
    run_id: str,
    clock: Clock,
    *,
    connector: str = "",
    stream: str = "",
    ids: Collection[int] = (),
    dry_run: bool = False,
    connectors: Callable[[], dict[str, Connector]] = all_connectors,
) -> list[Replayed]:
    """Replay the records that wait, all or the chosen ones; one result per stream and account.

    Files that are still there are read again whole. Safe to run twice, and twice at once.
    """
    chosen = quarantine.waiting(conn, connector=connector, stream=stream, ids=ids)
    by_key = {(a.store_id, a.connector, a.account_id): a for a in accounts}
    found = []
    for target in sorted({record.target for record in chosen}, key=lambda t: t.key):
        account = by_key.get((target.store_id, target.connector, target.account_id))
        spec = connectors().get(target.connector)
        if account is None or spec is None:
            tried = sum(record.target == target for record in chosen)
            problem = "its account is not in the stores file any more; put it back to replay"
            found.append(Replayed(target, tried, problem=problem))
            continue
        one = _Replay(conn, account, spec, spec.stream(target.stream), run_id, clock)
        with locked(conn, "load", *target.key):
            records = quarantine.waiting(conn, target=target, ids=ids)
            if records:
                found.append(one.try_(target, records) if dry_run else one.land(target, records))
    return found


@dataclass(frozen=True)
class _Replay:
    conn: Connection
    account: Account
    connector: Connector
    stream: Stream
    run_id: str
    clock: Clock

    def try_(self, target: Target, records: Sequence[Waiting]) -> Replayed:
        """What `land` would find, landing nothing."""
        files = self._files(records)
        in_files = [r for r in records if r.file in files]
        still, problem = set[str](), ""
        try:
            for page in self._pages_of(files)(self._request(records)):
                still |= {rejected.where for rejected in page.rejected}
        except TributaryError as error:
            problem, still = redact(str(error)), {r.source for r in in_files}
        decoded, reasons = self._decode([r for r in records if r.file not in files])
        left = Counter(reasons.values())
        left.update(r.reason for r in in_files if r.source in still)
        fits = len(decoded) + sum(r.source not in still for r in in_files)
        return Replayed(
            target, len(records), fits, 0, left, files=tuple(sorted(files)), problem=problem
        )

    def land(self, target: Target, records: Sequence[Waiting]) -> Replayed:
        files = self._files(records)
        results, problem = list[LoadResult](), ""
        if files:
            try:
                results.append(self._ingest(self._pages_of(files), records[-1]))
            except TributaryError as error:
                problem = redact(str(error))
        decoded, reasons = self._decode([r for r in records if r.file not in files])
        for _, group in groupby(decoded, key=lambda pair: pair[0].load_id):
            pairs = list(group)
            pages = _pages([item for _, item in pairs])
            results.append(self._ingest(partial(_given, pages), pairs[0][0], kept=True))
            quarantine.resolve(self.conn, [r.quarantine_id for r, _ in pairs], self.clock.now())
        quarantine.give_reasons(self.conn, reasons.items())
        tried = {r.quarantine_id for r in records}
        left = [r for r in quarantine.waiting(self.conn, target=target) if r.quarantine_id in tried]
        return Replayed(
            target,
            len(records),
            len(records) - len(left),
            sum(r.counts.rows_new + r.counts.rows_changed for r in results),
            Counter(r.reason for r in left),
            tuple(r.load_id for r in results),
            tuple(sorted(files)),
            problem,
        )

    def _files(self, records: Iterable[Waiting]) -> set[str]:
        """Files of these records that can be read again."""
        if self.stream.at_hand is None:
            return set()
        return {record.file for record in records} & set(self.stream.at_hand(self.account))

    def _pages_of(self, files: set[str]) -> Callable[[Request], Iterator[Page]]:
        """An extraction of these files only, whether or not they are known."""

        def extract(request: Request) -> Iterator[Page]:
            if not files:
                return
            known = {n: h for n, h in request.known_files.items() if n not in files}
            for page in self.stream.extract(replace(request, known_files=known)):
                if page.file is not None and page.file.name in files:
                    yield page

        return extract

    def _request(self, records: Sequence[Waiting]) -> Request:
        return Request(self.account, Credentials(), records[-1].window, "incremental")

    def _decode(
        self, records: Iterable[Waiting]
    ) -> tuple[list[tuple[Waiting, Document | Row]], dict[int, str]]:
        """Records that fit now, and the reasons of the others by quarantine id."""
        fitting: list[tuple[Waiting, Document | Row]] = []
        reasons: dict[int, str] = {}
        for record in records:
            kept = Kept(record.record_key, record.source, record.payload)
            try:
                if self.stream.replay is None:
                    raise ValueError(NO_REPLAY)
                fitting.append((record, self.stream.replay(self.account, kept)))
            except (ValueError, msgspec.DecodeError, TributaryError) as error:
                reasons[record.quarantine_id] = redact(str(error))
        return fitting, reasons

    def _ingest(
        self, extract: Callable[[Request], Iterator[Page]], record: Waiting, *, kept: bool = False
    ) -> LoadResult:
        return ingest(
            self.conn,
            self.account,
            self.connector,
            replace(self.stream, extract=extract),
            Credentials(),
            record.window,
            "replay",
            self.run_id,
            self.clock,
            kept_since=record.extracted_at - _JUST_BEFORE if kept else None,
        )


def _pages(items: Iterable[Document | Row]) -> list[Page]:
    """Documents as one page, rows as one page per file."""
    documents, rows = list[Document](), dict[str, list[tuple[Any, ...]]]()
    for item in items:
        if isinstance(item, Document):
            documents.append(item)
        else:
            rows.setdefault(item.file, []).append(item.values)
    pages = [Page(rows=values, file=FileVersion(name, "")) for name, values in rows.items()]
    return [Page(documents=documents), *pages] if documents else pages


def _given(pages: list[Page], _: Request) -> Iterator[Page]:
    return iter(pages)
