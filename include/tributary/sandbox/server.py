"""The sandbox vendors over HTTP on 127.0.0.1:

    python -m tributary.sandbox.server --port 8765 --seed 7 --as-of 2026-11-21 \\
        --drop-dir DIR --token-file FILE

POST /shopify/{shop}/admin/api/2026-10/graphql.json   the shop's Admin API
POST /google/token                                    access tokens for service accounts
/bigquery/v2/projects/{project}/...                   BigQuery, for stores that export there
/analyticsdata/v1beta/properties/{number}...          GA4's Data API
GET  /control/health                                  {"as_of", "first_day", "seed", "stores"}
POST /control/clock {"as_of": "2026-11-22"}           moves the clock and rewrites the drop folders
GET, POST, DELETE /control/faults                     bad days on request: faults.py
"""

from __future__ import annotations

import argparse
import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import date, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint

from tributary.clock import Clock, SystemClock
from tributary.errors import ConfigurationError
from tributary.sandbox import drop
from tributary.sandbox.catalog import STORES
from tributary.sandbox.faults import Faults
from tributary.sandbox.ga4_routes import Analytics
from tributary.sandbox.ga4_routes import add_routes as add_ga4_routes
from tributary.sandbox.google_routes import Google, add_routes
from tributary.sandbox.google_tokens import keys_beside, load_keys
from tributary.sandbox.kept import kept
from tributary.sandbox.shopify_api import VERSION, Shop
from tributary.sandbox.shopify_cost import Bucket
from tributary.sandbox.world import World


class Sandbox:
    """The world as it is served now; moving the clock replaces it in one step."""

    def __init__(
        self,
        world: World,
        folder: Path,
        tokens: dict[str, str],
        clock: Clock,
        keys: Mapping[str, dict[str, Any]] | None = None,
    ) -> None:
        self.folder, self.tokens = folder, tokens
        self.google = Google(keys or {}, clock)
        self.analytics = Analytics(self.google.tokens, clock)
        self.faults = Faults(clock, self.move_a_day)
        self._buckets = {store_id: Bucket(clock) for store_id in STORES}
        self.move(world)

    def move(self, world: World) -> None:
        shops = {s.id: Shop(s, world, self._buckets[s.id]) for s in STORES.values()}
        drop.write(world, self.folder)
        self.google.move(world)
        self.analytics.move(world)
        self.world, self.shops = world, shops

    def move_to(self, as_of: date) -> None:
        self.move(World(self.world.seed, as_of, self.world.first_day))

    def move_a_day(self) -> None:
        self.move_to(self.world.as_of + timedelta(days=1))

    def health(self) -> dict[str, Any]:
        return {
            "as_of": self.world.as_of.isoformat(),
            "first_day": self.world.first_day.isoformat(),
            "seed": self.world.seed,
            "stores": list(STORES),
        }


def create_app(sandbox: Sandbox) -> FastAPI:
    """The HTTP face of a sandbox."""
    app = FastAPI(title="Tributary sandbox", openapi_url=None)

    @app.get("/control/health")
    async def health() -> Response:
        return _json(sandbox.health())

    @app.post("/control/clock")
    async def clock(request: Request) -> Response:
        body = await _body(request)
        try:
            as_of = date.fromisoformat(str(body["as_of"]))
        except (KeyError, ValueError):
            return _json({"error": 'send {"as_of": "YYYY-MM-DD"}'}, 400)
        world = sandbox.world
        if as_of <= world.first_day:
            return _json({"error": f"as_of must be after the first day, {world.first_day}"}, 400)
        sandbox.move_to(as_of)
        return _json(sandbox.health())

    @app.get("/control/faults")
    async def faults() -> Response:
        return _json(sandbox.faults.to_json())

    @app.post("/control/faults")
    async def add_fault(request: Request) -> Response:
        try:
            sandbox.faults.add(await _body(request))
        except ValueError as error:
            return _json({"error": str(error), **sandbox.faults.to_json()}, 400)
        return _json(sandbox.faults.to_json())

    @app.delete("/control/faults")
    async def clear_faults() -> Response:
        sandbox.faults.clear()
        return _json(sandbox.faults.to_json())

    app.middleware("http")(sandbox.faults.middleware)

    @app.middleware("http")
    async def tell_time(request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Every answer says when it was given: by the world's clock, as a vendor's by its own."""
        response = await call_next(request)
        response.headers["Date"] = format_datetime(sandbox.world.moment, usegmt=True)
        return response

    @app.post("/shopify/{shop}/admin/api/{version}/graphql.json")
    async def graphql(shop: str, version: str, request: Request) -> Response:
        return _shopify(sandbox, shop, version, request, await _body(request))

    add_routes(app, sandbox.google)
    add_ga4_routes(app, sandbox.analytics)
    return app


def _shopify(
    sandbox: Sandbox, name: str, version: str, request: Request, body: dict[str, Any]
) -> Response:
    """Statuses as the vendor's: 404 shop or version, 401 bad token, 403 another shop's token."""
    shop = sandbox.shops.get(name)
    if shop is None or version != VERSION:
        return _json({"errors": "Not Found"}, 404)
    given = request.headers.get("X-Shopify-Access-Token", "")
    if not hmac.compare_digest(given.encode(), sandbox.tokens[name].encode()):
        if given and given in sandbox.tokens.values():
            return _json({"errors": "[API] This token has no access to this shop"}, 403)
        said = "[API] Invalid API key or access token (unrecognized login or wrong password)"
        return _json({"errors": said}, 401)
    return _json(shop.answer(body))


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _json(content: Any, status: int = 200) -> Response:
    return Response(
        msgspec.json.encode(content),
        status,
        {"X-Shopify-API-Version": VERSION},
        "application/json",
    )


def load_tokens(path: Path) -> dict[str, str]:
    """One random Admin API token per shop, made at the first start; only the owner may read it."""
    return kept(path, lambda _: f"shpat_{secrets.token_hex(16)}")


def main(arguments: list[str] | None = None) -> None:
    """Serve until stopped."""
    import uvicorn

    parser = argparse.ArgumentParser(description="The sandbox vendors over HTTP on 127.0.0.1.")
    parser.add_argument("--host", default="127.0.0.1", help="a container's network needs 0.0.0.0")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--as-of", type=date.fromisoformat, required=True)
    parser.add_argument("--first-day", type=date.fromisoformat, help="default: as-of - 120 days")
    parser.add_argument("--drop-dir", type=Path, required=True)
    parser.add_argument("--token-file", type=Path, required=True)
    given = parser.parse_args(arguments)
    world = World.at(given.seed, given.as_of, given.first_day)
    if world.first_day >= world.as_of:
        raise ConfigurationError("--first-day must be before --as-of")
    tokens, keys = load_tokens(given.token_file), load_keys(keys_beside(given.token_file))
    sandbox = Sandbox(world, given.drop_dir, tokens, SystemClock(), keys)
    app = create_app(sandbox)
    uvicorn.run(
        app,
        host=given.host,
        port=given.port,
        log_level="warning",
        access_log=False,
        date_header=False,  # ours says the world's time
    )


if __name__ == "__main__":
    main()
