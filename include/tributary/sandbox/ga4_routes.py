"""The sandbox's GA4 Data API over HTTP, below /analyticsdata.

A service account may read its own store's property, as a Viewer there; all may read property 0.
"""

from __future__ import annotations

import json

import msgspec
from fastapi import FastAPI, Request, Response

from tributary.clock import Clock
from tributary.sandbox import ga4_api
from tributary.sandbox.catalog import STORES
from tributary.sandbox.ga4_api import Answer, Property, Quota, error, metadata
from tributary.sandbox.google_tokens import Tokens
from tributary.sandbox.world import World

PREFIX = "/analyticsdata"
COMMON = "0"
_PATH = PREFIX + "/v1beta/properties/{number}"
_SCOPES = frozenset(
    {
        "https://www.googleapis.com/auth/analytics",
        "https://www.googleapis.com/auth/analytics.readonly",
    }
)


class Analytics:
    """The properties of the stores, and who may read them."""

    def __init__(self, tokens: Tokens, clock: Clock) -> None:
        self._tokens = tokens
        self._quotas = {store.ga4_property: Quota(clock) for store in STORES.values()}
        self._properties: dict[str, tuple[str, Property]] = {}

    def move(self, world: World) -> None:
        """Quotas go on."""
        self._properties = {
            number: (store.id, Property(store, world, self._quotas[number]))
            for store in STORES.values()
            for number in (store.ga4_property,)
        }

    def property_of(self, number: str, request: Request) -> Property | Answer | None:
        """The property, for whom may read it; None for property 0; else the refusal."""
        holder = self._tokens.holder(request.headers.get("Authorization", ""), _SCOPES)
        if holder is None:
            return error(
                401,
                "Request had invalid authentication credentials. Expected OAuth 2 access token,"
                " login cookie or other valid authentication credential.",
            )
        if number == COMMON:
            return None
        store_id, found = self._properties.get(number, ("", None))
        if found is None or store_id != holder:
            return error(403, "User does not have sufficient permissions for this property.")
        return found


def add_routes(app: FastAPI, analytics: Analytics) -> None:
    """Serve the Data API."""

    @app.post(_PATH + ":runReport")
    async def run_report(number: str, request: Request) -> Response:
        found = analytics.property_of(number, request)
        if isinstance(found, tuple):
            return _json(found)
        if found is None:
            return _json(error(400, "A report needs a property."))
        try:
            body = json.loads(await request.body())
        except ValueError:
            return _json(error(400, "Invalid JSON payload received."))
        return _json(found.run_report(body))

    @app.get(_PATH + "/metadata")
    async def get_metadata(number: str, request: Request) -> Response:
        found = analytics.property_of(number, request)
        return _json(found if isinstance(found, tuple) else metadata(number))


def _json(answer: ga4_api.Answer) -> Response:
    status, content = answer
    return Response(msgspec.json.encode(content), status, media_type="application/json")
