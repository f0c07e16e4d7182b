"""BigQuery on a wire of the test: an export of any rows, and the loop from there to core."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any

import httpx
import pyarrow as pa
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tributary.clock import FixedClock
from tributary.connectors.bigquery import CONNECTOR
from tributary.connectors.spec import Credentials, Mode, Request
from tributary.pipeline import unify
from tributary.pipeline.ingest import ingest
from tributary.sandbox.bigquery_api import BigQuery, Export
from tributary.settings import AccountConfig, StoreConfig, accounts
from tributary.transport.wire import Wire, using_wire
from tributary.warehouse import stores
from tributary.warehouse.connection import Connection
from tributary.warehouse.loads import LoadResult
from tributary.window import Window

PROJECT, DATASET = "shop-web", "analytics_77"
STREAM = CONNECTOR.stream("ga4_event")
Rows = list[dict[str, Any]]


def export(
    schema: pa.Schema, tables: Mapping[str, Rows], changed: Mapping[str, datetime] | None = None
) -> Export:
    """An export of these tables; one that says nothing else was changed on 2026-03-20."""
    day = datetime(2026, 3, 20, tzinfo=UTC)
    return Export(
        PROJECT, DATASET, "EU", schema, lambda: tables, lambda name: (changed or {}).get(name, day)
    )


class Project:
    """Answers requests from an export, which a test may replace; `asked` keeps them as text."""

    def __init__(self, served: Export) -> None:
        self.serve(served)
        self.asked: list[str] = []
        self.instead: Callable[[httpx.Request], httpx.Response | None] = lambda request: None

    def serve(self, served: Export) -> None:
        self._served, self._api = served, BigQuery(served)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "oauth2.googleapis.com":
            token = {"access_token": "ya29.test-token", "expires_in": 3599, "token_type": "Bearer"}
            return httpx.Response(200, json=token)
        self.asked.append(f"{request.method} {request.url} {request.content.decode()}")
        special = self.instead(request)
        if special is not None:
            return special
        what = request.url.path.removeprefix(f"/bigquery/v2/projects/{self._served.project}/")
        parts = what.split("/")
        if parts[0] == "datasets":
            status, body = self._api.table(parts[1], parts[3])
        elif request.method == "POST":
            status, body = self._api.query(json.loads(request.content))
        else:
            status, body = self._api.results(parts[1], dict(request.url.params))
        return httpx.Response(status, json=body)

    @property
    def queried(self) -> list[str]:
        """Tables that were really read, in order."""
        posts = [text for text in self.asked if text.startswith("POST") and "dryRun" not in text]
        return [text.split(f"{self._served.dataset}.")[1].split("`")[0] for text in posts]


@cache
def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def credentials(project: str = PROJECT) -> Credentials:
    key = {
        "project_id": project,
        "private_key": _private_key(),
        "client_email": f"reader@{project}.iam.gserviceaccount.com",
    }
    return Credentials(password=json.dumps(key))


class ExportLoop:
    """Ingest and unify for one store whose event export is in BigQuery."""

    def __init__(
        self,
        conn: Connection,
        project: Project,
        *,
        store: StoreConfig | None = None,
        google_project: str = PROJECT,
    ) -> None:
        self.conn, self.project = conn, project
        self.store = store or StoreConfig(
            "shop",
            "Shop",
            "Europe/Berlin",
            "EUR",
            [AccountConfig("bigquery", "main", options={"property": "77"})],
            order_source="event_export",
        )
        (self.account,) = accounts([self.store], "bigquery")
        self._credentials = credentials(google_project)
        self._runs = 0
        self.slept: list[float] = []

    @contextmanager
    def wired(self) -> Iterator[FixedClock]:
        clock = FixedClock(datetime(2027, 1, 1, tzinfo=UTC) + timedelta(hours=self._runs))
        with using_wire(Wire(clock, Random(1), httpx.MockTransport(self.project))):
            yield clock
        self.slept = clock.slept

    def ingest(self, window: Window, mode: Mode = "backfill") -> LoadResult:
        stores.sync(self.conn, [self.store], [CONNECTOR])
        self._runs += 1
        with self.wired() as clock:
            return ingest(
                self.conn,
                self.account,
                CONNECTOR,
                STREAM,
                self._credentials,
                window,
                mode,
                f"run {self._runs}",
                clock,
            )

    def run(self, window: Window, mode: Mode = "backfill") -> LoadResult:
        result = self.ingest(window, mode)
        with self.wired() as clock:
            unify.unify(self.conn, f"run {self._runs}", clock)
        return result

    def pages(self, window: Window, mode: Mode = "backfill") -> list[Any]:
        """What the extraction gives, without landing it."""
        with self.wired():
            request = Request(self.account, self._credentials, window, mode)
            return list(STREAM.extract(request))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.conn.execute(query).fetchall()

    def one(self, query: str) -> tuple[Any, ...]:
        (row,) = self.rows(query)
        return row
