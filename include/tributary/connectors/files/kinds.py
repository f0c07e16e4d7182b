"""What a line of a file can become: the five kinds, their fields and what each field must hold.

A kind is a stream of the connector and a staging table. Field meaning is the column's in
sql/migrations/0002_create_staging.sql.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tributary.connectors.shared import ga4_event

FieldType = Literal["text", "instant", "day", "money", "quantity", "count"]


@dataclass(frozen=True)
class Field:
    """One staging column a mapping can fill. `default` is used where the mapping is silent;
    a `required` field must be mapped and must not be empty in a line."""

    name: str
    type: FieldType = "text"
    required: bool = False
    default: str = ""
    signed: bool = False


@dataclass(frozen=True)
class Kind:
    """One stream. `day` is the field whose day (in the account's zone) is the business date."""

    name: str
    day: str
    fields: tuple[Field, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Stream.columns: record_key, business_date, then the staging columns."""
        return ("record_key", "business_date", *(f.name for f in self.fields if f.name != "day"))

    @property
    def people(self) -> dict[str, str]:
        """Stream.people: the columns that name a person."""
        named = {"user_key": "user", "email": "email", "device_id": "device", **ga4_event.PEOPLE}
        return {f.name: named[f.name] for f in self.fields if f.name in named}

    def field(self, name: str) -> Field | None:
        return next((f for f in self.fields if f.name == name), None)


# Filled from the mapping's header, not from a column, unless the mapping says otherwise.
CURRENCY = "currency_code"
LOOKBACK = "lookback_days"

TOUCH = Kind(
    "touch",
    "occurred_at",
    (
        Field("occurred_at", "instant", required=True),
        Field("user_key", required=True),
        Field("evidence_type", default="click"),
        Field("source"),
        Field("medium"),
        Field("campaign"),
        Field("channel"),
        Field("click_id"),
        Field("cost", "money"),
        Field(CURRENCY),
        Field(LOOKBACK, "count"),
        Field("email"),
        Field("click_key"),
        Field("device_id"),
        Field("ads_consent"),
    ),
)
ORDER_LINE = Kind(
    "order_line",
    "ordered_at",
    (
        Field("order_id", required=True),
        Field("ordered_at", "instant", required=True),
        Field("user_key"),
        Field("sku"),
        Field("title"),
        Field("quantity", "quantity", default="1"),
        Field("gross_amount", "money", required=True),
        Field("discount_amount", "money", default="0"),
        Field("included_tax_amount", "money", default="0"),
        Field("tax_amount", "money", default="0"),
        Field("shipping_amount", "money", default="0"),
        Field(CURRENCY),
        Field("region_country"),
        Field("email"),
        Field("click_key"),
    ),
)
REFUND = Kind(
    "refund",
    "refunded_at",
    (
        Field("refund_id", required=True),
        Field("order_id"),
        Field("refunded_at", "instant", required=True),
        Field("user_key"),
        Field("sku"),
        Field("quantity", "quantity", default="1"),
        Field("returned_amount", "money", required=True),
        Field("tax_amount", "money", default="0"),
        Field("shipping_amount", "money", default="0"),
        Field(CURRENCY),
    ),
)
SPEND = Kind(
    "spend",
    "day",
    (
        Field("day", "day", required=True),
        Field("campaign_id"),
        Field("campaign_name"),
        Field("source"),
        Field("medium"),
        Field("channel"),
        Field("spend_amount", "money", required=True, signed=True),
        Field("impressions", "count"),
        Field("clicks", "count"),
        Field(CURRENCY),
    ),
)
# GA4 events come in one shape, Google's BigQuery export: no mapping fills the columns.
_GA4_TYPES: dict[str, FieldType] = {
    "occurred_at": "instant",
    "purchase_revenue": "money",
    LOOKBACK: "count",
    "session_number": "count",
    "value_amount": "money",
}
GA4_EVENT = Kind(
    "ga4_event",
    "occurred_at",
    tuple(
        Field(name, _GA4_TYPES.get(name, "text"), required=name == "occurred_at")
        for name in ga4_event.STAGING_COLUMNS[2:]
    ),
)

KINDS = {kind.name: kind for kind in (TOUCH, ORDER_LINE, REFUND, SPEND, GA4_EVENT)}
EVIDENCE = frozenset(
    ["click", "visit", "view", "email_click", "coupon", "survey", "marketplace", "influencer_code"]
)
