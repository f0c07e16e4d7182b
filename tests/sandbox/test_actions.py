"""Registrations and leads of the sandbox world, and what is true of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from decimal import Decimal

import pytest

from tributary.sandbox import ga4, ga4_hits, truth, truth_actions
from tributary.sandbox.catalog import STORES, Store
from tributary.sandbox.world import World

EACH_STORE = pytest.mark.parametrize("store", STORES.values(), ids=lambda store: store.id)
NAMES = {"sign_up", "generate_lead"}


@EACH_STORE
def test_the_export_holds_every_action_and_some_twice(world: World, store: Store) -> None:
    sent = Counter(
        (row["event_name"], row["event_timestamp"], row["user_pseudo_id"])
        for rows in ga4.days(world, store).values()
        for row in rows
        if row["event_name"] in NAMES
    )
    names = {"registration": "sign_up", "lead": "generate_lead"}
    expected = Counter(
        (names[a.kind], round(a.at.timestamp() * 1_000_000), a.visit.client_id)
        for a in world.actions(store)
    )
    assert sent.keys() == expected.keys()
    assert len(sent) > 200 and set(sent.values()) == {1, 2}
    values = {
        tuple(p["key"] for p in row["event_params"] if p["key"] in ("value", "currency"))
        for rows in ga4.days(world, store).values()
        for row in rows
        if row["event_name"] == "generate_lead"
    }
    assert values == {(), ("value",), ("value", "currency")}


@EACH_STORE
def test_nothing_that_was_counted_before_counts_them(world: World, store: Store) -> None:
    """They are no key events, no views and no sessions of GA4's reports."""
    for hits in ga4_hits.hits(world, store).values():
        assert not any(hit.revenue for hit in hits if hit.name in NAMES)
    measures = {key.measure for key in truth.cells(world) if key.connector == "ga4"}
    assert not any("lead" in m or "registration" in m for m in measures)


@EACH_STORE
def test_a_later_day_only_appends_actions(world: World, store: Store) -> None:
    later = World(world.seed, world.as_of + timedelta(days=9), world.first_day)
    before, after = world.actions(store), later.actions(store)
    assert 100 < len(before) < len(after)
    assert set(before) <= set(after)


@EACH_STORE
def test_first_sign_ups_count_and_all_leads(world: World, store: Store) -> None:
    done, counted = world.actions(store), truth_actions.counted(world, store)
    leads = [a for a in done if a.kind == "lead"]
    assert [a for a in counted if a.kind == "lead"] == leads
    first = [a for a in counted if a.kind == "registration"]
    browsers = [a.visit.client_id for a in first]
    assert len(browsers) == len(set(browsers)) < len(done) - len(leads)


def test_every_registration_and_lead_is_credited_once_by_every_model(world: World) -> None:
    totals = defaultdict[tuple[str, str], Decimal](Decimal)
    for key, value in truth.cells(world).items():
        totals[key.store, key.measure] += value
    for store in STORES:
        for kind in ("registration", "lead"):
            count = totals[store, f"{kind}s"]
            assert count > 50
            for model in ("first", "last"):
                assert totals[store, f"{kind}s_{model}"] == count
            assert abs(totals[store, f"{kind}s_linear"] - count) < Decimal("0.001")
        value = totals[store, "lead_value"]
        assert value > 100
        for model in ("first", "last", "linear", "shapley"):
            assert totals[store, f"lead_value_{model}"] == value
