"""What orders are made of: lines, refunds, removals, and the tax on an amount.

All amounts are minor units of the store's currency. Where prices include tax, so do line, discount,
shipping and refund amounts; where they do not, tax is beside them (as Shopify has it).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tributary.sandbox.catalog import Product, Store


@dataclass(frozen=True)
class Line:
    """`discount` is everything allocated to the ordered `quantity`, `code_discount` the part of it
    that a code on the whole order gave. `added_at`: by a later order edit."""

    number: int
    product: Product | None
    title: str
    unit_price: int
    quantity: int
    discount: int
    code_discount: int
    tax: int
    is_gift_card: bool = False
    added_at: datetime | None = None

    @property
    def gross(self) -> int:
        return self.unit_price * self.quantity


@dataclass(frozen=True)
class RefundLine:
    line: Line
    quantity: int
    subtotal: int
    tax: int


@dataclass(frozen=True)
class Refund:
    """`adjustment` is money beyond lines and shipping: a restocking fee is negative."""

    number: int
    at: datetime
    lines: tuple[RefundLine, ...] = ()
    shipping: int = 0
    shipping_tax: int = 0
    adjustment: int = 0
    restock: bool = True


@dataclass(frozen=True)
class Removal:
    """An order edit that takes units out without giving money back."""

    at: datetime
    line: Line
    quantity: int


def tax_of(store: Store, amount: int) -> int:
    """Tax on (or contained in) a discounted amount, rounded half up to the minor unit."""
    rate, base = store.tax_rate
    whole = base + rate if store.taxes_included else base
    return (2 * amount * rate + whole) // (2 * whole)
