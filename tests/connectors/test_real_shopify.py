"""Real answers of Shopify's API (a public test shop, 2024) against the shapes we read.

Per stream: 59 of the 61 records came through REST, which we do not read, so as they stand 0 of them
parse and each is refused with its reason; 2 (products_graph_ql) are in the GraphQL shape of the
vendor and fit its 2026-10 schema, though we read no products. With REST's names written in
GraphQL's and all values left as they are, orders 2 of 2, order_refunds 2 of 2 and transactions
2 of 2 parse: the values of the streams we read fit.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tributary.connectors.shopify.records import Order, Payment, Refund
from tributary.transport.records import decode_records

RECORDS = (
    Path(__file__).resolve().parents[2] / "../shared/data/vendor/airbyte/ELv2/shopify.jsonl"
).resolve()
SCHEMA = RECORDS.parents[4] / "vendors/specs/shopify/admin_2026-10.introspection.json.gz"
Json = dict[str, Any]
NO_PAGE = {"hasNextPage": False, "endCursor": None}


@cache
def records() -> dict[str, list[Json]]:
    """The vendor's records by stream, without what the reader of them added."""
    if not RECORDS.exists():
        pytest.skip("../shared/data is absent")
    found: dict[str, list[Json]] = {}
    for line in RECORDS.read_text().splitlines():
        entry = json.loads(line, parse_float=Decimal)
        entry["data"].pop("shop_url")
        found.setdefault(entry["stream"], []).append(entry["data"])
    return found


def is_graphql(record: Json) -> bool:
    """GraphQL writes camelCase and gids as ids; REST writes snake_case and numbers."""
    return str(record.get("id", "")).startswith("gid://") and not any(
        "_" in name for name in record
    )


def parsed(raw: list[Json], kind: Any) -> tuple[int, list[str]]:
    """How many fit, one by one, and why the others do not."""
    fits, reasons = 0, []
    for record in raw:
        decoded = decode_records([msgspec.json.encode(record)], kind, what="records")
        fits += len(decoded.records)
        reasons += [failure.reason for failure in decoded.failures]
    return fits, reasons


def camel(value: Any) -> Any:
    if isinstance(value, list):
        return [camel(part) for part in value]
    if not isinstance(value, dict):
        return value
    named = {}
    for name, part in value.items():
        first, *rest = name.split("_")
        named[first + "".join(word.capitalize() for word in rest)] = camel(part)
    return named


def line(record: Json) -> Json:
    return {
        **camel(record),
        "id": record["admin_graphql_api_id"],
        "currentQuantity": record["quantity"],
        "isGiftCard": record["gift_card"],
        "originalUnitPriceSet": camel(record["price_set"]),
        "originalTotalSet": camel(record["price_set"]),
        "discountAllocations": [
            {"allocatedAmountSet": camel(part["amount_set"])}
            for part in record["discount_allocations"]
        ],
        "product": record["product_id"] and {"id": str(record["product_id"])},
    }


def transaction(record: Json) -> Json:
    money = {"amount": record["amount"], "currencyCode": record["currency"]}
    named = {**camel(record), "id": record["admin_graphql_api_id"]}
    return {**named, "kind": record["kind"].upper(), "amountSet": {"shopMoney": money}}


def refund(record: Json) -> Json:
    lines = [
        {
            **camel(part),
            "id": str(part["id"]),
            "restockType": part["restock_type"].upper(),
            "lineItem": line(part["line_item"]),
        }
        for part in record["refund_line_items"]
    ]
    total = sum((Decimal(str(part["amount"])) for part in record["transactions"]), Decimal(0))
    currency = record["total_duties_set"]["shop_money"]["currency_code"]
    return {
        **camel(record),
        "id": record["admin_graphql_api_id"],
        "legacyResourceId": str(record["id"]),
        "totalRefundedSet": {"shopMoney": {"amount": total, "currencyCode": currency}},
        "refundLineItems": {"pageInfo": NO_PAGE, "nodes": lines},
        "refundShippingLines": {"pageInfo": NO_PAGE, "nodes": []},
    }


def order(record: Json) -> Json:
    nothing = {"shopMoney": {"amount": Decimal(0), "currencyCode": record["currency"]}}
    shipping = [
        {
            **camel(part),
            "id": str(part["id"]),
            "originalPriceSet": camel(part["price_set"]),
            "discountedPriceSet": camel(part["discounted_price_set"]),
        }
        for part in record["shipping_lines"]
    ]
    customer, address = record.get("customer"), record.get("shipping_address")
    return {
        **camel(record),
        "id": record["admin_graphql_api_id"],
        "legacyResourceId": str(record["id"]),
        "edited": False,
        "currencyCode": record["currency"],
        "presentmentCurrencyCode": record["presentment_currency"],
        "discountCodes": [part["code"] for part in record["discount_codes"]],
        "displayFulfillmentStatus": (record["fulfillment_status"] or "unfulfilled").upper(),
        "displayFinancialStatus": record["financial_status"].upper(),
        "totalRefundedSet": nothing,
        "refundDiscrepancySet": nothing,
        "lineItems": {"pageInfo": NO_PAGE, "nodes": [line(p) for p in record["line_items"]]},
        "shippingLines": {"pageInfo": NO_PAGE, "nodes": shipping},
        "refunds": [refund(part) for part in record["refunds"]],
        "transactions": [],
        "customer": customer
        and {"id": customer["admin_graphql_api_id"], "legacyResourceId": str(customer["id"])},
        "shippingAddress": address
        and {"countryCodeV2": address["country_code"], "provinceCode": address["province_code"]},
    }


READ: list[tuple[str, Callable[[Json], Json], Any]] = [
    ("orders", order, Order),
    ("order_refunds", refund, Refund),
    ("transactions", transaction, Payment),
]


def test_what_the_records_are() -> None:
    sizes = {stream: len(found) for stream, found in records().items()}
    assert (len(sizes), sum(sizes.values())) == (41, 61)
    graphql = Counter(
        stream for stream, found in records().items() for record in found if is_graphql(record)
    )
    assert graphql == {"products_graph_ql": 2}


def test_records_in_the_vendors_graphql_shape_fit_its_schema() -> None:
    if not SCHEMA.exists():
        pytest.skip("../shared/vendors is absent")
    types = json.loads(gzip.decompress(SCHEMA.read_bytes()))["data"]["__schema"]["types"]
    fields = {kind["name"]: {f["name"] for f in kind["fields"] or ()} for kind in types}
    found = records()["products_graph_ql"]
    assert [set(record) - fields["Product"] for record in found] == [set(), set()]


@pytest.mark.parametrize("stream", ["orders", "order_refunds", "transactions"])
def test_a_record_in_another_shape_is_refused_with_its_reason(stream: str) -> None:
    kind = next(kind for name, _, kind in READ if name == stream)
    fits, reasons = parsed(records()[stream], kind)
    assert fits == 0 and len(reasons) == 2
    assert all("Object missing required field" in r or "Expected `str`" in r for r in reasons)


@pytest.mark.parametrize(("stream", "rename", "kind"), READ, ids=[name for name, *_ in READ])
def test_every_real_value_parses_under_the_names_we_read(
    stream: str, rename: Callable[[Json], Json], kind: Any
) -> None:
    fits, reasons = parsed([rename(record) for record in records()[stream]], kind)
    assert (fits, reasons) == (2, [])


def test_amounts_and_times_arrive_as_sent() -> None:
    first = records()["orders"][0]
    ((_, typed, _),) = decode_records([msgspec.json.encode(order(first))], Order, what="x").records
    assert typed.total_price_set.shop_money.amount == Decimal("102.0")
    assert typed.processed_at.isoformat() == "2023-04-13T05:09:44-07:00"
    gross = sum(
        x.original_unit_price_set.shop_money.amount * x.quantity for x in typed.line_items.nodes
    )
    assert gross == Decimal(str(first["total_line_items_price"]))
