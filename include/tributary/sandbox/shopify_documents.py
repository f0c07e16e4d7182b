"""An order as Shopify's Admin API tells it: plain dicts with the schema's field names.

Source: the 2026-10 schema's descriptions. Amounts "before returns" (totalPriceSet, totalTaxSet,
line taxLines and discountAllocations) keep refunded and edited-out units; "current" ones do not.
Where the schema is silent: with taxesIncluded, refund subtotals contain their tax, as lines do.
Connections are plain lists here; `shopify_api` pages them.
"""

from __future__ import annotations

from tributary.sandbox.goods import Refund
from tributary.sandbox.orders import Order
from tributary.sandbox.people import Visit
from tributary.sandbox.shopify_journeys import journey_document
from tributary.sandbox.shopify_parts import (
    Json,
    gid,
    instant,
    line_document,
    money,
    shipping_documents,
    taxes,
)
from tributary.sandbox.state import OrderState


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
        "email": order.purchase.visit.person.email if order.has_customer else None,
        "phone": None,
        "shippingAddress": _address(order),
        "billingAddress": _address(order),
        "lineItems": [line_document(state, line) for line in state.lines],
        "shippingLines": shipping_documents(state),
        "shippingLine": next(iter(shipping_documents(state)), None),
        "refunds": [refund_document(state, refund) for refund in state.refunds],
        **_payments(state),
        "customerJourneySummary": journey_document(state, visits),
    }


def refund_document(state: OrderState, refund: Refund) -> Json:
    order = state.order
    refund_id = order.id * 1_000 + 500 + refund.number
    total = state.refund_total(refund)
    lines = [
        {
            "id": gid("RefundLineItem", refund_id * 100 + i),
            "lineItem": line_document(state, entry.line),
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
        for line in shipping_documents(state)
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
    bags["taxLines"] = taxes(order, state.tax)
    bags["currentTaxLines"] = taxes(order, state.tax - removed_tax - back_tax)
    return bags


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
        "email": order.purchase.visit.person.email,
        "firstName": "Kim",
        "lastName": f"Muster{order.customer_id % 1_000}",
        "displayName": f"Kim Muster{order.customer_id % 1_000}",
    }


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
