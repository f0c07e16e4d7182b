"""Orders of the sandbox world: what was bought and what it cost; amounts as in `goods`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tributary.sandbox.aftermath import Draft, fill_future
from tributary.sandbox.catalog import Product, Store
from tributary.sandbox.dice import Dice
from tributary.sandbox.goods import Line, Refund, Removal, tax_of
from tributary.sandbox.people import MANY_LINES, MANY_REFUNDS, Purchase


@dataclass(frozen=True)
class Order:
    """An order with its whole future; `state` says what of it is known at a moment."""

    store: Store
    purchase: Purchase
    id: int
    customer_index: int
    processed_at: datetime
    created_at: datetime
    country: str
    currency: str
    rate: tuple[int, int]
    lines: tuple[Line, ...]
    codes: tuple[str, ...]
    shipping: int
    shipping_discount: int
    shipping_tax: int
    gift_card_payment: int
    gateway: str
    source_name: str
    is_test: bool
    has_customer: bool
    has_journey: bool
    sends_purchase_event: bool
    loses_transaction_id: bool
    ready_at: datetime
    ready_moves_updated: bool
    fulfilled_at: datetime
    cancelled_at: datetime | None
    refunds: tuple[Refund, ...]
    removals: tuple[Removal, ...]

    @property
    def customer_id(self) -> int:
        return self.purchase.visit.person.customer_id

    @property
    def purchase_event_at(self) -> datetime:
        """When the browser reports the purchase to the event export."""
        return self.processed_at + timedelta(seconds=1)


PLANS = {
    "plain": 60.0,
    "refund": 9.0,
    "refund_all": 3.0,
    "refund_with_shipping": 3.0,
    "restocking_fee": 3.0,
    "two_refunds": 3.0,
    "goodwill": 2.0,
    "line_added": 3.0,
    "units_removed": 3.0,
    "removed_then_refunded": 1.0,
    "cancelled": 3.0,
    "test": 1.5,
}


def make_order(store: Store, purchase: Purchase) -> Order:
    """The order a purchase became, with everything that will ever happen to it."""
    person = purchase.visit.person
    dice = Dice(*person.key, "order", purchase.index)
    plan = dice.pick(PLANS)
    if person.special == MANY_REFUNDS and purchase.index == 0:
        plan = "many_refunds"
    elif person.special == MANY_LINES and purchase.index == 0:
        plan = "plain"
    at = purchase.placed_at.replace(microsecond=0)
    code = _code(purchase, dice) if plan not in ("units_removed", "removed_then_refunded") else ""
    lines = _lines(store, purchase, plan, code, dice)
    shipping, shipping_discount = _shipping(store, lines, code)
    draft = Draft(list(lines), [], [])
    fill_future(draft, store, plan, at, shipping - shipping_discount, dice)
    source = "pos" if plan == "plain" and dice.chance(0.03) else "web"
    late = dice.span(0, 4) if not dice.chance(0.02) else dice.span(3_600, 9_000)
    currency, rate = store.currency, (1, 1)
    if person.country != store.home:
        currency, rate = store.foreign[person.country]
    goods = sum(line.gross - line.discount for line in lines)
    return Order(
        store=store,
        purchase=purchase,
        id=int(at.timestamp()) * 1_000 + dice.randrange(1_000),
        customer_index=purchase.index,
        processed_at=at,
        created_at=at + late,
        country=person.country,
        currency=currency,
        rate=rate,
        lines=tuple(draft.lines),
        codes=(code,) if code else (),
        shipping=shipping,
        shipping_discount=shipping_discount,
        shipping_tax=tax_of(store, shipping - shipping_discount),
        gift_card_payment=min(2_500, goods // 2) if dice.chance(0.04) else 0,
        gateway=dice.pick({"shopify_payments": 60, "paypal": 25, "klarna": 10, "manual": 5}),
        source_name=source,
        is_test=plan == "test",
        has_customer=source == "web" or dice.chance(0.5),
        has_journey=source == "web",
        sends_purchase_event=source == "web"
        and plan != "test"
        and (dice.chance(0.9) or person.special >= 0),
        loses_transaction_id=dice.chance(0.02) and person.special < 0,
        ready_at=at + late + dice.span(600, 36 * 3_600),
        ready_moves_updated=dice.chance(0.5),
        fulfilled_at=at + late + dice.span(20_000, 4 * 86_400),
        cancelled_at=draft.cancelled_at,
        refunds=tuple(draft.refunds),
        removals=tuple(draft.removals),
    )


def _code(purchase: Purchase, dice: Dice) -> str:
    if purchase.visit.channel == "influencer" and dice.chance(0.6):
        return "MIA15"
    roll = dice.random()
    return "WELCOME10" if roll < 0.12 else "SHIPFREE" if roll < 0.16 else ""


_PERCENT = {"MIA15": 15, "WELCOME10": 10}


def _lines(store: Store, purchase: Purchase, plan: str, code: str, dice: Dice) -> tuple[Line, ...]:
    removes = plan in ("units_removed", "removed_then_refunded")
    special = purchase.visit.person.special if purchase.index == 0 else -1
    count = 60 if special == MANY_LINES else dice.choice((1, 1, 1, 2, 2, 3))
    wanted: list[tuple[Product, int, int]] = []
    for i in range(count):
        product = dice.choice(store.products)
        quantity = 25 if plan == "many_refunds" else dice.choice((1, 1, 1, 1, 2, 3))
        if removes and i == 0:
            quantity = dice.choice((2, 3, 4))
        bundle = 100 * dice.randint(1, 3) if dice.chance(0.08) and product.price > 1_000 else 0
        wanted.append((product, quantity, bundle * quantity))
    open_amounts = [p.price * q - d for p, q, d in wanted]
    shares = _split(sum(open_amounts) * _PERCENT.get(code, 0) // 100, open_amounts)
    lines = []
    for number, ((product, quantity, bundle), share) in enumerate(zip(wanted, shares, strict=True)):
        total = product.price * quantity - bundle - share
        # Tax of a whole number of equal units is computed by unit, so that it splits by unit too.
        tax = tax_of(store, total // quantity) * quantity if share == 0 else tax_of(store, total)
        lines.append(
            Line(
                number,
                product,
                product.title,
                product.price,
                quantity,
                bundle + share,
                share,
                tax,
            )
        )
    if plan == "plain" and dice.chance(0.04):
        value = dice.choice((2_500, 5_000))
        card = Line(len(lines), None, "Gift card", value, 1, 0, 0, 0, is_gift_card=True)
        return (card,) if dice.chance(0.3) else (*lines, card)
    return tuple(lines)


def _split(amount: int, weights: list[int]) -> list[int]:
    """`amount` in proportion to `weights`, whole units, by largest remainder."""
    whole = sum(weights) or 1
    shares = [amount * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: -(amount * weights[i] % whole))
    for i in by_remainder[: amount - sum(shares)]:
        shares[i] += 1
    return shares


def _shipping(store: Store, lines: tuple[Line, ...], code: str) -> tuple[int, int]:
    goods = sum(line.gross - line.discount for line in lines if not line.is_gift_card)
    if goods == 0 or goods >= store.free_shipping_from:
        return 0, 0
    return store.shipping, store.shipping if code == "SHIPFREE" else 0
