"""Parts of Shopify's documents: ids, times, money, tax lines, order and shipping lines."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tributary.money import minor_unit, quantum
from tributary.sandbox.goods import Line
from tributary.sandbox.orders import Order
from tributary.sandbox.state import OrderState

Json = dict[str, Any]


def gid(kind: str, number: int) -> str:
    return f"gid://shopify/{kind}/{number}"


def instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def amount_text(amount: Decimal) -> str:
    """As the vendor writes Decimal: 20.50 is "20.5", 20 is "20.0"."""
    text = f"{amount:f}"
    whole, _, cents = text.partition(".")
    return f"{whole}.{cents.rstrip('0') or '0'}"


def money(order: Order, minor: int) -> Json:
    """A MoneyBag: shop currency exact, presentment currency rounded at the order's rate."""
    store = order.store
    amount = Decimal(minor).scaleb(-minor_unit(store.currency))
    numerator, denominator = order.rate
    shown = (amount * numerator / denominator).quantize(quantum(order.currency))
    return {
        "shopMoney": {"amount": amount_text(amount), "currencyCode": store.currency},
        "presentmentMoney": {"amount": amount_text(shown), "currencyCode": order.currency},
    }


def taxes(order: Order, tax: int) -> list[Json]:
    """Germany has one tax, Texas two: the state's and the city's."""
    if not tax:
        return []
    if order.store.taxes_included:
        return [_tax(order, "MwSt", 0.19, tax)]
    state = tax * 625 // 825
    return [
        _tax(order, "Texas State Tax", 0.0625, state),
        _tax(order, "Austin City Tax", 0.02, tax - state),
    ]


def _tax(order: Order, title: str, rate: float, amount: int) -> Json:
    return {
        "title": title,
        "rate": rate,
        "ratePercentage": round(rate * 100, 2),
        "priceSet": money(order, amount),
        "channelLiable": False,
    }


def line_document(state: OrderState, line: Line) -> Json:
    order = state.order
    allocations = [a for a in (line.discount - line.code_discount, line.code_discount) if a]
    left = state.kept_units(line) - state.refunded_units(line)
    automatic = line.discount - line.code_discount
    return {
        "id": gid("LineItem", order.id * 1_000 + line.number),
        "name": line.title,
        "title": line.title,
        "sku": line.product.sku if line.product else None,
        "vendor": order.store.name,
        "variantTitle": None,
        "product": {
            "id": gid("Product", line.product.id),
            "legacyResourceId": str(line.product.id),
            "title": line.title,
            "isGiftCard": False,
        }
        if line.product
        else None,
        "variant": None,
        "quantity": line.quantity,
        "currentQuantity": left,
        "refundableQuantity": left,
        "isGiftCard": line.is_gift_card,
        "taxable": not line.is_gift_card,
        "requiresShipping": not line.is_gift_card,
        "originalUnitPriceSet": money(order, line.unit_price),
        "originalTotalSet": money(order, line.gross),
        "discountedUnitPriceSet": money(order, (line.gross - automatic) // line.quantity),
        "discountedTotalSet": money(order, line.gross - automatic),
        "totalDiscountSet": money(order, automatic),
        "discountAllocations": [{"allocatedAmountSet": money(order, a)} for a in allocations],
        "taxLines": taxes(order, line.tax),
    }


def shipping_documents(state: OrderState) -> list[Json]:
    order = state.order
    if not order.shipping:
        return []
    charged = order.shipping - order.shipping_discount
    back = sum(refund.shipping for refund in state.refunds)
    discounts = [order.shipping_discount] if order.shipping_discount else []
    return [
        {
            "id": gid("ShippingLine", order.id * 1_000 + 400),
            "title": "Standard",
            "code": "STD",
            "source": "shopify",
            "custom": False,
            "isRemoved": False,
            "originalPriceSet": money(order, order.shipping),
            "discountedPriceSet": money(order, charged),
            "currentDiscountedPriceSet": money(order, charged - back),
            "discountAllocations": [{"allocatedAmountSet": money(order, d)} for d in discounts],
            "taxLines": taxes(order, order.shipping_tax),
        }
    ]
