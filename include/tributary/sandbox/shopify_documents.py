"""An order as Shopify's Admin API tells it: plain dicts with the schema's field names.

Source: the 2026-10 schema's descriptions. Amounts "before returns" (totalPriceSet, totalTaxSet,
line taxLines and discountAllocations) keep refunded and edited-out units; "current" ones do not.
Where the schema is silent: with taxesIncluded, refund subtotals contain their tax, as lines do.
Connections are plain lists here; `shopify_api` pages them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote_plus

from tributary.money import minor_unit, quantum
from tributary.sandbox.orders import Line, Order, Refund
from tributary.sandbox.people import Visit
from tributary.sandbox.state import OrderState

Json = dict[str, Any]
JOURNEY_WINDOW = timedelta(days=30)


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


def order_document(state: OrderState, number: int, visits: list[Visit]) -> Json:
    """The whole Order object; `visits` are those of its customer, `number` counts orders."""
    order = state.order
    refunded = sum(state.refund_total(refund) for refund in state.refunds)
    return {
        "__typename": "Order",
        "id": gid("Order", order.id),
        "legacyResourceId": str(order.id),
        "name": f"#{1_000 + number}",
        "number": 1_000 + number,
        "test": order.is_test,
        "edited": state.is_edited,
        "confirmed": True,
        "closed": False,
        "closedAt": None,
        "createdAt": instant(order.created_at),
        "processedAt": instant(order.processed_at),
        "updatedAt": instant(state.updated_at),
        "cancelledAt": instant(order.cancelled_at)
        if state.is_cancelled and order.cancelled_at
        else None,
        "cancelReason": "CUSTOMER" if state.is_cancelled else None,
        "currencyCode": order.store.currency,
        "presentmentCurrencyCode": order.currency,
        "taxesIncluded": order.store.taxes_included,
        "sourceName": order.source_name,
        "app": {"id": gid("OrderApp", 580111), "name": "Online Store"},
        "tags": [],
        "displayFinancialStatus": _financial_status(state, refunded),
        "displayFulfillmentStatus": "FULFILLED" if state.is_fulfilled else "UNFULFILLED",
        "discountCode": order.codes[0] if order.codes else None,
        "discountCodes": list(order.codes),
        **_totals(state, refunded),
        "customer": _customer(order),
        "email": _email(order) if order.has_customer else None,
        "phone": None,
        "shippingAddress": _address(order),
        "billingAddress": _address(order),
        "lineItems": [_line(state, line) for line in state.lines],
        "shippingLines": _shipping(state),
        "shippingLine": next(iter(_shipping(state)), None),
        "refunds": [refund_document(state, refund) for refund in state.refunds],
        **_payments(state),
        "customerJourneySummary": _journey(state, visits),
    }


def refund_document(state: OrderState, refund: Refund) -> Json:
    order = state.order
    refund_id = order.id * 1_000 + 500 + refund.number
    total = state.refund_total(refund)
    lines = [
        {
            "id": gid("RefundLineItem", refund_id * 100 + i),
            "lineItem": _line(state, entry.line),
            "quantity": entry.quantity,
            "restockType": "RETURN" if refund.restock else "NO_RESTOCK",
            "restocked": refund.restock,
            "priceSet": money(order, entry.subtotal // entry.quantity),
            "subtotalSet": money(order, entry.subtotal),
            "totalTaxSet": money(order, entry.tax),
        }
        for i, entry in enumerate(refund.lines)
    ]
    shipping = [
        {
            "id": gid("RefundShippingLine", refund_id * 100 + 99),
            "shippingLine": line,
            "subtotalAmountSet": money(order, refund.shipping),
            "taxAmountSet": money(order, refund.shipping_tax),
        }
        for line in _shipping(state)
        if refund.shipping
    ]
    adjustments = [
        {
            "id": gid("OrderAdjustment", refund_id * 100 + 98),
            "amountSet": money(order, refund.adjustment),
            "taxAmountSet": money(order, 0),
            "reason": "REFUND_DISCREPANCY",
        }
    ]
    return {
        "__typename": "Refund",
        "id": gid("Refund", refund_id),
        "legacyResourceId": str(refund_id),
        "createdAt": instant(refund.at),
        "processedAt": instant(refund.at),
        "updatedAt": instant(refund.at),
        "note": None,
        "totalRefundedSet": money(order, total),
        "refundLineItems": lines,
        "refundShippingLines": shipping,
        "orderAdjustments": adjustments if refund.adjustment else [],
        "transactions": [_transaction(order, 900 + refund.number, "REFUND", order.gateway, total)],
    }


def moments(order: Order, visits: list[Visit]) -> list[Visit]:
    """The visits the shop ties to an order: same browser, up to 30 days, since the last order."""
    last = order.purchase.visit
    found = []
    for visit in visits:
        same_browser = bool(visit.client_id) and visit.client_id == last.client_id
        in_time = order.processed_at - visit.at <= JOURNEY_WINDOW
        if same_browser and in_time and order.purchase.after_visit < visit.number <= last.number:
            found.append(visit)
    return found


def _financial_status(state: OrderState, refunded: int) -> str:
    if refunded and refunded >= state.total:
        return "REFUNDED"
    return "PARTIALLY_REFUNDED" if refunded else "PAID"


def _totals(state: OrderState, refunded: int) -> Json:
    order, included = state.order, state.order.store.taxes_included
    paid_lines = sum(line.gross - line.discount for line in state.lines)
    shipping = order.shipping - order.shipping_discount
    gone = {line.number: state.removed.get(line.number, 0) for line in state.lines}
    removed = removed_tax = 0
    for line in state.lines:
        if gone[line.number]:
            removed += line.gross - line.discount - state.of_kept(line, line.gross - line.discount)
            removed_tax += line.tax - state.of_kept(line, line.tax)
    back = sum(entry.subtotal for refund in state.refunds for entry in refund.lines)
    back_tax = sum(entry.tax for refund in state.refunds for entry in refund.lines)
    back_shipping = sum(refund.shipping for refund in state.refunds)
    back_tax += sum(refund.shipping_tax for refund in state.refunds)
    original = sum(line.gross - line.discount for line in state.lines if line.added_at is None)
    original_tax = sum(line.tax for line in state.lines if line.added_at is None)
    original_tax += order.shipping_tax
    current = state.total - removed - back - back_shipping
    current -= 0 if included else removed_tax + back_tax
    discounts = sum(line.discount for line in state.lines) + order.shipping_discount
    kept_discounts = sum(
        line.discount
        * (line.quantity - gone[line.number] - state.refunded_units(line))
        // line.quantity
        for line in state.lines
    )
    amounts = {
        "originalTotalPriceSet": original + shipping + (0 if included else original_tax),
        "totalPriceSet": state.total,
        "currentTotalPriceSet": current,
        "subtotalPriceSet": paid_lines,
        "currentSubtotalPriceSet": paid_lines - removed - back,
        "totalTaxSet": state.tax,
        "currentTotalTaxSet": state.tax - removed_tax - back_tax,
        "totalDiscountsSet": discounts,
        "currentTotalDiscountsSet": kept_discounts,
        "totalShippingPriceSet": order.shipping,
        "currentShippingPriceSet": shipping - back_shipping,
        "totalRefundedSet": refunded,
        "totalRefundedShippingSet": back_shipping,
        "refundDiscrepancySet": -sum(refund.adjustment for refund in state.refunds),
        "totalReceivedSet": state.total,
        "netPaymentSet": state.total - refunded,
    }
    bags: Json = {name: money(order, amount) for name, amount in amounts.items()}
    bags["taxLines"] = _taxes(order, state.tax)
    bags["currentTaxLines"] = _taxes(order, state.tax - removed_tax - back_tax)
    return bags


def _taxes(order: Order, tax: int) -> list[Json]:
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


def _line(state: OrderState, line: Line) -> Json:
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
        "taxLines": _taxes(order, line.tax),
    }


def _shipping(state: OrderState) -> list[Json]:
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
            "taxLines": _taxes(order, order.shipping_tax),
        }
    ]


def _payments(state: OrderState) -> Json:
    order = state.order
    paid = []
    if order.gift_card_payment:
        paid.append(_transaction(order, 800, "SALE", "gift_card", order.gift_card_payment))
    rest = state.total - order.gift_card_payment
    paid.append(_transaction(order, 801, "SALE", order.gateway, rest))
    for refund in state.refunds:
        total = state.refund_total(refund)
        paid.append(_transaction(order, 900 + refund.number, "REFUND", order.gateway, total))
    return {
        "transactions": paid,
        "transactionsCount": {"count": len(paid), "precision": "EXACT"},
        "paymentGatewayNames": sorted({t["gateway"] for t in paid}),
    }


def _transaction(order: Order, number: int, kind: str, gateway: str, amount: int) -> Json:
    return {
        "id": gid("OrderTransaction", order.id * 1_000 + number),
        "kind": kind,
        "status": "SUCCESS",
        "gateway": gateway,
        "formattedGateway": gateway.replace("_", " ").title(),
        "test": order.is_test,
        "createdAt": instant(order.created_at),
        "processedAt": instant(order.processed_at),
        "amountSet": money(order, amount),
    }


def _customer(order: Order) -> Json | None:
    if not order.has_customer:
        return None
    return {
        "id": gid("Customer", order.customer_id),
        "legacyResourceId": str(order.customer_id),
        "numberOfOrders": str(order.customer_index + 1),
        "createdAt": instant(order.created_at),
        "email": _email(order),
        "firstName": "Kim",
        "lastName": f"Muster{order.customer_id % 1_000}",
        "displayName": f"Kim Muster{order.customer_id % 1_000}",
    }


def _email(order: Order) -> str:
    return f"kim{order.customer_id}@mail.example"


def _address(order: Order) -> Json:
    store = order.store
    home = order.country == store.home
    province = store.provinces[order.id % len(store.provinces)] if home else None
    return {
        "id": gid("MailingAddress", order.id),
        "countryCodeV2": order.country,
        "country": order.country,
        "provinceCode": province,
        "province": province,
        "city": "Musterstadt",
        "zip": "12345",
        "firstName": "Kim",
        "lastName": "Muster",
        "name": "Kim Muster",
        "phone": None,
        "address1": "Musterweg 1",
    }


def _journey(state: OrderState, visits: list[Visit]) -> Json | None:
    order = state.order
    if not order.has_journey:
        return None
    if not state.is_ready:
        return {
            "ready": False,
            "customerOrderIndex": None,
            "daysToConversion": None,
            "firstVisit": None,
            "lastVisit": None,
            "momentsCount": None,
            "moments": [],
        }
    seen = [_visit(order, visit) for visit in moments(order, visits)]
    first = moments(order, visits)[:1]
    return {
        "ready": True,
        # Test orders are not counted in a customer's orders.
        "customerOrderIndex": None if order.is_test else order.customer_index,
        "daysToConversion": (order.processed_at - first[0].at).days if first else None,
        "firstVisit": seen[0] if seen else None,
        "lastVisit": seen[-1] if seen else None,
        "momentsCount": {"count": len(seen), "precision": "EXACT"},
        "moments": seen,
    }


_SOURCES = {"google": "Google", "bing": "Bing", "duckduckgo": "DuckDuckGo"}


def _visit(order: Order, visit: Visit) -> Json:
    dress = visit.dress
    tagged = bool(dress.source) and dress.medium not in ("organic", "referral", "(none)")
    tagged = tagged and dress.source != "(not set)"
    utm = {
        "source": dress.source,
        "medium": dress.medium,
        "campaign": dress.campaign or None,
        "content": None,
        "term": None,
    }
    if tagged:
        source, tactic = dress.source, None
    elif dress.gclid:
        source, tactic = "Google", None
    elif dress.medium == "organic":
        source, tactic = _SOURCES[dress.source], "SEO"
    elif dress.referrer:
        source, tactic = dress.source, "LINK"
    else:
        source, tactic = DIRECT_SOURCE, None
    return {
        "__typename": "CustomerVisit",
        "id": gid("CustomerVisit", visit.person.number * 10_000 + visit.number),
        "occurredAt": instant(visit.at),
        "landingPage": landing_page(order.store.host, visit),
        "referrerUrl": dress.referrer or None,
        "referralCode": None,
        "source": source,
        "sourceDescription": None,
        "sourceType": tactic,
        "utmParameters": utm if tagged else None,
    }


DIRECT_SOURCE = "direct"


def landing_page(host: str, visit: Visit) -> str:
    """The address the visit began at: campaign parameters as a link would carry them."""
    dress, query = visit.dress, []
    if dress.source and dress.medium not in ("organic", "referral", "(none)", "(not set)"):
        query += [
            f"utm_source={quote_plus(dress.source)}",
            f"utm_medium={quote_plus(dress.medium)}",
        ]
        if dress.campaign:
            query.append(f"utm_campaign={quote_plus(dress.campaign)}")
    if dress.gclid:
        query.append(f"gclid=Cj0K{visit.session_id:x}{visit.person.number:x}")
    return (
        f"https://{host}/products/{visit.session_id % 7}" + ("?" if query else "") + "&".join(query)
    )
