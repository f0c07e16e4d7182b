"""BigQuery's REST API v2 over a store's event export: tables.get, jobs.query, getQueryResults.

The same rows as the day files of sandbox/ga4.py. A day's table is there once the day has events,
and is rewritten every night for three more nights, whether or not late events came. Some jobs are
not complete at once; pages are short; other programs of the project use up the rate limit now and
then. Source: cloud.google.com/bigquery/docs/reference/rest/v2, .../docs/error-messages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any

import pyarrow as pa

from tributary.sandbox import bigquery_rows as rows
from tributary.sandbox import ga4
from tributary.sandbox.bigquery_sql import Column, InvalidQuery, Query
from tributary.sandbox.catalog import Store
from tributary.sandbox.world import World

Json = dict[str, Any]
Answer = tuple[int, Json]

# The vendor ends a page at 10 MB; the sandbox after fewer rows, so that there are pages.
ROWS_PER_PAGE = 100
_REWRITTEN = timedelta(days=4)
_LIMITED_EVERY = 61


@dataclass
class Export:
    """One project's dataset of day tables. `changed_at` gives a table's change time."""

    project: str
    dataset: str
    location: str
    schema: pa.Schema
    load: Callable[[], Mapping[str, list[ga4.Row]]]
    changed_at: Callable[[str], datetime]

    @cached_property
    def tables(self) -> Mapping[str, list[ga4.Row]]:
        return self.load()


def export_of(store: Store, world: World) -> Export:
    """A store's event export as it stands at the world's moment."""

    def load() -> dict[str, list[ga4.Row]]:
        return {f"events_{d:%Y%m%d}": rows for d, rows in sorted(ga4.days(world, store).items())}

    def changed_at(name: str) -> datetime:
        day = date.fromisoformat(f"{name[-8:-4]}-{name[-4:-2]}-{name[-2:]}")
        night = min(world.as_of, day + _REWRITTEN)
        return datetime.combine(max(night, day + timedelta(days=1)), time(), UTC)

    return Export(
        store.google_project,
        f"analytics_{store.ga4_property}",
        store.google_location,
        ga4.SCHEMA,
        load,
        changed_at,
    )


class BigQuery:
    """Answers for one export."""

    def __init__(self, export: Export) -> None:
        self._export = export
        self._jobs: dict[str, tuple[Query | None, bool]] = {}
        self._by_column: dict[str, pa.Table] = {}
        self._asked = 0

    def table(self, dataset: str, name: str) -> Answer:
        """tables.get"""
        missing = self._missing((self._export.project, dataset, name))
        if missing is not None:
            return missing
        events = self._export.tables[name]
        changed = self._export.changed_at(name)
        reference = {"projectId": self._export.project, "datasetId": dataset, "tableId": name}
        stamp = str(round(changed.timestamp() * 1000))
        return 200, {
            "kind": "bigquery#table",
            "etag": hashlib.sha256(f"{name} {stamp}".encode()).hexdigest()[:24],
            "id": f"{self._export.project}:{dataset}.{name}",
            "tableReference": reference,
            "schema": {"fields": [rows.field(f.name, f.type) for f in self._export.schema]},
            "numBytes": str(self._arrow(name).nbytes),
            "numRows": str(len(events)),
            "lastModifiedTime": stamp,
            "type": "TABLE",
            "location": self._export.location,
        }

    def query(self, body: Json) -> Answer:
        """jobs.query"""
        self._asked += 1
        if self._asked % _LIMITED_EVERY == 0:
            return error(
                403,
                "rateLimitExceeded",
                "Exceeded rate limits: too many api requests per user per method for this"
                " user_method",
            )
        if body.get("useLegacySql", True):
            return error(400, "invalidQuery", "Legacy SQL is not what the sandbox speaks")
        location = body.get("location")
        try:
            parsed = Query.parse(str(body.get("query", "")))
            columns = parsed.columns(self._export.schema) if parsed else []
        except InvalidQuery as invalid:
            return error(400, "invalidQuery", str(invalid))
        if location not in (None, self._export.location):
            dataset = f"{self._export.project}:{self._export.dataset}"
            said = f"Not found: Dataset {dataset} was not found in location {location}"
            return error(404, "notFound", said)
        missing = self._missing(parsed.table) if parsed else None
        if missing is not None:
            return missing
        billed = self._billed(parsed, columns)
        if body.get("dryRun"):
            return 200, {
                "kind": "bigquery#queryResponse",
                "jobReference": {"projectId": self._export.project, "location": location or ""},
                "jobComplete": True,
                "totalBytesProcessed": str(billed),
                "cacheHit": False,
            }
        limit = body.get("maximumBytesBilled")
        if limit is not None and billed > int(limit):
            said = f"Query exceeded limit for bytes billed: {limit}. {billed} or higher required."
            return error(400, "bytesBilledLimitExceeded", said)
        return self._start(parsed, body)

    def results(self, job_id: str, params: dict[str, str]) -> Answer:
        """jobs.getQueryResults; a job that was not complete is the next time."""
        if job_id not in self._jobs:
            return error(404, "notFound", f"Not found: Job {self._export.project}:{job_id}")
        query, _ = self._jobs[job_id]
        self._jobs[job_id] = (query, True)
        token = params.get("pageToken", "0")
        if not token.isdecimal():
            return error(400, "invalid", "Invalid value for: pageToken is not a valid value")
        size = int(params.get("maxResults", ROWS_PER_PAGE))
        return 200, self._page(job_id, int(token), size) | {
            "kind": "bigquery#getQueryResultsResponse"
        }

    def _start(self, query: Query | None, body: Json) -> Answer:
        name = f"{body['query']} {len(self._jobs)}"
        job_id = "job_" + hashlib.sha256(name.encode()).hexdigest()[:24]
        done = int(job_id[-1], 16) % 4 != 0
        self._jobs[job_id] = (query, done)
        reply = {"kind": "bigquery#queryResponse"}
        if not done:
            return 200, {**reply, "jobReference": self._reference(job_id), "jobComplete": False}
        return 200, self._page(job_id, 0, int(body.get("maxResults", ROWS_PER_PAGE))) | reply

    def _page(self, job_id: str, start: int, size: int) -> Json:
        query, _ = self._jobs[job_id]
        events = self._export.tables[query.table[2]] if query else [{}]
        columns = query.columns(self._export.schema) if query else []
        end = start + min(max(size, 1), ROWS_PER_PAGE)
        page: Json = {
            "jobReference": self._reference(job_id),
            "jobComplete": True,
            "schema": {"fields": [rows.field(column.name, column.type) for column in columns]},
            "totalRows": str(len(events)),
            "rows": [
                {"f": [column.cell(event) for column in columns]} for event in events[start:end]
            ],
            "totalBytesProcessed": str(self._billed(query, columns)),
            "cacheHit": False,
        }
        return page | ({"pageToken": str(end)} if end < len(events) else {})

    def _billed(self, query: Query | None, columns: list[Column]) -> int:
        """Bytes of the columns read; of a list all items, whichever are kept."""
        if query is None:
            return 0
        table = self._arrow(query.table[2])
        return sum(rows.bytes_of(table[c.path[0]], c.path[1:]) for c in columns)

    def _arrow(self, name: str) -> pa.Table:
        """The table by columns."""
        if name not in self._by_column:
            self._by_column[name] = pa.Table.from_pylist(
                self._export.tables[name], self._export.schema
            )
        return self._by_column[name]

    def _missing(self, table: tuple[str, ...]) -> Answer | None:
        """404 for a project, dataset or table that is not there."""
        if len(table) != 3 or table[0] != self._export.project or table[1] != self._export.dataset:
            said = f"Not found: Dataset {':'.join(table[:2])}"
            return error(404, "notFound", said)
        if table[2] not in self._export.tables:
            return error(404, "notFound", f"Not found: Table {table[0]}:{table[1]}.{table[2]}")
        return None

    def _reference(self, job_id: str) -> Json:
        location = self._export.location
        return {"projectId": self._export.project, "jobId": job_id, "location": location}


def error(code: int, reason: str, message: str) -> Answer:
    """An error as Google's APIs write it."""
    states = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}
    part = {"message": message, "domain": "global", "reason": reason}
    status = states.get(code, "NOT_FOUND")
    return code, {"error": {"code": code, "message": message, "errors": [part], "status": status}}
