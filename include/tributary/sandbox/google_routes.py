"""The sandbox's Google over HTTP: the token endpoint, and BigQuery for stores that export there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response

from tributary.clock import Clock
from tributary.sandbox import bigquery_api
from tributary.sandbox.bigquery_api import BigQuery, export_of
from tributary.sandbox.catalog import STORES
from tributary.sandbox.google_tokens import TOKEN_PATH, Tokens
from tributary.sandbox.world import World

_PROJECT = "/bigquery/v2/projects/{project}"
_BIGQUERY_SCOPES = frozenset(
    {
        "https://www.googleapis.com/auth/bigquery",
        "https://www.googleapis.com/auth/cloud-platform",
    }
)


class Google:
    """What Google keeps for the stores: access tokens, and the export of each project."""

    def __init__(self, keys: Mapping[str, dict[str, Any]], clock: Clock) -> None:
        self.tokens = Tokens(keys, clock)
        self._projects: dict[str, tuple[str, BigQuery]] = {}

    def move(self, world: World) -> None:
        """Jobs of the old moment are forgotten."""
        self._projects = {
            store.google_project: (store.id, BigQuery(export_of(store, world)))
            for store in STORES.values()
            if store.event_export == "bigquery"
        }

    def bigquery(self, project: str, request: Request) -> BigQuery | bigquery_api.Answer:
        """The project, for whom may use it; else the refusal."""
        header = request.headers.get("Authorization", "")
        holder = self.tokens.holder(header, _BIGQUERY_SCOPES)
        if holder is None:
            said = "Request had invalid authentication credentials."
            return bigquery_api.error(401, "authError", said)
        store_id, found = self._projects.get(project, ("", None))
        if found is None or store_id != holder:
            said = f"Access Denied: Project {project}: User does not have permission"
            return bigquery_api.error(403, "accessDenied", said)
        return found


def add_routes(app: FastAPI, google: Google) -> None:
    """Serve the token endpoint and BigQuery."""

    @app.post(TOKEN_PATH)
    async def token(request: Request) -> Response:
        return _json(google.tokens.exchange(await request.body(), str(request.url)))

    @app.get(_PROJECT + "/datasets/{dataset}/tables/{table}")
    async def table(project: str, dataset: str, table: str, request: Request) -> Response:
        found = google.bigquery(project, request)
        return _json(found.table(dataset, table) if isinstance(found, BigQuery) else found)

    @app.post(_PROJECT + "/queries")
    async def query(project: str, request: Request) -> Response:
        found = google.bigquery(project, request)
        if not isinstance(found, BigQuery):
            return _json(found)
        try:
            body = json.loads(await request.body())
        except ValueError:
            return _json(bigquery_api.error(400, "parseError", "Parse Error"))
        return _json(found.query(body))

    @app.get(_PROJECT + "/queries/{job}")
    async def results(project: str, job: str, request: Request) -> Response:
        found = google.bigquery(project, request)
        if not isinstance(found, BigQuery):
            return _json(found)
        return _json(found.results(job, dict(request.query_params)))


def _json(answer: bigquery_api.Answer) -> Response:
    status, content = answer
    return Response(msgspec.json.encode(content), status, media_type="application/json")
