"""What is true in the world: the cells that grading expects in core, from the world's own model.

Never computed from replies, files or connectors. Days are the store's; spend days are the file's.
A cell that is zero is left out: absent and zero are the same to `tributary grade`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import permutations
from types import MappingProxyType

from tributary.money import minor_unit
from tributary.sandbox import spend, truth_actions, truth_markov, truth_site
from tributary.sandbox.catalog import CHANNELS, DIRECT, STORES, Store
from tributary.sandbox.goods import Refund
from tributary.sandbox.people import Visit
from tributary.sandbox.state import OrderState
from tributary.sandbox.truth_people import People, journeys
from tributary.sandbox.world import World
from tributary.window import day_of

LOOKBACK = timedelta(days=30)
# So many channels have all their orders walked through; more are equal by symmetry.
_MOST_PERMUTED = 4


@dataclass(frozen=True, order=True)
class Key:
    """Where a number belongs; `channel` and `currency` are '' where they do not apply. Numbers of
    the site that have no channel name their dimension and value there ("device mobile")."""

    connector: str
    measure: str
    store: str
    day: date
    channel: str = ""
    currency: str = ""


Cells = dict[Key, Decimal]


MARKOV = "revenue_markov_per_order"


def cells(world: World, chains: Mapping[str, int] = MappingProxyType({})) -> Cells:
    """Every expected cell of all stores; Markov's for those whose chain's order `chains` names (0:
    nothing was learned)."""
    found: Cells = {}
    for store in STORES.values():
        orders = world.orders(store)
        seen = seen_visits(world, store)
        found |= _Tally(store, "shopify").of(_sales(store, orders))
        found |= _Tally(store, "shopify").of(_moments(world, store, orders))
        found |= _Tally(store, store.event_export).of(_visits(store, seen))
        found |= _Tally(store, store.event_export).of(truth_actions.facts(world, store))
        found |= _Tally(store, "files").of(_spend(world, store))
        found |= _Tally(store, "ga4").of(truth_site.facts(world, store))
        found |= _Tally(store, "attribution").of(_credits(world, store, orders, seen))
        found |= _Tally(store, "attribution").of(_action_credits(world, store, orders, seen))
        if store.id in chains:
            facts = _markov(world, store, chains[store.id])
            found |= _Tally(store, "attribution").of(facts)
    return found


# (measure, day, channel, amount): counts are whole numbers, money is in minor units.
Fact = tuple[str, date, str, int]
SHARES = truth_actions.SHARES
# A share of a conversion has so many places.
SHARE_PLACES = 6
COUNTS = (
    truth_site.COUNTS
    | truth_actions.COUNTS
    | {
        "orders",
        "order_lines",
        "first_purchases",
        "visits",
        "impressions",
        "clicks",
    }
)


@dataclass(frozen=True)
class _Tally:
    store: Store
    connector: str

    def of(self, facts: Iterator[Fact] | Iterator[truth_actions.Fact]) -> Cells:
        sums: dict[tuple[str, date, str], int | Fraction] = defaultdict(int)
        for measure, day, channel, amount in facts:
            sums[measure, day, channel] += amount
        places = minor_unit(self.store.currency)
        found: Cells = {}
        for (measure, day, channel), amount in sums.items():
            counted = measure in COUNTS | SHARES
            currency = "" if counted else self.store.currency
            scale = SHARE_PLACES if measure in SHARES else 0 if counted else places
            units = round(amount * 10**scale) if measure in SHARES else int(amount)
            value = Decimal(units).scaleb(-scale)
            if value:
                key = Key(self.connector, measure, self.store.id, day, channel, currency)
                found[key] = value
        return found


@dataclass(frozen=True)
class Sale:
    """The money of one order to date, in minor units; the definitions are core.sales_order's."""

    gross: int
    discount: int
    included_tax: int
    returned: int
    adjustment: int
    shipping: int
    tax: int
    gift_cards: int

    @property
    def net(self) -> int:
        return self.gross - self.discount - self.included_tax - self.returned - self.adjustment


def sale(state: OrderState) -> Sale:
    """An order's money from its lines as kept, its shipping and its refunds."""
    included = state.order.store.taxes_included
    goods = [line for line in state.lines if not line.is_gift_card]
    tax = sum(state.of_kept(line, line.tax) for line in goods)
    return Sale(
        gross=sum(line.unit_price * state.kept_units(line) for line in goods),
        discount=sum(state.of_kept(line, line.discount) for line in goods),
        included_tax=tax if included else 0,
        returned=sum(returned(state, refund) for refund in state.refunds),
        adjustment=sum(refund.adjustment for refund in state.refunds),
        shipping=state.order.shipping - state.order.shipping_discount,
        tax=tax + state.order.shipping_tax,
        gift_cards=sum(line.gross for line in state.lines if line.is_gift_card),
    )


def returned(state: OrderState, refund: Refund) -> int:
    """Goods given back by one refund, without tax."""
    total = sum(entry.subtotal for entry in refund.lines)
    if state.order.store.taxes_included:
        total -= sum(entry.tax for entry in refund.lines)
    return total


def _sales(store: Store, orders: list[OrderState]) -> Iterator[Fact]:
    for state in orders:
        if not state.is_counted:
            continue
        day, money = day_of(state.order.processed_at, store.timezone), sale(state)
        yield "orders", day, "", 1
        yield "order_lines", day, "", len(state.lines)
        yield "gross_amount", day, "", money.gross
        yield "discount_amount", day, "", money.discount
        yield "included_tax_amount", day, "", money.included_tax
        yield "net_amount", day, "", money.net
        yield "shipping_amount", day, "", money.shipping
        yield "tax_amount", day, "", money.tax
        yield "gift_card_amount", day, "", money.gift_cards
        if state.is_ready and state.order.has_journey and state.order.customer_index == 0:
            yield "first_purchases", day, "", 1
        for refund in state.refunds:
            refund_day = day_of(refund.at, store.timezone)
            yield "returned_amount", refund_day, "", returned(state, refund)
            yield "adjustment_amount", refund_day, "", refund.adjustment
            yield "refunded_total", refund_day, "", state.refund_total(refund)


def seen_visits(world: World, store: Store) -> list[Visit]:
    """The visits that the event export shows by now."""
    return [v for v in world.visits(store) if v.client_id and v.exported_at < world.moment]


def _visits(store: Store, seen: list[Visit]) -> Iterator[Fact]:
    for visit in seen:
        yield "visits", day_of(visit.at, store.timezone), visit.seen_as, 1


def _moments(world: World, store: Store, orders: list[OrderState]) -> Iterator[Fact]:
    for _, visit in journeys(world, store, orders):
        at = visit.at.replace(microsecond=0)
        yield "visits", day_of(at, store.timezone), visit.seen_as, 1


def _spend(world: World, store: Store) -> Iterator[Fact]:
    for row in spend.rows(world, store):
        channel = CHANNELS[row.campaign.channel].seen_as
        yield "spend_amount", row.day, channel, row.spend
        yield "impressions", row.day, channel, row.impressions
        yield "clicks", row.day, channel, row.clicks


def _credits(
    world: World, store: Store, orders: list[OrderState], seen: list[Visit]
) -> Iterator[Fact]:
    """Revenue by channel that the visible journeys earn, and revenue that none explains."""
    people = People(world, store, orders, seen)
    for state in orders:
        if not state.is_counted:
            continue
        order, value = state.order, sale(state).net
        day = day_of(order.processed_at, store.timezone)
        path = counting(people.visits_of(state), order.processed_at)
        if not path:
            yield "unattributed_revenue", day, "", value
            continue
        yield "revenue_first", day, path[0].seen_as, value
        yield "revenue_last", day, path[-1].seen_as, value
        # Equal shares: the cents that do not divide go to the earlier touches.
        share, rest = divmod(value, len(path))
        for i, visit in enumerate(path):
            yield "revenue_linear", day, visit.seen_as, share + (1 if i < rest else 0)
        for visit, part in zip(path, shapley_parts(path, value), strict=True):
            yield "revenue_shapley", day, visit.seen_as, part


def _action_credits(
    world: World, store: Store, orders: list[OrderState], seen: list[Visit]
) -> Iterator[truth_actions.Fact]:
    people = People(world, store, orders, seen)
    for action in truth_actions.counted(world, store):
        path = counting(people.visits_by(action.visit.client_id), action.at)
        parts = shapley_parts(path, action.cents or 0)
        yield from truth_actions.credits(store, action, [v.seen_as for v in path], parts)


def learned(world: World, store: Store, kind: str = "purchase") -> truth_markov.Learned:
    """The journeys to a kind of conversion that the models of a store learn from today."""
    orders = world.orders(store)
    people = People(world, store, orders, seen_visits(world, store))
    if kind == "purchase":
        return truth_markov.learned(people.histories(orders), DIRECT)
    done = [action for action in truth_actions.counted(world, store) if action.kind == kind]
    return truth_markov.learned(people.histories_to(done), DIRECT)


def _markov(world: World, store: Store, order: int) -> Iterator[Fact]:
    """Revenue by what each channel would be missed for; equally where nothing was learned."""
    orders = world.orders(store)
    people = People(world, store, orders, seen_visits(world, store))
    found = truth_markov.learned(people.histories(orders), DIRECT)
    weights = truth_markov.removal_effects(found, order) if order else {}
    for state in orders:
        path = counting(people.visits_of(state), state.order.processed_at)
        if not state.is_counted or not path:
            continue
        day, value = day_of(state.order.processed_at, store.timezone), sale(state).net
        channels = [visit.seen_as for visit in path]
        names = channels if order else [str(n) for n in range(len(path))]
        for channel, part in zip(channels, truth_markov.parts(names, value, weights), strict=True):
            yield MARKOV, day, channel, part


def shapley_parts(path: list[Visit], value: int) -> list[int]:
    """The value by Shapley over the path's channels, each channel's part over its visits.

    The definition itself: a channel's mean gain over all orders in which the channels may come
    together, where only all of them together bring the value.
    """
    channels = sorted({visit.seen_as for visit in path})
    orders = list(permutations(channels)) if len(channels) <= _MOST_PERMUTED else []
    shares = []
    for visit in path:
        # The one that completes the set brings the value.
        completes = Fraction(
            sum(order[-1] == visit.seen_as for order in orders) or 1, len(orders) or len(channels)
        )
        visits = sum(other.seen_as == visit.seen_as for other in path)
        shares.append(abs(value) * completes / visits)
    parts = [int(share) for share in shares]
    by_rest = sorted(range(len(path)), key=lambda i: (parts[i] - shares[i], i))
    for i in by_rest[: abs(value) - sum(parts)]:
        parts[i] += 1
    return parts if value >= 0 else [-part for part in parts]


def counting(visits: list[Visit], converted_at: datetime) -> list[Visit]:
    """The visits that may earn credit, in order: in time, direct only where nothing else is."""
    start = converted_at - LOOKBACK
    path = sorted((v for v in visits if start <= v.at <= converted_at), key=lambda v: v.at)
    return [v for v in path if v.seen_as != DIRECT] or path
