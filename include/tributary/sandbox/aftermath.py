"""What happens to an order later: refunds, edits, cancellation; each at its own moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tributary.sandbox.catalog import Store
from tributary.sandbox.dice import Dice
from tributary.sandbox.goods import Line, Refund, RefundLine, Removal, tax_of


@dataclass
class Draft:
    """Collects an order's future while it is being made up."""

    lines: list[Line]
    refunds: list[Refund]
    removals: list[Removal]
    cancelled_at: datetime | None = None


def fill_future(
    draft: Draft, store: Store, plan: str, at: datetime, shipping: int, dice: Dice
) -> None:
    """Fill in what happens after the order; each thing at its own later moment."""
    goods = [line for line in draft.lines if not line.is_gift_card]
    later = at + dice.span(2 * 86_400, 16 * 86_400)
    if plan == "many_refunds":
        for i in range(22):
            refund(draft, store, at + timedelta(hours=9 * (i + 2)), {goods[0].number: 1})
    elif plan == "cancelled":
        draft.cancelled_at = at + dice.span(1_800, 2 * 86_400)
        everything = {line.number: line.quantity for line in goods}
        refund(draft, store, draft.cancelled_at, everything, shipping=shipping)
    elif plan == "line_added":
        product = dice.choice(store.products)
        draft.lines.append(
            Line(
                number=len(draft.lines),
                product=product,
                title=product.title,
                unit_price=product.price,
                quantity=1,
                discount=0,
                code_discount=0,
                tax=tax_of(store, product.price),
                added_at=at + dice.span(3_600, 3 * 86_400),
            )
        )
    elif plan in ("units_removed", "removed_then_refunded"):
        most = goods[0].quantity if plan == "units_removed" else goods[0].quantity - 1
        units = dice.randint(1, most)
        draft.removals.append(Removal(at + dice.span(3_600, 86_400), goods[0], units))
        if plan == "removed_then_refunded":
            refund(draft, store, later, {goods[0].number: 1})
    elif plan == "goodwill":
        refund(draft, store, later, {}, adjustment=min(500, goods[0].gross // 4))
    elif plan in ("refund_all", "refund_with_shipping"):
        everything = {line.number: line.quantity for line in goods}
        paid = shipping if plan == "refund_with_shipping" else 0
        refund(draft, store, later, everything, shipping=paid)
    elif plan.startswith("refund") or plan in ("restocking_fee", "two_refunds"):
        refund(draft, store, later, {goods[0].number: 1}, fee=plan == "restocking_fee")
        if plan == "two_refunds" and (len(goods) > 1 or goods[0].quantity > 1):
            line = goods[-1]
            again = later + dice.span(3_600, 9 * 86_400)
            refund(draft, store, again, {line.number: 1}, shipping=shipping // 2)


def refund(
    draft: Draft,
    store: Store,
    at: datetime,
    units: dict[int, int],
    *,
    shipping: int = 0,
    adjustment: int = 0,
    fee: bool = False,
) -> None:
    """Refund `units` (line number -> quantity); rounded so that parts add up to the whole."""
    lines = []
    for line in draft.lines:
        quantity = units.get(line.number, 0)
        if not quantity:
            continue
        before = sum(r.quantity for refund in draft.refunds for r in refund.lines if r.line is line)
        paid = line.gross - line.discount
        subtotal, tax = (
            amount * (before + quantity) // line.quantity - amount * before // line.quantity
            for amount in (paid, line.tax)
        )
        lines.append(RefundLine(line, quantity, subtotal, tax))
    if fee:
        adjustment = -(sum(line.subtotal for line in lines) // 10)
    draft.refunds.append(
        Refund(
            number=len(draft.refunds),
            at=at,
            lines=tuple(lines),
            shipping=shipping,
            shipping_tax=tax_of(store, shipping),
            adjustment=adjustment,
            restock=not fee,
        )
    )
