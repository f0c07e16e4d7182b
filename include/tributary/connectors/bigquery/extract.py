"""Reads the event export day by day: which tables, in which version, and their rows.

A day is the table events_YYYYMMDD, read whole or not at all. Its version is the table's own
change time and size, asked without charge: an unchanged table is not queried. Google rewrites a
day's table for up to three days; the new version replaces all rows of the day. A table that is not
there (not exported yet, or deleted) or is empty keeps what was landed before.
events_intraday_YYYYMMDD is never read: it is provisional, lacks the sources of new users, and its
rows come again in the day's table.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tributary.connectors.bigquery import queries
from tributary.connectors.bigquery.api import Api
from tributary.connectors.bigquery.records import Reply, Schema, Table, row_of, shown
from tributary.connectors.shared import ga4_event
from tributary.connectors.shared.values import BadValue
from tributary.connectors.spec import FileVersion, Page, Rejected, Request
from tributary.errors import ConfigurationError, SchemaDrift, VendorUnavailable
from tributary.settings import Account
from tributary.transport.redaction import redact

# An incremental run asks for these days before its window too: they may have been exported or
# rewritten in it.
LATE_DAYS = 4
MAXIMUM_BYTES = 10 * 2**30
# Part of every version: raise it when the same table gives other rows.
_VERSION = 1
_SHOWN = 2_000
_PROPERTY = re.compile(r"\d+")
_PROJECT = re.compile(r"[a-z0-9:.-]*")


@dataclass(frozen=True)
class Source:
    """What the account's options say: see the connector's docstring."""

    dataset: str
    project: str
    location: str
    maximum_bytes: int
    about: ga4_event.Property

    @classmethod
    def of(cls, account: Account) -> Source:
        """ConfigurationError names the option that cannot be used."""
        options = account.options
        name, project = options.get("property", ""), options.get("project", "")
        if not _PROPERTY.fullmatch(name):
            raise _wrong(account, "property", "the number of the GA4 property")
        if not _PROJECT.fullmatch(project):
            raise _wrong(account, "project", "the id of the Google Cloud project of the export")
        limit = options.get("maximum_bytes_billed", str(MAXIMUM_BYTES))
        if not limit.isdecimal() or int(limit) == 0:
            raise _wrong(account, "maximum_bytes_billed", "a number of bytes")
        lookback = options.get("lookback_days", "")
        if lookback and not lookback.isdecimal():
            raise _wrong(account, "lookback_days", "a number of days")
        more = options.get("ignored_referrers", "").replace(",", " ").split()
        return cls(
            f"analytics_{name}",
            project,
            options.get("location", ""),
            int(limit),
            ga4_event.Property(
                account.currency,
                int(lookback) if lookback else None,
                (*ga4_event.PAYMENT_SITES, *more),
            ),
        )


def _wrong(account: Account, option: str, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"account {account.connection_id}: option {option} is"
        f" {account.options.get(option, '')!r}; it must be {what}. Correct it in the stores file."
    )


def events(request: Request) -> Iterator[Page]:
    """Pages of every day's table that the window touches and that is not landed in this version."""
    account, source = request.account, Source.of(request.account)
    window = request.window.widened(LATE_DAYS) if request.mode == "incremental" else request.window
    with Api(request.credentials, account.connection_id, source.project, source.location) as api:
        told = 0
        for day in window.days(account.timezone):
            name = f"events_{day:%Y%m%d}"
            for page in _table(api, source, name, request.known_files):
                yield replace(
                    page,
                    api_calls=api.calls - told,
                    quota={
                        "bytes_processed": float(api.bytes_processed),
                        "maximum_bytes_billed": float(source.maximum_bytes),
                    },
                )
                told = api.calls
        yield Page(api_calls=api.calls - told)


def _table(api: Api, source: Source, name: str, known: Any) -> Iterator[Page]:
    table = api.table(source.dataset, name)
    if table is None:
        return
    if int(table.num_rows) == 0:
        if name in known:
            yield Page(drift=frozenset({f"{name} is empty now: the rows it had are kept"}))
        return
    version = FileVersion(name, _version(table, source))
    if known.get(name) != version.content_hash:
        yield from _rows(api, source, table.table_schema, version)


def _version(table: Table, source: Source) -> str:
    parts = (_VERSION, table.last_modified_time, table.num_rows, table.num_bytes, source.about)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _rows(api: Api, source: Source, schema: Schema, version: FileVersion) -> Iterator[Page]:
    query = queries.day_of_events(api.project, source.dataset, version.name, schema, api.connection)
    drift = frozenset(f"{version.name}: column {c}" for c in queries.unknown_columns(schema))
    estimate = api.bytes_of(query)
    if estimate > source.maximum_bytes:
        raise ConfigurationError(
            f"reading {source.dataset}.{version.name} with connection {api.connection!r} would"
            f" process {estimate:,} bytes, more than the {source.maximum_bytes:,} allowed; nothing"
            " was read or billed. Raise the option maximum_bytes_billed of the account in the"
            " stores file."
        )
    out, found = _Output(version, source.about, api.connection), None
    for reply in api.pages(query, source.maximum_bytes):
        found = found or reply.table_schema
        if found is None or not int(reply.total_rows or 0):
            raise VendorUnavailable(
                f"{source.dataset}.{version.name} gave no rows though its table holds some; it is"
                " being rewritten. Nothing was landed; it is tried again."
            )
        yield out.page(reply, found)
    yield out.end(drift)


class _Output:
    """Decodes rows of one table, and counts them."""

    def __init__(self, version: FileVersion, about: ga4_event.Property, connection: str) -> None:
        self._version, self._about, self._connection = version, about, connection
        self._lines = self._duplicates = 0
        self._seen: set[str] = set()

    def page(self, reply: Reply, schema: Schema) -> Page:
        rows: list[tuple[Any, ...]] = []
        rejected: list[Rejected] = []
        for raw in reply.rows:
            self._lines += 1
            try:
                event = queries.event_of(row_of(raw, schema))
                row = ga4_event.decode(event, self._about)
            except (BadValue, KeyError, TypeError) as error:
                row = BadValue(str(error), shown(raw, schema, ga4_event.SHOWN))
            if isinstance(row, BadValue):
                rejected.append(self._reject(row))
                continue
            self._duplicates += row[0] in self._seen
            self._seen.add(row[0])
            rows.append(row)
        if len(rejected) > 1 and not rows and len({bad.reason for bad in rejected}) == 1:
            raise SchemaDrift(
                f"every row of a page of {self._version.name} of connection {self._connection!r}"
                f" fails alike: {rejected[0].reason}. The vendor changed this field; the stream"
                " stops and nothing was landed."
            )
        return Page(rows=rows, rejected=rejected, file=self._version)

    def end(self, drift: frozenset[str]) -> Page:
        version = replace(
            self._version, complete=True, lines=self._lines, duplicates=self._duplicates
        )
        return Page(file=version, drift=drift)

    def _reject(self, bad: BadValue) -> Rejected:
        reason, payload = bad.args
        where = f"{self._version.name} line {self._lines}"
        return Rejected(str(self._lines), where, redact(reason), redact(payload)[:_SHOWN])
