"""Orders of Shopify that were refused land later as if they had never been."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from tributary.clock import SystemClock
from tributary.connectors.files import CONNECTOR as FILES
from tributary.connectors.shopify import CONNECTOR as SHOPIFY
from tributary.connectors.spec import (
    Document,
    Kept,
)
from tributary.local.grade_seed import sandbox
from tributary.pipeline.quarantine import replay
from tributary.pipeline.unify import unify
from tributary.sandbox.world import World
from tributary.settings import Account, accounts
from tributary.transport.wire import Wire, using_wire
from tributary.warehouse import stores
from tributary.warehouse.checksum import checksum
from tributary.warehouse.connection import Connection
from tributary.window import Window

from .replaying import at, read


def is_whole(node: dict[str, Any]) -> bool:
    """Whether a page holds all of an order: nothing more has to be asked for."""
    counted = node["transactionsCount"]["count"] == len(node["transactions"])
    return counted and len(node["refunds"]) < 2 and '"hasNextPage": true' not in json.dumps(node)


def test_a_shopify_order_that_goes_on_in_the_shop_waits_for_a_fresh_read() -> None:
    lists = {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": "x"}}
    page = Path(__file__).parents[1] / "connectors/shopify/pages/orders_1.json"
    (node, *_) = json.loads(page.read_bytes())["data"]["orders"]["nodes"]
    assert SHOPIFY.streams[0].replay is not None
    shop = Account("shop", "shopify", "main", "UTC", "EUR")
    kept = Kept("1", "page 1, record 1", json.dumps(node | {"shippingLines": lists}))
    with pytest.raises(ValueError, match="only its first page is kept"):
        SHOPIFY.streams[0].replay(shop, kept)


def test_shopify_orders_land_from_quarantine_as_if_they_had_never_failed(
    warehouse: Connection, tmp_path: Path
) -> None:
    """The vendor retypes a field of some orders, and the connector learns to read it later. What is
    published then is the same as where nothing was ever refused."""
    world = World.at(3, date(2026, 11, 2), date(2026, 10, 30))
    window = Window(datetime(2026, 10, 30, tzinfo=UTC), world.moment)
    retyped: list[str] = []

    def retypes(request: httpx.Request) -> httpx.Response:
        with httpx.Client(trust_env=False) as client:
            reply = client.send(request)
        data = reply.json()
        for node in (data.get("data") or {}).get("orders", {}).get("nodes", [])[2:4]:
            if is_whole(node):
                node["name"] = {"text": node["name"]}
                retyped.append(node["legacyResourceId"])
        return httpx.Response(reply.status_code, json=data)

    def understands(account: Account, kept: Kept) -> Document:
        record = json.loads(kept.payload)
        record["name"] = record["name"]["text"]
        assert SHOPIFY.streams[0].replay is not None
        return SHOPIFY.streams[0].replay(account, replace(kept, payload=json.dumps(record)))

    new = replace(SHOPIFY, streams=(replace(SHOPIFY.streams[0], replay=understands),))
    with sandbox(world, tmp_path, SystemClock()) as served:
        configured = served.stores()
        stores.sync(warehouse, configured, [SHOPIFY, FILES])
        shops = accounts(configured, "shopify")
        with using_wire(Wire(SystemClock(), Random(7), httpx.MockTransport(retypes))):
            for shop in shops:
                read(warehouse, shop, SHOPIFY, "order", served.credentials(shop), window, 1)
        assert len(retyped) > 5
        assert unify(warehouse, "u1", at(2))
        without = checksum(warehouse)

        assert sum(r.left.total() for r in replay(warehouse, shops, "r", at(3))) == len(retyped)
        results = replay(warehouse, shops, "r", at(4), connectors=lambda: {"shopify": new})
        assert sum(result.landed for result in results) == len(retyped)
        assert sum(result.left.total() for result in results) == 0
        assert unify(warehouse, "u2", at(5))
        replayed = checksum(warehouse)

        for shop in shops:
            read(warehouse, shop, SHOPIFY, "order", served.credentials(shop), window, 6)
        assert not unify(warehouse, "u3", at(7))
    assert replayed != without
    assert checksum(warehouse) == replayed
    # Nothing had to be corrected by reading everything again.
    counts = warehouse.execute(
        "select sum(rows_new + rows_changed), sum(rows_unchanged) > 50 from ops.load"
        " where run_id = 'load 6'"
    ).fetchone()
    assert counts == (0, True)
