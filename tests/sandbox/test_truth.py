from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tributary.local.grade import grade
from tributary.sandbox import truth, truth_people
from tributary.sandbox.catalog import STORES, Store
from tributary.sandbox.people import Visit
from tributary.sandbox.truth import Cells, Key, counting
from tributary.sandbox.world import World
from tributary.warehouse.connection import Connection

CHANNELS = {
    "affiliate",
    "direct",
    "email",
    "influencer",
    "organic_search",
    "organic_social",
    "paid_search",
    "paid_social",
    "referral",
}


EXPORTS = {store.event_export for store in STORES.values()}


@pytest.fixture(scope="module")
def cells(world: World) -> Cells:
    return truth.cells(world)


def totals(cells: Cells) -> dict[tuple[str, str, str], Decimal]:
    sums: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for key, value in cells.items():
        sums[key.store, key.connector, key.measure] += value
    return sums


def test_every_measure_has_cells_in_every_store(cells: Cells) -> None:
    measures = {
        "shopify": "orders order_lines gross_amount discount_amount included_tax_amount"
        " returned_amount adjustment_amount net_amount shipping_amount tax_amount"
        " gift_card_amount refunded_total first_purchases visits",
        "files": "spend_amount impressions clicks",
        "ga4": "orders_seen purchases_seen seen_value_amount sessions claimed_conversions"
        " claimed_value_amount period_total_users period_new_users period_sessions site_sessions"
        " site_engaged_sessions site_page_views site_total_users site_new_users"
        " site_claimed_conversions site_claimed_value_amount",
        "attribution": "revenue_first revenue_last revenue_linear revenue_shapley"
        " unattributed_revenue registrations_first registrations_last registrations_linear"
        " leads_first leads_last leads_linear lead_value_first lead_value_last lead_value_linear"
        " lead_value_shapley",
    }
    expected = {
        (store, connector, measure)
        for store in STORES
        for connector, names in measures.items()
        for measure in names.split()
    } - {("prairie", "shopify", "included_tax_amount")}  # its prices contain no tax
    expected |= {
        (store.id, store.event_export, measure)
        for store in STORES.values()
        for measure in ("visits", "registrations", "leads", "lead_value")
    }
    assert set(totals(cells)) == expected


def test_every_channel_is_seen(cells: Cells) -> None:
    seen = {k.channel for k in cells if k.connector in EXPORTS and k.measure == "visits"}
    assert seen == CHANNELS


def test_credited_and_unattributed_revenue_is_all_net_revenue(cells: Cells) -> None:
    sums = totals(cells)
    for store in STORES:
        net = sums[store, "shopify", "net_amount"]
        assert net > 10_000
        for model in ("first", "last", "linear", "shapley"):
            credited = sums[store, "attribution", f"revenue_{model}"]
            assert credited + sums[store, "attribution", "unattributed_revenue"] == net


def test_net_is_gross_less_what_is_not_revenue(cells: Cells, world: World) -> None:
    sums = totals(cells)
    for store in STORES:
        amount = {m: sums[store, "shopify", f"{m}_amount"] for m in ("gross", "net")}
        parts = ("discount", "included_tax", "returned", "adjustment")
        less = sum(sums[store, "shopify", f"{part}_amount"] for part in parts)
        assert amount["net"] == amount["gross"] - less


def test_direct_counts_only_where_nothing_else_does(world: World) -> None:
    visits = truth.seen_visits(world, STORES["nordlicht"])
    direct = next(v for v in visits if v.seen_as == "direct")
    other = next(v for v in visits if v.seen_as == "email" and v.at > direct.at)
    assert counting([other, direct], other.at + timedelta(days=1)) == [other]
    assert counting([direct], direct.at) == [direct]


def test_a_visit_counts_for_thirty_days_and_not_after_the_order(world: World) -> None:
    visit = truth.seen_visits(world, STORES["nordlicht"])[0]

    def counts(after: timedelta) -> list[Visit]:
        return counting([visit], visit.at + after)

    assert counts(timedelta(days=30)) == [visit]
    assert counts(timedelta(days=30, microseconds=1)) == []
    assert counts(timedelta(microseconds=-1)) == []


def test_an_empty_warehouse_is_not_exact(warehouse: Connection, cells: Cells) -> None:
    report = grade(warehouse, cells, 7)
    assert report.exit_code == 1
    assert len(report.mismatches) == len(cells) > 1000
    assert {m.found for m in report.mismatches} == {Decimal(0)}


def test_nothing_to_compare_is_not_exact(warehouse: Connection) -> None:
    assert grade(warehouse, {}, 7).exit_code == 1


def test_what_is_found_but_not_expected_is_a_mismatch(warehouse: Connection) -> None:
    insert_spend(warehouse, "affiliate", Decimal("12.30"))
    report = grade(warehouse, {}, 7)
    assert [(m.measure, m.channel, m.expected, m.found) for m in report.mismatches] == [
        ("spend_amount", "affiliate", Decimal(0), Decimal("12.30"))
    ]


def test_the_report_is_json_in_the_agreed_shape_with_exact_numbers(warehouse: Connection) -> None:
    insert_spend(warehouse, "affiliate", Decimal("0.10"))
    day = datetime(2026, 11, 2, tzinfo=UTC).date()
    key = Key("files", "spend_amount", "prairie", day, "affiliate", "USD")
    report = grade(warehouse, {key: Decimal("0.3")}, 9)
    assert '"expected": 0.3,' in report.to_json()
    assert json.loads(report.to_json()) == {
        "seed": 9,
        "measures": [
            {
                "connector": "files",
                "measure": "spend_amount",
                "store": "prairie",
                "currency": "USD",
                "cells": 1,
                "exact_cells": 0,
                "expected_total": 0.3,
                "found_total": 0.1,
            }
        ],
        "mismatches": [
            {
                "connector": "files",
                "measure": "spend_amount",
                "store": "prairie",
                "day": "2026-11-02",
                "channel": "affiliate",
                "currency": "USD",
                "expected": 0.3,
                "found": 0.1,
            }
        ],
        "notes": [],
    }
    assert grade(warehouse, {key: Decimal("0.1")}, 9).exit_code == 0
    assert "every cell is exact" in grade(warehouse, {key: Decimal("0.1")}, 9).to_text()
    assert "expected 0.3, found 0.1" in report.to_text().replace("0.10", "0.1")


def insert_spend(conn: Connection, channel: str, amount: Decimal) -> None:
    conn.execute(
        "insert into core.channel_daily (store_id, day, connector, account_id, campaign_id,"
        " currency_code, campaign_name, source, medium, channel, spend_amount, source_day, load_id)"
        " values ('prairie', '2026-11-02', 'files', 'a', 'c', 'USD', '', '', '', %s, %s,"
        " '2026-11-02', 1)",
        (channel, amount),
    )


@pytest.mark.parametrize(
    ("missing", "stores"), [("click", {"nordlicht", "prairie"}), ("address", {"prairie"})]
)
def test_some_journeys_are_known_by_a_click_or_an_address_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, missing: str, stores: set[str]
) -> None:
    """Else grading would say nothing of these links."""

    def credits_of(store: Store) -> list[truth.Fact]:
        orders, seen = world.orders(store), truth.seen_visits(world, store)
        return sorted(truth._credits(world, store, orders, seen))

    known = {store.id: credits_of(store) for store in STORES.values()}
    if missing == "click":
        monkeypatch.setattr(truth_people, "journeys", lambda *_: iter(()))
        less = {store.id: credits_of(store) for store in STORES.values()}
    else:
        plain = [replace(store, sends_emails_as_users=False) for store in STORES.values()]
        # A store of the same id has the same world.
        less = {store.id: credits_of(store) for store in plain}
    assert {store for store in known if known[store] != less[store]} == stores
