"""What a connector declares: each vendor API in this folder has one module with a CONNECTOR."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, Literal

from tributary.errors import ConfigurationError, TributaryError
from tributary.settings import Account
from tributary.window import Window

Mode = Literal["incremental", "backfill"]


@dataclass(frozen=True)
class Document:
    """One vendor record as landed: identity, the day it belongs to, and its JSON.

    `payload` is the UTF-8 JSON text to keep (personal data already hashed or left out).
    `business_date` is the day in the account's zone that unified facts are rebuilt by.
    """

    key: str
    business_date: date
    payload: bytes


@dataclass(frozen=True)
class Rejected:
    """A record or row that does not fit; kept in quarantine, never dropped.

    `where` is the source for people: "page 3, record 17" or "orders.csv line 1204".
    `payload` is its text with personal data removed.
    """

    key: str
    where: str
    reason: str
    payload: str


@dataclass(frozen=True)
class Page:
    """One step of an extraction. A document stream fills `documents`; a table stream fills
    `rows` (tuples in the order of Stream.columns) for `file`. Without a file a page has no rows,
    only counts and notes.

    `whole_days`: days of which the load's documents are all there are: what was landed of them
    before and does not come again is deleted. Every page with documents of such a day names it.
    """

    documents: Sequence[Document] = ()
    rows: Sequence[tuple[Any, ...]] = ()
    rejected: Sequence[Rejected] = ()
    drift: frozenset[str] = frozenset()
    file: FileVersion | None = None
    quota: Mapping[str, float] = field(default_factory=dict)
    api_calls: int = 0
    whole_days: frozenset[date] = frozenset()


@dataclass(frozen=True)
class FileVersion:
    """One version of one file of a drop folder; a new version replaces the rows of the old one.

    `name` is relative to the folder. `content_hash` covers the bytes and the mapping used.
    `complete` is set on the page that ends the file.
    """

    name: str
    content_hash: str
    complete: bool = False
    lines: int = 0
    duplicates: int = 0


@dataclass(frozen=True)
class Kept:
    """A record waiting in quarantine, as it was rejected (see Rejected)."""

    key: str
    where: str
    payload: str


@dataclass(frozen=True)
class Row:
    """One row of a table stream that was in quarantine: its file, and values in column order."""

    file: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Credentials:
    """What an Airflow connection holds, without Airflow: `host` is a base URL, `password` the
    secret.
    """

    host: str = ""
    login: str = ""
    password: str = field(default="", repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Request:
    """All an extraction may know. It never asks for the time.

    `window` is half-open; incremental streams read what changed in it, backfills what happened
    in it. `known_files` maps file name to content hash of the versions already landed.
    """

    account: Account
    credentials: Credentials
    window: Window
    mode: Mode
    known_files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stream:
    """One thing pulled from a vendor: one staging table `staging.<connector>__<name>`.

    `restate_days`: every run re-reads the window widened by this many days.
    `finality_days`: days older than this no longer move.
    `spill_days`: a changed day may also change unified rows of this many following days.
    `columns`: for table streams, the typed columns a row tuple has, in order: record_key,
    business_date, then the columns of staging.<connector>__<name> after `deleted_at`.
    `replay`: decodes one record of quarantine with today's code, for `tributary quarantine
    replay`: a pure function, no vendor, no clock. It gives exactly what the extraction would have
    landed (a Document, or a Row of a table stream), or raises ValueError or msgspec.DecodeError
    with the reason why the record still does not fit. Without it only a fresh read helps.
    `at_hand`: for table streams, the names of files that can be read again without credentials;
    a replay reads these instead of decoding kept rows.
    `people`: where a person is named, and its kind (user, client, email, click, ...):
    columns of a table stream, dotted names in a document. Who was forgotten is replaced there, and
    in the parts of a record key.
    """

    name: str
    kind: Literal["document", "table"]
    extract: Callable[[Request], Iterator[Page]]
    restate_days: int
    finality_days: int
    backfill: Literal["full", "by_business_date", "none"]
    columns: tuple[str, ...] = ()
    spill_days: int = 0
    replay: Callable[[Account, Kept], Document | Row] | None = None
    at_hand: Callable[[Account], Collection[str]] | None = None
    people: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ConnectionForm:
    """The Airflow connection form: standard fields relabelled or hidden, extra fields declared."""

    hidden: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    placeholders: Mapping[str, str] = field(default_factory=dict)
    extra_fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Connector:
    """One vendor API. `test` asks the vendor the cheapest authenticated question and returns a
    sentence for people, or raises a TributaryError. `concurrency` sizes the Airflow pool.
    `present` names the streams an account has anything for, where that differs by account.
    """

    name: str
    title: str
    feed: str
    streams: tuple[Stream, ...]
    form: ConnectionForm
    test: Callable[[Credentials], str]
    concurrency: int = 2
    present: Callable[[Account], Collection[str]] | None = None

    def streams_of(self, account: Account) -> list[Stream]:
        """The streams worth reading for an account: all, unless the connector knows better.

        An account that cannot be looked at keeps all its streams: their loads say what is wrong.
        """
        if self.present is None:
            return list(self.streams)
        try:
            present = self.present(account)
        except TributaryError:
            return list(self.streams)
        return [stream for stream in self.streams if stream.name in present]

    def stream(self, name: str) -> Stream:
        for stream in self.streams:
            if stream.name == name:
                return stream
        raise ConfigurationError(f"connector {self.name} has no stream {name!r}")


@cache
def all_connectors() -> dict[str, Connector]:
    """Every connector, found by listing this folder; keyed by name."""
    import tributary.connectors as package

    found: dict[str, Connector] = {}
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        connector = getattr(module, "CONNECTOR", None)
        if isinstance(connector, Connector):
            found[connector.name] = connector
    return found


def feed_connectors(feed: str) -> list[Connector]:
    """The connectors that declare `feed`."""
    return [c for c in all_connectors().values() if c.feed == feed]
