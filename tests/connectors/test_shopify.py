"""What is particular to Shopify: the vendor's schema, inner lists, quarantine, scopes, currency."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    build_client_schema,
    execute_sync,
    parse,
    validate,
)

from tributary.connectors.shared.values import click_key, person_key
from tributary.connectors.shopify import queries
from tributary.connectors.shopify.extract import asks_for_emails
from tributary.connectors.shopify.visits import scrub, scrubbed_url
from tributary.connectors.spec import Credentials
from tributary.errors import (
    AccountSkipped,
    AuthenticationFailed,
    ConfigurationError,
    SchemaDrift,
    VendorUnavailable,
)
from tributary.warehouse.connection import Connection

SCHEMA = (
    Path(__file__).resolve().parents[2]
    / "../shared/vendors/specs/shopify/admin_2026-10.introspection.json.gz"
)
SINGLE_QUERY_MAXIMUM = 1000


@pytest.fixture
def shopify(make_bench: Callable[[str], Any]) -> Any:
    return make_bench("shopify")


@cache
def vendor_schema() -> GraphQLSchema:
    if not SCHEMA.exists():
        pytest.skip("../shared/vendors is absent")
    # The vendor's own file has six deprecation mismatches graphql-core refuses otherwise.
    return build_client_schema(json.loads(gzip.decompress(SCHEMA.read_bytes()))["data"], True)


@pytest.mark.parametrize("name", sorted(queries.ALL))
def test_a_query_is_valid_by_the_vendors_schema(name: str) -> None:
    problems = validate(vendor_schema(), parse(queries.ALL[name]))
    assert [problem.message for problem in problems] == []


@pytest.mark.parametrize("name", sorted(queries.ALL))
def test_no_deprecated_field_and_no_personal_data_is_asked_for(name: str) -> None:
    asked = fields_of(parse(queries.ALL[name]))
    assert asked
    personal = {"phone", "firstName", "lastName", "address1", "address2", "zip", "city"}
    old = {"customerJourney", "landingPageUrl", "channel", "totalRefunded", "netPayment"}
    assert not asked & (personal | old)
    assert ("email" in asked) == (name == "orders with e-mail")


@pytest.mark.parametrize("name", sorted(queries.ALL))
def test_a_query_costs_less_than_one_may(name: str) -> None:
    assert 0 < cost(queries.ALL[name]) < SINGLE_QUERY_MAXIMUM


def test_recorded_answers_fit_the_vendors_schema(shopify: Any) -> None:
    shopify.pages()
    asked = list(shopify.vendor.requests)
    assert len(asked) == len(shopify.case.spec["exchanges"])
    for request in asked:
        body = json.loads(request.content)
        recorded = json.loads(shopify.vendor(request).content)["data"]
        if "node" in recorded:
            recorded["node"]["__typename"] = "Refund"
        again = execute_sync(
            vendor_schema(),
            parse(body["query"]),
            recorded,
            variable_values=body["variables"],
            field_resolver=lambda source, info, **_: source[info.path.key],
            type_resolver=lambda value, info, kind: value["__typename"],
        )
        assert again.errors is None, again.errors
        recorded.get("node", {}).pop("__typename", None)
        assert again.data == recorded


def fields_of(document: DocumentNode) -> set[str]:
    found: set[str] = set()

    def walk(selections: SelectionSetNode | None) -> None:
        for node in selections.selections if selections else ():
            if isinstance(node, FieldNode):
                found.add(node.name.value)
            if isinstance(node, FieldNode | InlineFragmentNode):
                walk(node.selection_set)

    for definition in document.definitions:
        assert isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode)
        walk(definition.selection_set)
    return found


def cost(query: str) -> int:
    """Points by the vendor's rule: objects 1, scalars 0, lists `first` times what is in them."""
    document = parse(query)
    fragments = {
        d.name.value: d.selection_set
        for d in document.definitions
        if isinstance(d, FragmentDefinitionNode)
    }

    def of(node: Any) -> int:
        if isinstance(node, FragmentSpreadNode):
            return inside(fragments[node.name.value])
        if isinstance(node, InlineFragmentNode):
            return inside(node.selection_set)
        if node.selection_set is None or node.name.value == "pageInfo":
            return 0
        size = 1
        for argument in node.arguments:
            if argument.name.value == "first":
                value = argument.value
                constant = isinstance(value, IntValueNode)
                size = int(value.value) if constant else queries.ORDERS_PER_PAGE
        is_page = "nodes" in {
            getattr(getattr(inner, "name", None), "value", "")
            for inner in node.selection_set.selections
        }
        return size * ((0 if is_page else 1) + inside(node.selection_set))

    def inside(selections: SelectionSetNode) -> int:
        return sum(of(node) for node in selections.selections)

    operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    return inside(operation.selection_set)


def nodes(page: Any) -> Any:
    return page["data"]["orders"]["nodes"]


def test_inner_lists_are_landed_whole(shopify: Any, warehouse: Connection) -> None:
    shopify.land(warehouse)
    counts = warehouse.execute(
        "select jsonb_array_length(payload -> 'lineItems' -> 'nodes'),"
        " jsonb_array_length(payload -> 'refunds'), jsonb_array_length(payload -> 'transactions'),"
        " jsonb_array_length(payload #> '{customerJourneySummary,moments,nodes}')"
        " from staging.shopify__order where record_key in ('5004', '5005') order by record_key"
    ).fetchall()
    assert counts == [(2, 3, 5, 3), (2, 0, 1, None)]


def test_fewer_transactions_than_counted_land_nothing(shopify: Any) -> None:
    def shorten(page: Any) -> None:
        del page["data"]["order"]["transactions"][0]

    shopify.vendor.instead["payments_5004"] = shopify.case.edited("payments_5004", shorten)
    with pytest.raises(VendorUnavailable, match="counts 5 transactions"):
        shopify.pages()


def test_a_plain_list_full_at_the_maximum_stops_the_stream(shopify: Any) -> None:
    def fill(page: Any) -> None:
        page["data"]["order"]["refunds"] = [
            {"id": f"gid://shopify/Refund/{i}"} for i in range(queries.REFUND_IDS)
        ]

    shopify.vendor.instead["refunds_5004"] = shopify.case.edited("refunds_5004", fill)
    with pytest.raises(SchemaDrift, match="250 refunds or more"):
        shopify.pages()


def test_a_repeated_cursor_is_refused(shopify: Any) -> None:
    def loop(page: Any) -> None:
        page["data"]["orders"]["pageInfo"] = {"hasNextPage": True, "endCursor": "c1"}

    shopify.vendor.instead["orders_2"] = shopify.case.edited("orders_2", loop)
    with pytest.raises(VendorUnavailable, match="Loop detected"):
        shopify.pages()


def test_more_pages_without_a_cursor_are_refused(shopify: Any) -> None:
    def cut(page: Any) -> None:
        page["data"]["orders"]["pageInfo"] = {"hasNextPage": True, "endCursor": None}

    shopify.vendor.instead["orders_2"] = shopify.case.edited("orders_2", cut)
    with pytest.raises(VendorUnavailable, match="no cursor"):
        shopify.pages()


def test_a_bad_order_is_quarantined_and_the_others_land(
    shopify: Any, warehouse: Connection
) -> None:
    def spoil(page: Any) -> None:
        nodes(page)[0]["totalPriceSet"]["shopMoney"]["amount"] = "free"
        nodes(page)[1]["name"] = "#10\x0002"

    shopify.vendor.instead["orders_1"] = shopify.case.edited("orders_1", spoil)
    result = shopify.land(warehouse)
    assert (result.counts.rows_new, result.counts.rows_quarantined) == (4, 2)
    rows = warehouse.execute(
        "select record_key, source, reason, payload from ops.quarantine order by record_key"
    ).fetchall()
    assert [row[:2] for row in rows] == [("5001", "page 1, record 1"), ("5002", "page 1, record 2")]
    assert "totalPriceSet.shopMoney.amount" in rows[0][2] and "NUL" in rows[1][2]
    assert "contact=" not in rows[0][3] and "ada" not in rows[0][3]

    shopify.vendor.instead.clear()
    assert shopify.land(warehouse).counts.rows_new == 2
    open_rows = warehouse.execute("select count(*) from ops.quarantine where resolved_at is null")
    assert open_rows.fetchone() == (0,)


def test_a_bad_refund_rejects_its_order_whole(shopify: Any) -> None:
    def spoil(page: Any) -> None:
        del page["data"]["node"]["totalRefundedSet"]

    shopify.vendor.instead["refund_804"] = shopify.case.edited("refund_804", spoil)
    pages = shopify.pages()
    assert [r.key for page in pages for r in page.rejected] == ["5004"]
    assert "5004" not in {d.key for page in pages for d in page.documents}


def test_a_field_missing_from_every_order_stops_the_stream(shopify: Any) -> None:
    def drop(page: Any) -> None:
        for node in nodes(page):
            del node["processedAt"]

    shopify.vendor.instead["orders_1"] = shopify.case.edited("orders_1", drop)
    with pytest.raises(SchemaDrift, match="processedAt"):
        shopify.pages()


def test_an_unknown_field_is_kept_and_reported(shopify: Any, warehouse: Connection) -> None:
    def add(page: Any) -> None:
        nodes(page)[0]["loyaltyTier"] = "gold"

    shopify.vendor.instead["orders_1"] = shopify.case.edited("orders_1", add)
    assert shopify.land(warehouse).drift == ("loyaltyTier",)
    kept = warehouse.execute(
        "select payload ->> 'loyaltyTier' from staging.shopify__order where record_key = '5001'"
    )
    assert kept.fetchone() == ("gold",)


def test_another_served_version_is_noted(shopify: Any) -> None:
    import httpx

    body = shopify.case.page("shop")
    headers = {"X-Shopify-API-Version": "2027-01"}
    shopify.vendor.before = [lambda r: httpx.Response(200, content=body, headers=headers)]
    drift = set().union(*(page.drift for page in shopify.pages()))
    assert drift == {"API version 2027-01 served, 2026-10 asked"}


def test_a_late_journey_changes_the_order_when_it_is_read_again(
    shopify: Any, warehouse: Connection
) -> None:
    shopify.land(warehouse)

    def ready(page: Any) -> None:
        nodes(page)[1]["customerJourneySummary"].update(ready=True, customerOrderIndex=4)

    shopify.vendor.instead["orders_2"] = shopify.case.edited("orders_2", ready)
    result = shopify.land(warehouse)
    assert (result.counts.rows_changed, result.days_changed) == (1, 1)


def shop_with(shopify: Any, **changes: Any) -> None:
    def edit(page: Any) -> None:
        page["data"]["shop"].update(changes.get("shop", {}))
        if "scopes" in changes:
            scopes = [{"handle": scope} for scope in changes["scopes"]]
            page["data"]["currentAppInstallation"]["accessScopes"] = scopes

    shopify.vendor.instead["shop"] = shopify.case.edited("shop", edit)


def test_another_currency_than_configured_is_refused(shopify: Any) -> None:
    shop_with(shopify, shop={"currencyCode": "USD"})
    with pytest.raises(ConfigurationError, match=r"EUR.*USD"):
        shopify.pages()


def test_another_time_zone_than_configured_is_noted(shopify: Any) -> None:
    shop_with(shopify, shop={"ianaTimezone": "Europe/Lisbon"})
    (note,) = set().union(*(page.drift for page in shopify.pages()))
    assert "Europe/Lisbon" in note


def test_without_read_orders_the_account_is_skipped(shopify: Any) -> None:
    shop_with(shopify, scopes=["read_products"])
    with pytest.raises(AccountSkipped, match="read_orders"):
        shopify.pages()


def test_an_old_backfill_without_read_all_orders_is_refused(shopify: Any) -> None:
    from tributary.clock import FixedClock

    shop_with(shopify, scopes=["read_orders"])
    assert shopify.pages("backfill")
    shopify.clock = FixedClock(datetime(2027, 1, 15, tzinfo=UTC))
    with pytest.raises(AccountSkipped, match="read_all_orders"):
        shopify.pages("backfill")


def test_a_connection_without_a_token_says_so(shopify: Any) -> None:
    with pytest.raises(AuthenticationFailed, match="no Admin API access token"):
        shopify.case.connector.test(Credentials(host="https://atelier.myshopify.com"))


def test_the_test_button_says_what_it_found(shopify: Any) -> None:
    with shopify.wired():
        said = shopify.case.connector.test(shopify.case.credentials)
    assert all(part in said for part in ("Atelier", "EUR", "Europe/Berlin"))


def test_an_address_and_the_id_of_a_click_become_keys_once() -> None:
    def landed(order: dict[str, Any]) -> str:
        return str(order["customerJourneySummary"]["moments"]["nodes"][0]["landingPage"])

    visit = {"landingPage": "https://a.example/?utm_source=x&gclid=Cj0KCQiA1234567890"}
    order: dict[str, Any] = {
        "email": "Ada@Example.com",
        "customerJourneySummary": {"moments": {"nodes": [visit]}},
    }
    scrub(order)
    assert order["email"] == person_key("ada@example.com")
    assert (
        landed(order) == f"https://a.example/?utm_source=x&gclid={click_key('Cj0KCQiA1234567890')}"
    )
    again = copy.deepcopy(order)
    scrub(again)
    assert again == order


def test_an_address_is_asked_for_only_where_the_account_says_so(shopify: Any) -> None:
    account = shopify.case.account
    assert not asks_for_emails(account)
    assert asks_for_emails(msgspec.structs.replace(account, options={"emails": "yes"}))
    with pytest.raises(ConfigurationError, match="emails: maybe; it may be yes or no"):
        asks_for_emails(msgspec.structs.replace(account, options={"emails": "maybe"}))


def test_an_address_keeps_campaign_and_click_id_only() -> None:
    url = "https://a.example/p/1?utm_source=x&name=Ada&gclid=Cj0&email=ada%40example.com#frag"
    assert scrubbed_url(url) == "https://a.example/p/1?utm_source=x&gclid=Cj0"
    assert scrubbed_url("https://a.example/?gbraid=0AAAAA_of_many_clicks") == (
        "https://a.example/?gbraid=0AAAAA_of_many_clicks"
    )
    assert scrubbed_url("https://a.example/u/ada@example.com") == "https://a.example/u/[e-mail]"
    assert scrubbed_url("android-app://com.google.android.gm") == (
        "android-app://com.google.android.gm"
    )
