"""GA4's BigQuery event export of a store: rows by day, in the vendor's nested shape.

Source: vendor page, section C, and the public GA4 sample; sign_up and generate_lead as in Google's
list of recommended events, developers.google.com/analytics/devguides/collection/ga4/reference/
events. Money in it is a float, as the vendor has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

from tributary.sandbox.actions import Action
from tributary.sandbox.catalog import Store
from tributary.sandbox.dice import Dice
from tributary.sandbox.orders import Order
from tributary.sandbox.people import Visit
from tributary.sandbox.shopify_journeys import landing_page
from tributary.sandbox.world import World
from tributary.window import day_of

Row = dict[str, Any]

_VALUE = pa.struct(
    [
        ("string_value", pa.string()),
        ("int_value", pa.int64()),
        ("float_value", pa.float64()),
        ("double_value", pa.float64()),
    ]
)


def _strings(names: str) -> pa.StructType:
    return pa.struct([(name, pa.string()) for name in names.split()])


SCHEMA = pa.schema(
    [
        ("event_date", pa.string()),
        ("event_timestamp", pa.int64()),
        ("event_name", pa.string()),
        ("event_params", pa.list_(pa.struct([("key", pa.string()), ("value", _VALUE)]))),
        ("event_previous_timestamp", pa.int64()),
        ("event_bundle_sequence_id", pa.int64()),
        ("user_id", pa.string()),
        ("user_pseudo_id", pa.string()),
        ("privacy_info", _strings("analytics_storage ads_storage uses_transient_token")),
        ("user_first_touch_timestamp", pa.int64()),
        ("device", _strings("category operating_system language")),
        ("geo", _strings("continent country region city")),
        ("traffic_source", _strings("name medium source")),
        (
            "collected_traffic_source",
            _strings(
                "manual_campaign_id manual_campaign_name manual_source manual_medium manual_term"
                " manual_content gclid dclid srsltid"
            ),
        ),
        ("stream_id", pa.string()),
        ("platform", pa.string()),
        (
            "ecommerce",
            pa.struct(
                [
                    ("total_item_quantity", pa.int64()),
                    ("purchase_revenue_in_usd", pa.float64()),
                    ("purchase_revenue", pa.float64()),
                    ("refund_value", pa.float64()),
                    ("shipping_value", pa.float64()),
                    ("tax_value", pa.float64()),
                    ("unique_items", pa.int64()),
                    ("transaction_id", pa.string()),
                ]
            ),
        ),
    ]
)
COUNTRIES = {
    "DE": "Germany",
    "CH": "Switzerland",
    "DK": "Denmark",
    "AT": "Austria",
    "US": "United States",
    "CA": "Canada",
    "JP": "Japan",
}


def days(world: World, store: Store) -> dict[date, list[Row]]:
    """Rows of every export day (the store's days), in order of time."""
    purchases: dict[tuple[int, int], list[Order]] = {}
    for order in world.purchases_seen(store):
        visit = order.purchase.reported_in
        purchases.setdefault((visit.person.number, visit.number), []).append(order)
    actions: dict[tuple[int, int], list[Action]] = {}
    for action in world.actions(store):
        visit = action.visit
        actions.setdefault((visit.person.number, visit.number), []).append(action)
    found: dict[date, list[Row]] = {}
    numbers: dict[str, int] = {}
    first: dict[str, Visit] = {}
    for visit in world.visits(store):
        if not visit.client_id:
            _ping(store, visit, found)
            continue
        first.setdefault(visit.client_id, visit)
        numbers[visit.client_id] = numbers.get(visit.client_id, 0) + 1
        orders = purchases.get((visit.person.number, visit.number), [])
        late = visit.exported_at - visit.at
        session = _Session(store, visit, numbers[visit.client_id], first[visit.client_id])
        done = actions.get((visit.person.number, visit.number), [])
        for at, row in (*session.events(orders), *session.actions(done)):
            if at + late < world.moment:
                day = day_of(at, store.timezone)
                row["event_date"] = f"{day:%Y%m%d}"
                found.setdefault(day, []).append(row)
    for rows in found.values():
        rows.sort(key=lambda r: (r["event_timestamp"], r["user_pseudo_id"] or "", r["event_name"]))
    return found


def _ping(store: Store, visit: Visit, found: dict[date, list[Row]]) -> None:
    """A visitor who refused consent: some tag set-ups still send an event without any id."""
    if not Dice(*visit.person.key, "ping", visit.number).chance(0.5):
        return
    day = day_of(visit.at, store.timezone)
    stamp = round(visit.at.timestamp() * 1_000_000)
    row: Row = {
        "event_date": f"{day:%Y%m%d}",
        "event_timestamp": stamp,
        "event_name": "page_view",
        "event_params": [_param("page_location", f"https://{store.host}/")],
        "privacy_info": {"analytics_storage": "No", "ads_storage": "No"},
        "event_bundle_sequence_id": stamp // 1_000_000 % 2**31,
        "user_pseudo_id": None,
        "stream_id": str(store.number),
        "platform": "WEB",
    }
    found.setdefault(day, []).append(row)


class _Session:
    """The events of one visit. Everything about it follows from the visit."""

    def __init__(self, store: Store, visit: Visit, number: int, first: Visit) -> None:
        self._store, self._visit, self._number, self._first = store, visit, number, first
        self._dice = Dice(*visit.person.key, "events", visit.number)

    def events(self, orders: list[Order]) -> Iterator[tuple[datetime, Row]]:
        visit, dice = self._visit, self._dice
        page = landing_page(self._store.host, visit)
        referrer = visit.dress.referrer
        yield self._event("session_start", visit.at, page, referrer)
        viewed = self._event("page_view", visit.at, page, referrer, names_source=True)
        yield viewed
        if dice.chance(0.01):  # the export holds the same row twice
            yield viewed[0], dict(viewed[1])
        home, at = f"https://{self._store.host}/", visit.at
        for _ in range(dice.choice((0, 0, 1))):
            at += dice.span(10, 90)
            yield self._event("page_view", at, f"{home}collections/all", page)
        for order in orders:
            thanks = f"{home}checkout/thank-you"
            for repeat in range(2 if dice.chance(0.05) else 1):  # the page was loaded again
                at = order.purchase_event_at + timedelta(seconds=95 * repeat)
                yield self._event("purchase", at, thanks, "", order=order)

    def actions(self, actions: list[Action]) -> Iterator[tuple[datetime, Row]]:
        """Sent by a form on the page where the visit began."""
        page = landing_page(self._store.host, self._visit)
        for action in actions:
            name = "sign_up" if action.kind == "registration" else "generate_lead"
            sent = self._event(name, action.at, page, "", said=self._said(action))
            yield sent
            if action.is_repeated:  # the export holds the same row twice
                yield sent[0], dict(sent[1])

    def _said(self, action: Action) -> list[Row]:
        if action.kind == "registration":
            return [_param("method", "email")]
        if action.cents is None:
            return []
        whole, rest = divmod(action.cents, 100)
        value = {"double_value": action.cents / 100} if rest else {"int_value": whole}
        named = [_param("currency", self._store.currency)] if action.names_currency else []
        return [{"key": "value", "value": value}, *named]

    def _event(
        self,
        name: str,
        at: datetime,
        page: str,
        referrer: str,
        *,
        names_source: bool = False,
        order: Order | None = None,
        said: Sequence[Row] = (),
    ) -> tuple[datetime, Row]:
        visit, dress = self._visit, self._visit.dress
        params = [
            _param("ga_session_id", visit.session_id),
            _param("ga_session_number", self._number),
            _param("page_location", page),
        ]
        if referrer:
            params.append(_param("page_referrer", referrer))
        if names_source and dress.source:
            params.append(_param("source", dress.source))
            params.append(_param("medium", dress.medium))
            if dress.campaign:
                params.append(_param("campaign", dress.campaign))
        if order is not None:
            params.append(_param("currency", self._store.currency))
            lost = order.loses_transaction_id
            params.append(_param("transaction_id", "(not set)" if lost else str(order.id)))
        params += said
        client, stamp = visit.client_id, round(at.timestamp() * 1_000_000)
        row: Row = {
            "event_timestamp": stamp,
            "event_name": name,
            "event_params": params,
            "event_bundle_sequence_id": stamp // 1_000_000 % 2**31,
            # Some tag set-ups send the shop's own user id when the visitor is signed in.
            "user_id": _user_id(self._store, visit) if visit.logged_in else None,
            "user_pseudo_id": client,
            "privacy_info": {
                "analytics_storage": "Yes",
                "ads_storage": "Yes",
                "uses_transient_token": "No",
            },
            "user_first_touch_timestamp": round(self._first.at.timestamp()) * 1_000_000,
            "device": {"category": visit.device, "operating_system": "Web", "language": "en"},
            "geo": {"country": COUNTRIES[visit.person.country]},
            "traffic_source": _first_source(self._first),
            "collected_traffic_source": _collected(visit) if names_source else None,
            "stream_id": str(self._store.number),
            "platform": "WEB",
            "ecommerce": _ecommerce(order) if order else None,
        }
        return at, row


def _user_id(store: Store, visit: Visit) -> str:
    """The shop's own number of the user; one of the shops sends the e-mail address instead."""
    person = visit.person
    return person.email if store.sends_emails_as_users else f"u{person.number}"


def _param(key: str, value: str | int) -> Row:
    kind = "int_value" if isinstance(value, int) else "string_value"
    return {"key": key, "value": {kind: value}}


def _first_source(first: Visit) -> Row:
    """The user's first source; Google names its own clicks even without campaign parameters."""
    dress = first.dress
    if dress.gclid and not dress.source:
        return {"source": "google", "medium": "cpc", "name": "(not set)"}
    if not dress.source or first.is_payment_return:
        return {"source": "(direct)", "medium": "(none)", "name": "(direct)"}
    return {"source": dress.source, "medium": dress.medium, "name": dress.campaign or "(not set)"}


def _collected(visit: Visit) -> Row | None:
    """Only what the link itself carried: campaign parameters and click ids."""
    dress = visit.dress
    query = landing_page("x.example", visit).partition("gclid=")[2]
    tagged = "utm_source=" in landing_page("x.example", visit)
    if not query and not tagged:
        return None
    return {
        "manual_source": dress.source if tagged else None,
        "manual_medium": dress.medium if tagged else None,
        "manual_campaign_name": (dress.campaign or None) if tagged else None,
        "gclid": query or None,
    }


def _ecommerce(order: Order) -> Row:
    """Amounts in units of the currency, as floats: the vendor's export has no decimals."""
    value = sum(line.gross - line.discount for line in order.lines if line.added_at is None)
    return {
        "total_item_quantity": sum(line.quantity for line in order.lines),
        "purchase_revenue": value / 100,
        "tax_value": order.shipping_tax / 100 + sum(line.tax for line in order.lines) / 100,
        "shipping_value": order.shipping / 100,
        "unique_items": len(order.lines),
        "transaction_id": None if order.loses_transaction_id else str(order.id),
    }
