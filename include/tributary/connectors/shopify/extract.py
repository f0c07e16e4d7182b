"""Reads orders page by page and completes their inner lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from tributary.connectors.shopify import queries
from tributary.connectors.shopify.api import Api
from tributary.connectors.shopify.records import (
    Connection,
    Line,
    Moment,
    Order,
    PageInfo,
    Payment,
    Refund,
    RefundLine,
    RefundRef,
    RefundShipping,
    ShippingLine,
    ShopData,
)
from tributary.connectors.spec import Document, Page, Rejected, Request
from tributary.errors import AccountSkipped, ConfigurationError, SchemaDrift, VendorUnavailable
from tributary.transport.pagination import follow
from tributary.transport.records import Failure, decode_records, unknown_fields
from tributary.transport.redaction import redact
from tributary.transport.wire import current_wire
from tributary.window import Window, day_of

Json = dict[str, Any]
T = TypeVar("T")

_UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "utm_id")
# Click ids the vendors put in a landing page; all other parameters may hold anything and are cut.
CLICK_IDS = (
    "gclid",
    "gbraid",
    "wbraid",
    "dclid",
    "srsltid",
    "fbclid",
    "ttclid",
    "msclkid",
    "twclid",
    "li_fat_id",
    "epik",
    "ScCid",
    "rdt_cid",
    "yclid",
)
ALL_ORDERS = "read_all_orders"
VISIBLE_WITHOUT_ALL_ORDERS = timedelta(days=60)
_KEPT_PARAMETERS = {name.lower() for name in (*_UTM, *CLICK_IDS)}


class _Orders(msgspec.Struct, rename="camel"):
    page_info: PageInfo
    nodes: list[msgspec.Raw]


class _OrdersData(msgspec.Struct):
    orders: _Orders


def orders(request: Request) -> Iterator[Page]:
    """Pages of complete orders changed in the window, or processed in it for a backfill."""
    account = request.account
    with Api(request.credentials, account.connection_id) as api:
        _compare_shop(api, request)
        query, search = _question(request.mode, request.window)

        def fetch(cursor: str | None) -> _Orders:
            variables = {"first": queries.ORDERS_PER_PAGE, "after": cursor, "query": search}
            return api.ask(query, variables, _OrdersData).orders

        calls = 0
        pages = follow(
            fetch,
            lambda page: _next(page.page_info, account.connection_id),
            what=f"orders of {account.connection_id}",
        )
        for number, page in enumerate(pages, 1):
            yield _page(api, request, page.nodes, number, calls)
            calls = api.calls


def _question(mode: str, window: Window) -> tuple[str, str]:
    """The query and its search: the change cursor, or the business time for a backfill."""
    field, sort_key = (
        ("processed_at", "PROCESSED_AT") if mode == "backfill" else ("updated_at", "UPDATED_AT")
    )
    start, end = (f"{t:%Y-%m-%dT%H:%M:%SZ}" for t in (window.start, window.end))
    return (
        queries.orders(sort_key),
        f"status:any AND {field}:>='{start}' AND {field}:<'{end}'",
    )


def _compare_shop(api: Api, request: Request) -> None:
    """Money in another currency than configured would be wrong everywhere; a zone is noted."""
    data, account = api.ask(queries.SHOP, {}, ShopData), request.account
    shop = data.shop
    check_scopes(data, account.connection_id)
    if not data.may(ALL_ORDERS):
        # Older orders are silently missing from every answer.
        known_from = current_wire().clock.now() - VISIBLE_WITHOUT_ALL_ORDERS
        if request.mode == "backfill" and request.window.start < known_from:
            raise AccountSkipped(
                f"the token of {account.connection_id} lacks the scope {ALL_ORDERS}: shopify"
                f" leaves out orders older than {VISIBLE_WITHOUT_ALL_ORDERS.days} days without"
                " saying so. Ask for the scope, or backfill from a later day."
            )
        api.notes.add(f"scope {ALL_ORDERS} is missing: changes of old orders do not arrive")
    if account.currency and shop.currency_code != account.currency:
        raise ConfigurationError(
            f"account {account.connection_id} is configured with currency {account.currency}, but"
            f" the shop {shop.myshopify_domain} keeps its books in {shop.currency_code}. Correct"
            " the account in the stores file."
        )
    if shop.iana_timezone != account.timezone:
        api.notes.add(
            f"the shop's time zone is {shop.iana_timezone}, the account's {account.timezone}:"
            " days differ from the shop's own reports"
        )


def check_scopes(data: ShopData, connection: str) -> None:
    """Without read_orders there is nothing to read."""
    if not data.may("read_orders"):
        raise AccountSkipped(
            f"the token of connection {connection!r} lacks the scope read_orders. Add it to the"
            " app in the Shopify admin, then clear the task."
        )


def _page(api: Api, request: Request, nodes: list[msgspec.Raw], number: int, calls: int) -> Page:
    decoded = decode_records(nodes, Order, what=f"orders of {request.account.connection_id}")
    documents: list[Document] = []
    failures = list(decoded.failures)
    drift = set(decoded.drift)
    for index, order, raw in decoded.records:
        payload: Json = msgspec.json.decode(raw)
        try:
            drift |= _complete(api, order, payload)
        except msgspec.ValidationError as error:
            failures.append(Failure(index, bytes(raw).decode(), str(error)))
            continue
        _scrub(payload)
        day = day_of(order.processed_at, request.account.timezone)
        documents.append(Document(order.legacy_resource_id, day, msgspec.json.encode(payload)))
    rejected = [
        Rejected(
            _key(failure.text),
            f"page {number}, record {failure.index + 1}",
            failure.reason,
            _safe(failure.text),
        )
        for failure in failures
    ]
    return Page(
        documents=documents,
        rejected=rejected,
        drift=frozenset(drift | api.notes),
        quota=dict(api.quota),
        api_calls=api.calls - calls,
    )


def _key(text: str) -> str:
    match = re.search(r'"legacyResourceId"\s*:\s*"(\d+)"', text)
    return match[1] if match else ""


def _safe(text: str) -> str:
    """The record's text without what visits' addresses may carry."""
    try:
        payload = msgspec.json.decode(text)
        _scrub(payload)
    except (msgspec.DecodeError, AttributeError, TypeError):
        return redact(text)
    return redact(msgspec.json.encode(payload).decode())


def _next(info: PageInfo, what: str) -> str | None:
    if not info.has_next_page:
        return None
    if not info.end_cursor:
        raise VendorUnavailable(f"shopify says there are more {what} but gives no cursor")
    return info.end_cursor


def _complete(api: Api, order: Order, payload: Json) -> set[str]:
    """Fill every inner list of the order to its end and drop cursors; returns unknown fields.

    Raises msgspec.ValidationError when a part does not fit: the order is then rejected whole.
    """
    drift = _complete_list(api, order.id, payload, ("lineItems",), queries.LINES, Line)
    drift |= _complete_list(
        api, order.id, payload, ("shippingLines",), queries.SHIPPING_LINES, ShippingLine
    )
    journey = order.customer_journey_summary
    if journey is not None and journey.moments is not None:
        drift |= _complete_list(
            api,
            order.id,
            payload,
            ("customerJourneySummary", "moments"),
            queries.MOMENTS,
            Moment,
        )
    drift |= _complete_payments(api, order, payload)
    drift |= _complete_refunds(api, order, payload)
    return drift


def _complete_list(
    api: Api, owner: str, payload: Json, path: tuple[str, ...], query: str, kind: type[T]
) -> set[str]:
    """Follow the connection at `path` of the payload; `query` asks `owner` for the rest."""
    holder = _at(payload, path)
    info = msgspec.convert(holder.pop("pageInfo"), PageInfo)
    start = _next(info, path[-1])
    drift: set[str] = set()
    if start is None:
        return drift

    def fetch(cursor: str | None) -> tuple[list[Any], PageInfo]:
        data = _owner(api.ask(query, {"id": owner, "after": cursor}, dict[str, Any]), owner)
        found = _at(data, path)
        drift.update(unknown_fields(found["nodes"], list[kind], f"{path[-1]}."))  # type: ignore[valid-type]
        checked = msgspec.convert(found, Connection[kind])  # type: ignore[valid-type]
        return found["nodes"], checked.page_info

    for nodes, _ in follow(
        fetch, lambda page: _next(page[1], path[-1]), what=f"{path[-1]} of {owner}", start=start
    ):
        holder["nodes"] += nodes
    return drift


def _complete_payments(api: Api, order: Order, payload: Json) -> set[str]:
    """Transactions are a plain list: compare with the vendor's count, then ask for the maximum."""
    payload.pop("transactionsCount", None)
    count = order.transactions_count.count if order.transactions_count else None
    held = len(order.transactions)
    if held == count or (count is None and held < 2):
        return set()
    data = _owner(api.ask(queries.PAYMENTS, {"id": order.id}, dict[str, Any]), order.id)
    found = _plain(data, "transactions", list[Payment], queries.TRANSACTIONS, order.id)
    if count is not None and len(found) < count:
        raise VendorUnavailable(
            f"shopify counts {count} transactions of {order.id} but lists {len(found)}"
        )
    payload["transactions"] = found
    return unknown_fields(found, list[Payment], "transactions.")


def _complete_refunds(api: Api, order: Order, payload: Json) -> set[str]:
    """Each refund in full; the page only says whether there is one."""
    drift: set[str] = set()
    if not order.refunds:
        return drift
    data = _owner(api.ask(queries.REFUNDS, {"id": order.id}, dict[str, Any]), order.id)
    refs = _plain(data, "refunds", list[RefundRef], queries.REFUND_IDS, order.id)
    payload["refunds"] = []
    for ref in refs:
        node = _owner(api.ask(queries.REFUND, {"id": ref["id"]}, dict[str, Any]), ref["id"])
        drift |= unknown_fields(node, Refund, "refunds.")
        msgspec.convert(node, Refund)
        drift |= _complete_list(
            api, ref["id"], node, ("refundLineItems",), queries.REFUND_LINES, RefundLine
        )
        drift |= _complete_list(
            api, ref["id"], node, ("refundShippingLines",), queries.REFUND_SHIPPING, RefundShipping
        )
        payload["refunds"].append(node)
    return drift


def _plain(data: Json, name: str, kind: Any, maximum: int, owner: str) -> list[Any]:
    """A plain list that has no cursor: full at the vendor's maximum means perhaps cut off."""
    found: list[Any] = data[name]
    msgspec.convert(found, kind)
    if len(found) >= maximum:
        raise SchemaDrift(
            f"{owner} has {maximum} {name} or more and the vendor gives no cursor for them;"
            " the stream stops rather than land a part"
        )
    return found


def _owner(data: Json, owner: str) -> Json:
    """The one object a query by id answers with."""
    node = data.get("order") or data.get("node")
    if not isinstance(node, dict):
        raise VendorUnavailable(f"shopify listed {owner} but does not give it by its id")
    return node


def _at(data: Json, path: tuple[str, ...]) -> Json:
    for part in path:
        data = data[part]
    return data


def _scrub(payload: Json) -> None:
    """Visits' addresses may carry personal data: keep campaign parameters and click ids only."""
    journey = payload.get("customerJourneySummary") or {}
    for moment in (journey.get("moments") or {}).get("nodes", []):
        for name in ("landingPage", "referrerUrl"):
            if moment.get(name):
                moment[name] = scrubbed_url(moment[name])
        utm = moment.get("utmParameters") or {}
        for name, value in utm.items():
            if value:
                utm[name] = redact(value)


def scrubbed_url(url: str) -> str:
    """The address with campaign parameters and click ids, without the rest of its query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    kept = [(k, v) for k, v in parse_qsl(parts.query) if k.lower() in _KEPT_PARAMETERS]
    return redact(urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(kept), "")))
