"""GA4's BigQuery event export, wherever it comes from -> rows of a `ga4_event` staging table.

Sources: Google's export schema as in the public GA4 sample. The session's source is looked
for in collected_traffic_source, then event_params, then the address's utm parameters;
traffic_source is the first visit of the *user* and goes to first_user_* only. Key: user, time,
name, bundle (and the event's index in it where the export says so): Google gives no row id.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from tributary.connectors.shared import urls
from tributary.connectors.shared.values import MOST_DIGITS, BadValue, click_key, person_key
from tributary.money import PAYMENT_SITES as PAYMENT_SITES

Row = dict[str, Any]
Tuple3 = tuple[str, str, str]

# Columns of the export that are used; the first four must be there.
COLUMNS = [
    "event_date",
    "event_timestamp",
    "event_name",
    "event_params",
    "event_bundle_sequence_id",
    "batch_event_index",
    "user_id",
    "user_pseudo_id",
    "device",
    "geo",
    "privacy_info",
    "traffic_source",
    "collected_traffic_source",
    "ecommerce",
]
# What is kept of an event that cannot become a row.
SHOWN = ("event_date", "event_timestamp", "event_name", "user_pseudo_id")
# event_params that are used.
PARAMS = [
    "ga_session_id",
    "ga_session_number",
    "page_location",
    "page_referrer",
    "source",
    "medium",
    "campaign",
    "gclid",
    "dclid",
    "srsltid",
    "transaction_id",
    "currency",
    "value",
]
# Stream.people of a `ga4_event` stream: its browser, who signed in, and the click that led here.
PEOPLE = {"user_pseudo_id": "client", "user_id": "user", "click_key": "click"}
# Stream.columns of a `ga4_event` stream, in the order of `row`.
STAGING_COLUMNS = (
    "record_key",
    "business_date",
    "occurred_at",
    "event_name",
    "user_pseudo_id",
    "user_id",
    "session_id",
    "source",
    "medium",
    "campaign",
    "click_id_type",
    "first_user_source",
    "first_user_medium",
    "first_user_campaign",
    "page_location",
    "page_referrer",
    "device_category",
    "country",
    "transaction_id",
    "purchase_revenue",
    "currency_code",
    "lookback_days",
    "session_number",
    "is_internal_source",
    "is_internal_first_user",
    "referrer_host",
    "click_key",
    "ads_consent",
    "value_amount",
)
# Google's recommended events that are conversions of their own; like any event they may say what
# they are worth (`value`, with `currency`). Source: developers.google.com/analytics/devguides/
# collection/ga4/reference/events.
ACTIONS = frozenset({"sign_up", "generate_lead"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_ID = frozenset({"", "(not set)", "null", "undefined", "none", "nan"})
_CONSENT = {"yes": "granted", "no": "denied"}
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True)
class Property:
    """What the account says about its property. `ignored_referrers` never brought a visitor."""

    currency: str
    lookback_days: int | None
    ignored_referrers: Collection[str]


def decode(event: Row, about: Property) -> tuple[Any, ...] | BadValue:
    """The staging row of an event, whose `params` are its event_params as text; or why there is
    none, with the event's payload as second argument."""
    try:
        return _row(event, about)
    except (BadValue, ValueError, OverflowError, ArithmeticError) as error:
        return BadValue(str(error), _payload(event))


def _row(event: Row, about: Property) -> tuple[Any, ...]:
    params, at = event["params"], event["event_timestamp"]
    name = _text(event["event_name"])
    if at is None or not name:
        raise BadValue("the event has no time or no name")
    day = _day(event["event_date"])
    location = urls.parse(params.get("page_location", ""))
    referrer = urls.parse(params.get("page_referrer", ""))
    own = urls.domain(location.host) if location.host else ""
    source, medium, campaign = _source(event, location)
    first = event.get("traffic_source") or {}
    user = _text(event["user_pseudo_id"])
    clicked = _click(event, location)
    purchase, action = name == "purchase", name in ACTIONS
    key = [user, str(at), name, _text(event.get("event_bundle_sequence_id"))]
    if event.get("batch_event_index") is not None:
        key.append(str(event["batch_event_index"]))
    made = (
        "|".join(key),
        day,
        _EPOCH + timedelta(microseconds=at),
        name,
        user,
        person_key(_text(event.get("user_id"))),
        params.get("ga_session_id", ""),
        source,
        medium,
        campaign,
        clicked[0],
        _text(first.get("source")),
        _text(first.get("medium")),
        _text(first.get("name")),
        location.page,
        referrer.page,
        _text((event.get("device") or {}).get("category")),
        _text((event.get("geo") or {}).get("country")),
        _transaction_id(event) if purchase else "",
        _revenue(event) if purchase else None,
        _currency(params.get("currency", ""), about.currency) if purchase or action else "",
        about.lookback_days,
        int(params["ga_session_number"]) if params.get("ga_session_number") else None,
        medium in ("", "referral") and _is_internal(source, own, about),
        _text(first.get("medium")) in ("", "referral")
        and _is_internal(_text(first.get("source")), own, about),
        "" if _is_internal(referrer.host, own, about) else referrer.host,
        clicked[1],
        _CONSENT.get(_text((event.get("privacy_info") or {}).get("ads_storage")).lower(), ""),
        _amount(params.get("value", ""), "value") if action else None,
    )
    if any(isinstance(value, str) and "\x00" in value for value in made):
        raise BadValue("a NUL character, which text cannot hold")
    return made


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _day(value: object) -> date:
    if isinstance(value, date):
        return value
    try:
        return datetime.strptime(str(value), "%Y%m%d").date()  # noqa: DTZ007 a day has no zone
    except ValueError as error:
        raise BadValue(f"event_date {value!r} is not a day written as YYYYMMDD") from error


def _source(event: Row, location: urls.PageUrl) -> Tuple3:
    """The event's own source, medium, campaign: the first tuple with a source, else the first
    with anything."""
    collected, params = event.get("collected_traffic_source") or {}, event["params"]
    candidates: list[Tuple3] = [
        (
            _text(collected.get("manual_source")),
            _text(collected.get("manual_medium")),
            _text(collected.get("manual_campaign_name")),
        ),
        (params.get("source", ""), params.get("medium", ""), params.get("campaign", "")),
        (location.source, location.medium, location.campaign),
    ]
    complete = next((c for c in candidates if c[0]), None)
    return complete or next((c for c in candidates if any(c)), ("", "", ""))


def _click(event: Row, location: urls.PageUrl) -> tuple[str, str]:
    """The type of the event's click id, and its key."""
    collected, params = event.get("collected_traffic_source") or {}, event["params"]
    for name in ("gclid", "dclid", "srsltid"):
        value = _text(collected.get(name)) or params.get(name)
        if value and not (name == "srsltid" and location.click_id_type):
            return name, click_key(value, name)
    return location.click_id_type, click_key(location.click_id)


def _is_internal(host: str, own: str, about: Property) -> bool:
    """Is this the shop's own site or a payment page? Neither brought the visitor."""
    if not host:
        return False
    host = host.lower()
    ignored = about.ignored_referrers
    name = urls.domain(host)
    return (bool(own) and name == own) or name in ignored or f"{host}.com" in ignored


def _transaction_id(event: Row) -> str:
    """The export's transaction id, else the event parameter; '' for none and for '(not set)'."""
    for value in (
        (event.get("ecommerce") or {}).get("transaction_id"),
        event["params"].get("transaction_id"),
    ):
        if _text(value).lower() not in _NO_ID:
            return _text(value)
    return ""


def _revenue(event: Row) -> Decimal | None:
    """Revenue in the event's currency; the export holds floats: their shortest text is exact."""
    value = (event.get("ecommerce") or {}).get("purchase_revenue")
    text = _text(event["params"].get("value") if value is None else value)
    return _amount(text, "purchase_revenue")


def _amount(text: str, name: str) -> Decimal | None:
    if not text:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise BadValue(f"{name} {text!r} is not an amount") from None
    if not number.is_finite() or abs(number) > 10**15 or number.adjusted() < -MOST_DIGITS:
        raise BadValue(f"{name} {text!r} is not an amount")
    if len(number.normalize().as_tuple().digits) > MOST_DIGITS:
        raise BadValue(f"{name} {text!r} has more than {MOST_DIGITS} digits")
    return number


def _currency(code: str, default: str) -> str:
    code = code.upper()
    return code if _CURRENCY.fullmatch(code) else default


def _payload(event: Row) -> str:
    """The part of a broken event worth keeping for a person who looks into it."""
    return msgspec.json.encode({k: str(event.get(k)) for k in SHOWN}).decode()
