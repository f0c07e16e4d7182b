"""What the vendor's records must look like to be landed. Amounts are Decimal, times aware."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Generic, TypeVar

import msgspec

T = TypeVar("T")
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Id = Annotated[str, msgspec.Meta(min_length=1)]


class Vendor(msgspec.Struct, rename="camel", frozen=True):
    """Base: the vendor writes camelCase; unknown fields are kept in the payload and reported."""


class Money(Vendor, frozen=True):
    amount: Decimal
    currency_code: str


class MoneyBag(Vendor, frozen=True):
    shop_money: Money


class BothMoney(Vendor, frozen=True):
    shop_money: Money
    presentment_money: Money


class PageInfo(Vendor, frozen=True):
    has_next_page: bool
    end_cursor: str | None = None


class Connection(Vendor, Generic[T], frozen=True):
    page_info: PageInfo
    nodes: list[T]


class TaxLine(Vendor, frozen=True):
    title: str
    price_set: MoneyBag


class Allocation(Vendor, frozen=True):
    allocated_amount_set: MoneyBag


class ProductRef(Vendor, frozen=True):
    id: str


class Line(Vendor, frozen=True):
    id: Id
    title: str
    quantity: int
    current_quantity: int
    is_gift_card: bool
    original_unit_price_set: MoneyBag
    original_total_set: MoneyBag
    discount_allocations: list[Allocation]
    tax_lines: list[TaxLine]
    sku: str | None = None
    product: ProductRef | None = None


class ShippingLine(Vendor, frozen=True):
    title: str
    original_price_set: MoneyBag
    discounted_price_set: MoneyBag
    tax_lines: list[TaxLine]
    id: str | None = None


class Payment(Vendor, frozen=True):
    id: Id
    kind: str
    status: str
    amount_set: MoneyBag
    gateway: str | None = None
    processed_at: Instant | None = None


class RefundRef(Vendor, frozen=True):
    id: Id


class RefundedLine(Vendor, frozen=True):
    id: Id
    is_gift_card: bool
    sku: str | None = None


class RefundLine(Vendor, frozen=True):
    quantity: int
    restock_type: str
    line_item: RefundedLine
    subtotal_set: MoneyBag
    total_tax_set: MoneyBag
    id: str | None = None


class RefundShipping(Vendor, frozen=True):
    id: Id
    subtotal_amount_set: MoneyBag
    tax_amount_set: MoneyBag


class Refund(Vendor, frozen=True):
    id: Id
    legacy_resource_id: Id
    processed_at: Instant
    total_refunded_set: MoneyBag
    refund_line_items: Connection[RefundLine]
    refund_shipping_lines: Connection[RefundShipping]
    created_at: Instant | None = None


class Utm(Vendor, frozen=True):
    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    content: str | None = None
    term: str | None = None


class Moment(Vendor, frozen=True):
    """A CustomerVisit, or an event of another kind, which has no id and makes no touch."""

    kind: str = msgspec.field(name="__typename")
    occurred_at: Instant
    id: str | None = None
    landing_page: str | None = None
    referrer_url: str | None = None
    source: str | None = None
    source_type: str | None = None
    utm_parameters: Utm | None = None


class Journey(Vendor, frozen=True):
    ready: bool
    customer_order_index: int | None = None
    days_to_conversion: int | None = None
    moments: Connection[Moment] | None = None


class Customer(Vendor, frozen=True):
    id: Id
    legacy_resource_id: Id


class Address(Vendor, frozen=True):
    country_code_v2: str | None = msgspec.field(default=None, name="countryCodeV2")
    province_code: str | None = None


class Count(Vendor, frozen=True):
    count: int
    precision: str


class Order(Vendor, frozen=True):
    id: Id
    legacy_resource_id: Id
    name: str
    test: bool
    edited: bool
    created_at: Instant
    processed_at: Instant
    updated_at: Instant
    currency_code: str
    presentment_currency_code: str
    taxes_included: bool
    discount_codes: list[str]
    display_fulfillment_status: str
    total_price_set: BothMoney
    current_total_price_set: MoneyBag
    total_refunded_set: MoneyBag
    refund_discrepancy_set: MoneyBag
    line_items: Connection[Line]
    shipping_lines: Connection[ShippingLine]
    refunds: list[Refund]
    transactions: list[Payment]
    total_tax_set: MoneyBag | None = None
    total_discounts_set: MoneyBag | None = None
    transactions_count: Count | None = None
    cancelled_at: Instant | None = None
    source_name: str | None = None
    display_financial_status: str | None = None
    customer: Customer | None = None
    email: str | None = None
    shipping_address: Address | None = None
    customer_journey_summary: Journey | None = None


class Scope(Vendor, frozen=True):
    handle: str


class Installation(Vendor, frozen=True):
    access_scopes: list[Scope]


class Shop(Vendor, frozen=True):
    name: str
    currency_code: str
    iana_timezone: str
    myshopify_domain: str


class ShopData(Vendor, frozen=True):
    """The shop, and what the token may read."""

    shop: Shop
    current_app_installation: Installation

    def may(self, scope: str) -> bool:
        return any(s.handle == scope for s in self.current_app_installation.access_scopes)
