"""Completes an order's inner lists: every one is followed to its end, or the stream stops."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import msgspec

from tributary.connectors.shopify import queries
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
)
from tributary.errors import SchemaDrift, VendorUnavailable
from tributary.transport.pagination import follow
from tributary.transport.records import unknown_fields

Json = dict[str, Any]
T = TypeVar("T")

_REFUND_LISTS: tuple[tuple[str, str, type[Any]], ...] = (
    ("refundLineItems", queries.REFUND_LINES, RefundLine),
    ("refundShippingLines", queries.REFUND_SHIPPING, RefundShipping),
)


class Asks(Protocol):
    """Who can be asked for the rest of a list: the shop's Api."""

    def ask(self, query: str, variables: dict[str, Any], kind: type[T]) -> T: ...


def next_cursor(info: PageInfo, what: str) -> str | None:
    if not info.has_next_page:
        return None
    if not info.end_cursor:
        raise VendorUnavailable(f"shopify says there are more {what} but gives no cursor")
    return info.end_cursor


def complete_order(api: Asks, order: Order, payload: Json) -> set[str]:
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
    api: Asks, owner: str, payload: Json, path: tuple[str, ...], query: str, kind: type[T]
) -> set[str]:
    """Follow the connection at `path` of the payload; `query` asks `owner` for the rest."""
    holder = _at(payload, path)
    info = msgspec.convert(holder.pop("pageInfo"), PageInfo)
    start = next_cursor(info, path[-1])
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
        fetch,
        lambda page: next_cursor(page[1], path[-1]),
        what=f"{path[-1]} of {owner}",
        start=start,
    ):
        holder["nodes"] += nodes
    return drift


def _complete_payments(api: Asks, order: Order, payload: Json) -> set[str]:
    """Transactions are a plain list: compare with the vendor's count, then ask for the maximum."""
    payload.pop("transactionsCount", None)
    count = order.transactions_count.count if order.transactions_count else None
    held = len(order.transactions)
    if held == count or (count is None and held < queries.TRANSACTIONS_IN_PAGE):
        return set()
    data = _owner(api.ask(queries.PAYMENTS, {"id": order.id}, dict[str, Any]), order.id)
    found = _plain(data, "transactions", list[Payment], queries.TRANSACTIONS, order.id)
    if count is not None and len(found) < count:
        raise VendorUnavailable(
            f"shopify counts {count} transactions of {order.id} but lists {len(found)}"
        )
    payload["transactions"] = found
    return unknown_fields(found, list[Payment], "transactions.")


def _complete_refunds(api: Asks, order: Order, payload: Json) -> set[str]:
    """Each refund in full. The page holds the first ones; when it is full there may be more."""
    drift: set[str] = set()
    at_hand: dict[str, Json] = {node["id"]: node for node in payload["refunds"]}
    ids = list(at_hand)
    if len(ids) >= queries.REFUNDS_IN_PAGE:
        data = _owner(api.ask(queries.REFUNDS, {"id": order.id}, dict[str, Any]), order.id)
        refs = _plain(data, "refunds", list[RefundRef], queries.REFUND_IDS, order.id)
        ids = [ref["id"] for ref in refs]
    payload["refunds"] = []
    for refund_id in ids:
        node = at_hand.get(refund_id)
        if node is None:
            node = _owner(api.ask(queries.REFUND, {"id": refund_id}, dict[str, Any]), refund_id)
            drift |= unknown_fields(node, Refund, "refunds.")
            msgspec.convert(node, Refund)
        for path, query, kind in _REFUND_LISTS:
            drift |= _complete_list(api, refund_id, node, (path,), query, kind)
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
