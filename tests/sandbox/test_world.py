from __future__ import annotations

from datetime import date, timedelta

import pytest

from tributary.sandbox import drop, ga4
from tributary.sandbox.catalog import STORES, Store
from tributary.sandbox.shopify_journeys import moments
from tributary.sandbox.state import OrderState
from tributary.sandbox.truth import sale
from tributary.sandbox.world import World, _history

EACH_STORE = pytest.mark.parametrize("store", STORES.values(), ids=lambda store: store.id)


@EACH_STORE
def test_same_seed_and_clock_give_the_same_bytes(world: World, store: Store) -> None:
    first, days = drop.contents(world, store), ga4.days(world, store)
    _history.cache_clear()
    assert len(first) + len(days) > 40
    again = World(world.seed, world.as_of, world.first_day)
    assert (drop.contents(again, store), ga4.days(again, store)) == (first, days)


def test_another_seed_gives_another_world(world: World) -> None:
    store, other = STORES["prairie"], World.at(8, world.as_of, world.first_day)
    ids = {state.order.id for state in world.orders(store)}
    assert ids
    assert ids.isdisjoint(state.order.id for state in other.orders(store))


@EACH_STORE
def test_a_later_day_appends_orders_and_moves_no_day_of_the_past(
    world: World, store: Store
) -> None:
    earlier = World(world.seed, world.as_of - timedelta(days=9), world.first_day)
    before = [_identity(state) for state in earlier.orders(store)]
    after = [_identity(state) for state in world.orders(store)]
    assert 0 < len(before) < len(after)
    assert after[: len(before)] == before


@EACH_STORE
def test_a_change_of_an_order_moves_its_updated_time(world: World, store: Store) -> None:
    earlier = World(world.seed, world.as_of - timedelta(days=9), world.first_day)
    now = {state.order.id: state for state in world.orders(store)}
    changed = 0
    for old in earlier.orders(store):
        new = now[old.order.id]
        if _content(old) != _content(new):
            changed += 1
            assert new.updated_at > old.updated_at
            assert new.updated_at >= earlier.moment
    assert changed > 5


@EACH_STORE
def test_event_days_older_than_three_days_are_final(world: World, store: Store) -> None:
    earlier = World(world.seed, world.as_of - timedelta(days=5), world.first_day)
    old, new = ga4.days(earlier, store), ga4.days(world, store)
    kept = [day for day in old if day <= earlier.as_of - timedelta(days=4)]
    assert len(kept) > 30
    assert all(old[day] == new[day] for day in kept)
    assert any(old[day] != new[day] for day in old if day not in kept)


@EACH_STORE
def test_money_adds_up_in_every_order(world: World, store: Store) -> None:
    states = world.orders(store)
    assert len(states) > 300
    for state in states:
        money = sale(state)
        beside = 0 if store.taxes_included else money.tax
        kept = money.gross - money.discount + money.gift_cards + money.shipping + beside
        if state.removed:
            assert kept < state.total
        else:
            assert kept == state.total
        refunded = sum(state.refund_total(refund) for refund in state.refunds)
        assert 0 <= refunded <= state.total
        assert 0 <= money.net <= money.gross
        for line in state.lines:
            assert 0 <= line.code_discount <= line.discount <= line.gross
            assert 0 <= state.refunded_units(line) <= state.kept_units(line)


@EACH_STORE
def test_a_full_refund_leaves_no_net_revenue(world: World, store: Store) -> None:
    whole = [
        state
        for state in world.orders(store)
        if state.refunds
        and not sale(state).adjustment
        and all(state.refunded_units(x) == x.quantity for x in state.lines if not x.is_gift_card)
    ]
    assert len(whole) > 5
    assert {sale(state).net for state in whole} == {0}


@EACH_STORE
def test_every_oddity_happens(world: World, store: Store) -> None:
    states, visits = world.orders(store), world.visits(store)
    by_person: dict[int, list[object]] = {}
    for visit in visits:
        if not visit.is_payment_return:
            by_person.setdefault(visit.person.number, []).append(visit)
    journeys = [
        len(moments(s.order, by_person[s.order.purchase.visit.person.number]))  # type: ignore[arg-type]
        for s in states
    ]
    happened = {
        "more than 50 lines": any(len(s.lines) > 50 for s in states),
        "more than 20 refunds": any(len(s.refunds) > 20 for s in states),
        "more than 25 moments": max(journeys) > 25,
        "test order": any(s.order.is_test for s in states),
        "cancelled order": any(s.is_cancelled for s in states),
        "gift card sold": any(x.is_gift_card for s in states for x in s.lines),
        "gift card redeemed": any(s.order.gift_card_payment for s in states),
        "line added": any(x.added_at for s in states for x in s.lines),
        "units removed without refund": any(s.removed and not s.refunds for s in states),
        "restocking fee": any(r.adjustment < 0 for s in states for r in s.refunds),
        "goodwill": any(r.adjustment > 0 and not r.lines for s in states for r in s.refunds),
        "shipping refunded": any(r.shipping for s in states for r in s.refunds),
        "other presentment currency": any(s.order.currency != store.currency for s in states),
        "repeat customer": any(s.order.customer_index > 0 for s in states),
        "no customer": any(not s.order.has_customer for s in states),
        "journey not ready": any(not s.is_ready for s in states),
        "hidden by consent": any(not s.order.purchase.visit.client_id for s in states),
        "no purchase event": any(not s.order.sends_purchase_event for s in states),
        "lost transaction id": any(s.order.loses_transaction_id for s in states),
        "payment page self-referral": any(v.is_payment_return for v in visits),
        "late event": any(v.exported_at > v.at for v in visits),
        "click id without utm": any(v.dress.gclid and not v.dress.source for v in visits),
        "not set": any("(not set)" in (v.dress.source, v.dress.campaign) for v in visits),
    }
    assert [what for what, did in happened.items() if not did] == []


def test_most_people_never_buy_and_lift_is_real(world: World) -> None:
    store = STORES["nordlicht"]
    people = {visit.person.number for visit in world.visits(store)}
    buyers = {state.order.purchase.visit.person.number for state in world.orders(store)}
    assert 0 < len(buyers) < len(people) / 2
    lifted = [s.order.purchase.is_incremental for s in world.orders(store)]
    assert 0.1 < sum(lifted) / len(lifted) < 0.5


def test_the_clock_change_of_october_is_in_the_window(world: World) -> None:
    assert world.first_day < date(2026, 10, 25) < date(2026, 11, 1) < world.as_of


def _identity(state: OrderState) -> tuple[object, ...]:
    order = state.order
    return (order.id, order.customer_id, order.created_at, order.processed_at, order.currency)


def _content(state: OrderState) -> tuple[object, ...]:
    numbers = tuple(refund.number for refund in state.refunds)
    lines = tuple(line.number for line in state.lines)
    return (lines, numbers, tuple(state.removed), state.is_cancelled, state.is_fulfilled)
