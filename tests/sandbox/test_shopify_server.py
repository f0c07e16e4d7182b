from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tributary.clock import FixedClock
from tributary.sandbox.catalog import STORES
from tributary.sandbox.google_tokens import load_keys
from tributary.sandbox.server import Sandbox, create_app, load_tokens
from tributary.sandbox.world import World

PATH = "/shopify/{}/admin/api/2026-10/graphql.json"
MONEY = "{ shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }"
TOKENS = {"nordlicht": "shpat_one", "prairie": "shpat_two"}
Json = dict[str, Any]


class Wire:
    """A client of the sandbox over HTTP whose clock stands still until told to wait."""

    def __init__(self, world: World, folder: Path) -> None:
        self.clock = FixedClock(datetime(2026, 11, 21, tzinfo=UTC))
        self.sandbox = Sandbox(world, folder, TOKENS, self.clock)
        self.http = TestClient(create_app(self.sandbox))

    def ask(self, text: str, shop: str = "nordlicht", /, **variables: object) -> Json:
        """The reply's body; waits out throttling."""
        while True:
            body = self.once(text, shop, **variables)
            codes = {e.get("extensions", {}).get("code") for e in body.get("errors", ())}
            if "THROTTLED" not in codes:
                return body
            self.clock.sleep(1)

    def once(self, text: str, shop: str = "nordlicht", /, **variables: object) -> Json:
        headers = {"X-Shopify-Access-Token": TOKENS[shop]}
        body = {"query": text, "variables": variables}
        reply = self.http.post(PATH.format(shop), json=body, headers=headers)
        assert reply.status_code == 200
        found: Json = reply.json()
        return found


@pytest.fixture(scope="module")
def wire(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    yield Wire(world, tmp_path_factory.mktemp("drop"))


def page(wire: Wire, search: str = "", *, size: int = 50, **more: object) -> Iterator[Json]:
    arguments = "".join(f", {name}: {value}" for name, value in more.items())
    query = (
        "query($first: Int!, $after: String, $query: String) {"
        f" orders(first: $first, after: $after, query: $query{arguments}) {{"
        " pageInfo { hasNextPage endCursor } nodes { id test createdAt processedAt updatedAt"
        " cancelledAt legacyResourceId } } }"
    )
    after = None
    while True:
        found = wire.ask(query, first=size, after=after, query=search)["data"]["orders"]
        yield from found["nodes"]
        if not found["pageInfo"]["hasNextPage"]:
            return
        after = found["pageInfo"]["endCursor"]


def test_statuses_say_what_is_wrong_with_the_request(wire: Wire) -> None:
    def post(shop: str, token: str | None, path: str = PATH) -> int:
        headers = {"X-Shopify-Access-Token": token} if token else {}
        body = {"query": "{ shop { name } }"}
        return wire.http.post(path.format(shop), json=body, headers=headers).status_code

    assert post("nordlicht", "shpat_one") == 200
    assert post("nordlicht", None) == 401
    assert post("nordlicht", "wrong") == 401
    assert post("nordlicht", "shpat_two") == 403
    assert post("elsewhere", "shpat_one") == 404
    assert post("nordlicht", "shpat_one", PATH.replace("2026-10", "2019-01")) == 404


def test_the_reply_names_the_version_served(wire: Wire) -> None:
    headers = {"X-Shopify-Access-Token": "shpat_one"}
    reply = wire.http.post(
        PATH.format("nordlicht"), json={"query": "{ shop { name } }"}, headers=headers
    )
    assert reply.headers["X-Shopify-API-Version"] == "2026-10"


def test_the_shop_states_its_books(wire: Wire) -> None:
    query = "{ shop { currencyCode ianaTimezone taxesIncluded myshopifyDomain } }"
    assert wire.ask(query, "prairie")["data"]["shop"] == {
        "currencyCode": "USD",
        "ianaTimezone": "America/Chicago",
        "taxesIncluded": False,
        "myshopifyDomain": "prairie.myshopify.com",
    }


@pytest.mark.parametrize("key", ["UPDATED_AT", "PROCESSED_AT", "CREATED_AT", "ID"])
@pytest.mark.parametrize("reverse", ["false", "true"])
def test_pages_give_every_order_once_in_order(
    wire: Wire, world: World, key: str, reverse: str
) -> None:
    found = list(page(wire, sortKey=key, reverse=reverse))
    expected = {str(state.order.id) for state in world.orders(STORES["nordlicht"])}
    assert len(found) == len(expected) > 300
    assert {order["legacyResourceId"] for order in found} == expected
    field = {"UPDATED_AT": "updatedAt", "PROCESSED_AT": "processedAt", "CREATED_AT": "createdAt"}
    values = [order[field.get(key, "id")] for order in found]
    assert values == sorted(values, reverse=reverse == "true")


def test_search_takes_half_open_windows_and_flags(wire: Wire) -> None:
    window = "status:any AND updated_at:>='2026-11-01T00:00:00Z' AND updated_at:<'2026-11-08'"
    found = list(page(wire, window))
    assert len(found) > 50
    assert all("2026-11-01" <= order["updatedAt"] < "2026-11-08" for order in found)
    everything = list(page(wire))
    inside = [o for o in everything if "2026-11-01" <= o["updatedAt"] < "2026-11-08"]
    assert len(found) == len(inside)
    tests = list(page(wire, "test:true"))
    assert tests == [order for order in everything if order["test"]] != []
    cancelled = list(page(wire, "status:cancelled"))
    assert cancelled == [order for order in everything if order["cancelledAt"]] != []


def test_a_search_it_does_not_understand_is_refused(wire: Wire) -> None:
    query = '{ orders(first: 1, query: "colour:red") { nodes { id } } }'
    body = wire.ask(query)
    assert "colour:red" in body["errors"][0]["message"]


def test_inner_lists_have_pages_of_their_own(wire: Wire, world: World) -> None:
    long = next(s for s in world.orders(STORES["nordlicht"]) if len(s.lines) > 50)
    query = (
        "query($id: ID!, $after: String) { order(id: $id) { lineItems(first: 50, after: $after)"
        " { pageInfo { hasNextPage endCursor } edges { cursor } nodes { id } } } }"
    )
    order_id = f"gid://shopify/Order/{long.order.id}"
    first = wire.ask(query, id=order_id, after=None)["data"]["order"]["lineItems"]
    assert (len(first["nodes"]), first["pageInfo"]["hasNextPage"]) == (50, True)
    assert first["edges"][-1]["cursor"] == first["pageInfo"]["endCursor"]
    cursor = first["pageInfo"]["endCursor"]
    rest = wire.ask(query, id=order_id, after=cursor)["data"]["order"]["lineItems"]
    assert (len(rest["nodes"]), rest["pageInfo"]["hasNextPage"]) == (len(long.lines) - 50, False)
    assert len({line["id"] for line in first["nodes"] + rest["nodes"]}) == len(long.lines)


def test_a_plain_list_is_cut_where_first_says(wire: Wire, world: World) -> None:
    many = next(s for s in world.orders(STORES["nordlicht"]) if len(s.refunds) > 20)
    query = "query($id: ID!) { order(id: $id) { some: refunds(first: 20) { id } refunds { id } } }"
    order = wire.ask(query, id=f"gid://shopify/Order/{many.order.id}")["data"]["order"]
    assert (len(order["some"]), len(order["refunds"])) == (20, len(many.refunds))


def test_a_node_is_found_by_its_global_id(wire: Wire, world: World) -> None:
    many = next(s for s in world.orders(STORES["nordlicht"]) if s.refunds)
    refunds = "query($id: ID!) { order(id: $id) { refunds { id } } }"
    order = wire.ask(refunds, id=f"gid://shopify/Order/{many.order.id}")["data"]["order"]
    query = "query($id: ID!) { node(id: $id) { __typename ... on Refund { legacyResourceId } } }"
    refund_id = order["refunds"][0]["id"]
    node = wire.ask(query, id=refund_id)["data"]["node"]
    assert node == {"__typename": "Refund", "legacyResourceId": refund_id.rsplit("/", 1)[1]}
    assert wire.ask(query, id="gid://shopify/Order/1")["data"]["node"] is None


def test_money_is_text_and_presentment_follows_the_rate(wire: Wire, world: World) -> None:
    state = next(s for s in world.orders(STORES["prairie"]) if s.order.currency == "JPY")
    query = f"query($id: ID!) {{ order(id: $id) {{ totalPriceSet {MONEY} }} }}"
    order = wire.ask(query, "prairie", id=f"gid://shopify/Order/{state.order.id}")["data"]["order"]
    shop, shown = (order["totalPriceSet"][k] for k in ("shopMoney", "presentmentMoney"))
    assert float(shop["amount"]) * 100 == pytest.approx(state.total)
    assert (shop["currencyCode"], shown["currencyCode"]) == ("USD", "JPY")
    assert float(shown["amount"]) == pytest.approx(state.total * 1.5231, abs=0.51)
    assert shown["amount"].endswith(".0")


def test_no_e_mail_address_unless_it_is_asked_for(wire: Wire) -> None:
    query = "{ orders(first: 50) { nodes { id name customer { id } shippingAddress { city } } } }"
    assert "@" not in json.dumps(wire.ask(query))
    asked = wire.ask("{ orders(first: 50) { nodes { customer { email } } } }")
    assert "@mail.example" in json.dumps(asked)


def test_a_field_the_vendor_does_not_have_is_refused(wire: Wire) -> None:
    body = wire.ask("{ orders(first: 1) { nodes { id colour } } }")
    assert "Cannot query field 'colour'" in body["errors"][0]["message"]
    assert "data" not in body


def test_a_page_must_have_a_size_the_vendor_allows(wire: Wire) -> None:
    assert "errors" in wire.ask("{ orders { nodes { id } } }")
    assert "250" in wire.ask("{ orders(first: 251) { nodes { id } } }")["errors"][0]["message"]


def test_the_cost_multiplies_lists_by_their_size(wire: Wire) -> None:
    query = (
        "{ orders(first: 10) { nodes { id totalPriceSet { shopMoney { amount } }"
        " lineItems(first: 5) { nodes { id originalTotalSet { shopMoney { amount } } } } } } }"
    )
    cost = wire.ask(query)["extensions"]["cost"]
    # 10 orders of: itself, a bag, an amount, and 5 lines of itself, a bag, an amount.
    assert cost["requestedQueryCost"] == 10 * (3 + 5 * 3)
    assert 10 * (3 + 3) <= cost["actualQueryCost"] < cost["requestedQueryCost"]


def test_a_query_over_the_single_maximum_never_runs(wire: Wire) -> None:
    body = wire.ask("{ orders(first: 250) { nodes { lineItems(first: 250) { nodes { id } } } } }")
    extensions = body["errors"][0]["extensions"]
    assert (extensions["code"], extensions["maxCost"]) == ("MAX_COST_EXCEEDED", 1000)
    assert "data" not in body


def test_throttling_is_status_200_with_the_numbers_to_wait_by(world: World, tmp_path: Path) -> None:
    wire = Wire(world, tmp_path)
    query = "{ orders(first: 250) { nodes { id } } }"
    assert "data" in wire.once(query)
    throttled = wire.once(query)
    assert throttled["errors"] == [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]
    assert "data" not in throttled
    cost = throttled["extensions"]["cost"]
    assert cost["actualQueryCost"] is None
    status = cost["throttleStatus"]
    wire.clock.sleep(
        (cost["requestedQueryCost"] - status["currentlyAvailable"]) / status["restoreRate"]
    )
    assert "data" in wire.once(query)


def test_journeys_become_ready_later(wire: Wire, world: World) -> None:
    query = (
        "{ orders(first: 60, sortKey: CREATED_AT, reverse: true) { nodes { id"
        " customerJourneySummary { ready momentsCount { count } moments(first: 5) { nodes"
        " { __typename occurredAt ... on CustomerVisit { source } } } } } } }"
    )
    summaries = [n["customerJourneySummary"] for n in wire.ask(query)["data"]["orders"]["nodes"]]
    fresh = [s for s in summaries if s and not s["ready"]]
    assert fresh
    assert all(s["momentsCount"] is None for s in fresh)
    assert any(s and s["ready"] and s["moments"]["nodes"] for s in summaries)


def test_the_clock_moves_the_world_and_its_files(world: World, tmp_path: Path) -> None:
    wire = Wire(World(world.seed, world.as_of - timedelta(days=3), world.first_day), tmp_path)
    before = len(list(page(wire)))
    assert wire.http.get("/control/health").json() == {
        "as_of": "2026-11-18",
        "first_day": "2026-10-07",
        "seed": 7,
        "stores": ["nordlicht", "prairie"],
    }
    reply = wire.http.post("/control/clock", json={"as_of": "2026-11-21"})
    assert reply.json()["as_of"] == "2026-11-21"
    assert len(list(page(wire))) == len(world.orders(STORES["nordlicht"])) > before > 0
    assert (tmp_path / "nordlicht" / "events_20261120.parquet").exists()
    assert wire.http.post("/control/clock", json={"as_of": "soon"}).status_code == 400
    assert wire.http.post("/control/clock", json={"as_of": "2026-10-07"}).status_code == 400


def test_tokens_are_random_kept_and_only_for_their_owner(tmp_path: Path) -> None:
    path = tmp_path / "state" / "tokens.json"
    tokens = load_tokens(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_tokens(path) == tokens
    assert len({*tokens.values(), *load_tokens(tmp_path / "other.json").values()}) == 4


def test_who_asks_at_the_same_moment_finds_the_same_keys(tmp_path: Path) -> None:
    path = tmp_path / "state" / "keys.json"
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(load_keys, [path] * 8))
    assert len({keys["prairie"]["private_key"] for keys in found}) == 1
    assert found[0] == json.loads(path.read_text())
