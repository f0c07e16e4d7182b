"""Reads orders page by page: what is asked, what is landed, what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, TypeVar

import msgspec

from tributary.connectors.shopify import queries
from tributary.connectors.shopify.api import Api
from tributary.connectors.shopify.complete import Json, complete_order, next_cursor
from tributary.connectors.shopify.records import Order, PageInfo, ShopData
from tributary.connectors.shopify.visits import scrub
from tributary.connectors.spec import Document, Kept, Page, Rejected, Request
from tributary.errors import AccountSkipped, ConfigurationError
from tributary.settings import Account
from tributary.transport.pagination import follow
from tributary.transport.records import Failure, decode_record, decode_records
from tributary.transport.redaction import redact
from tributary.transport.wire import current_wire
from tributary.window import Window, day_of

T = TypeVar("T")

ALL_ORDERS = "read_all_orders"
VISIBLE_WITHOUT_ALL_ORDERS = timedelta(days=60)


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
        emails = asks_for_emails(account)
        query, search = _question(request.mode, request.window, emails=emails)

        def fetch(cursor: str | None) -> _Orders:
            variables = {"first": queries.ORDERS_PER_PAGE, "after": cursor, "query": search}
            return api.ask(query, variables, _OrdersData).orders

        calls = 0
        pages = follow(
            fetch,
            lambda page: next_cursor(page.page_info, account.connection_id),
            what=f"orders of {account.connection_id}",
        )
        for number, page in enumerate(pages, 1):
            yield _page(api, request, page.nodes, number, calls)
            calls = api.calls


def asks_for_emails(account: Account) -> bool:
    """Whether the account wants e-mail addresses read, to be joined by their keys."""
    asked = str(account.options.get("emails", "no")).lower()
    if asked not in ("yes", "no"):
        raise ConfigurationError(
            f"account {account.connection_id} has the option emails: {asked}; it may be yes or no."
            " Correct the stores file."
        )
    return asked == "yes"


def _question(mode: str, window: Window, *, emails: bool) -> tuple[str, str]:
    """The query and its search: the change cursor, or the business time for a backfill."""
    field, sort_key = (
        ("processed_at", "PROCESSED_AT") if mode == "backfill" else ("updated_at", "UPDATED_AT")
    )
    start, end = (f"{t:%Y-%m-%dT%H:%M:%SZ}" for t in (window.start, window.end))
    return (
        queries.orders(sort_key, emails=emails),
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
            drift |= complete_order(api, order, payload)
        except msgspec.ValidationError as error:
            failures.append(Failure(index, bytes(raw).decode(), str(error)))
            continue
        documents.append(_document(request.account, order, payload))
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


def _document(account: Account, order: Order, payload: Json) -> Document:
    scrub(payload)
    day = day_of(order.processed_at, account.timezone)
    return Document(order.legacy_resource_id, day, msgspec.json.encode(payload))


class _Nobody:
    """Stands in for the shop where it cannot be asked."""

    def ask(self, query: str, variables: dict[str, Any], kind: type[T]) -> T:
        raise ValueError(
            "a list of this order goes on in the shop, only its first page is kept. Read the"
            " order's day again instead (a backfill of that day)"
        )


def replay(account: Account, kept: Kept) -> Document:
    """An order of quarantine, decoded anew; ValueError or DecodeError if it still does not fit."""
    raw = kept.payload.encode()
    order = decode_record(raw, Order)
    payload: Json = msgspec.json.decode(raw)
    complete_order(_Nobody(), order, payload)
    return _document(account, order, payload)


def _key(text: str) -> str:
    match = re.search(r'"legacyResourceId"\s*:\s*"(\d+)"', text)
    return match[1] if match else ""


def _safe(text: str) -> str:
    """The record's text without what visits' addresses may carry."""
    try:
        payload = msgspec.json.decode(text)
        scrub(payload)
    except (msgspec.DecodeError, AttributeError, TypeError):
        return redact(text)
    return redact(msgspec.json.encode(payload).decode())
