"""Each rule over hand-written rows: what it finds, what it says, and when it keeps quiet."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.insights.support import END, back, every_day, point, store, visits
from tributary.insights import Stream, Unrecognised, find
from tributary.insights.model import Finding


def rule(found: list[Finding], name: str) -> list[Finding]:
    return [finding for finding in found if finding.rule == name]


def test_a_dark_channel_is_one_finding_over_its_days_with_the_money_behind_it() -> None:
    dark = {back(4): 9, back(3): 10, back(2): 12}  # Thursday to Saturday
    money = every_day("revenue", "220.00", "email", "EUR")
    (found,) = find(store([*visits("email", dark), *visits("direct"), *money]))
    assert (found.rule, found.subject, found.period) == (
        "channel_moved",
        "email visits",
        "2026-11-12",
    )
    assert (found.first_day, found.end_day) == (back(4), back(1))
    assert found.observed == 31
    assert found.expected is not None and abs(found.expected - 330) < 15
    assert found.interval_low is not None and found.interval_high is not None
    assert 31 < found.interval_low < found.expected < found.interval_high
    assert found.sample_size == 24
    # 299 visits fewer, at 220 EUR a day for 740 visits a week.
    assert found.currency_code == "EUR" and found.money_amount is not None
    assert abs(found.money_amount - 299 * 220 * 7 / Decimal(740)) < 30
    assert found.headline.startswith("Email: fewer visits than usual from 12 Nov to 14 Nov, 31 ")


def test_tomorrow_the_same_finding_has_the_same_key() -> None:
    dark = {back(4): 9, back(3): 10}
    points = [*visits("email", dark), *visits("direct")]
    (today,) = find(store(points))
    (later,) = find(store(points, final={"visits": END + timedelta(days=3)}))
    assert later.key == today.key
    assert find(store(points, final={"visits": END + timedelta(days=5)})) == []


def test_provisional_days_never_count() -> None:
    points = [*visits("email", {END: 0, END + timedelta(days=1): 900}), *visits("direct")]
    assert find(store(points)) == []
    assert find(store([*visits("email", {back(1): 0})], final={})) == []


def test_a_day_without_any_visit_is_a_gap_and_not_a_fall_of_every_channel() -> None:
    points = [p for name in ("email", "direct") for p in visits(name) if p.day != back(3)]
    assert find(store(points)) == []


def test_a_young_channel_is_not_judged() -> None:
    young = visits("email", {back(1): 0}, days=40)
    assert find(store([*young, *visits("direct")])) == []


def test_spend_on_a_weekday_that_always_had_it_is_no_news_and_a_doubled_fee_is() -> None:
    mondays = [n for n in range(91, 0, -1) if back(n).weekday() == 0]
    scatter = (100, 104, 97, 101, 99, 103, 98, 102, 100, 96, 105, 100, 101)
    fee = {n: scatter[i % len(scatter)] for i, n in enumerate(mondays)}
    steady = [point("spend", back(n), a, "influencer", "EUR") for n, a in fee.items()]
    daily = every_day("spend", "50", "paid_search", "EUR")
    assert find(store([*steady, *daily])) == []
    fee[mondays[-1]] = 260
    raised = [point("spend", back(n), a, "influencer", "EUR") for n, a in fee.items()]
    (found,) = find(store([*raised, *daily]))
    assert (found.subject, found.unit, found.observed) == ("influencer spend", "EUR", 260)
    assert found.money_amount is not None and abs(found.money_amount - 160) <= 4


def test_findings_do_not_depend_on_the_order_of_rows() -> None:
    points = [*visits("email", {back(2): 3}), *visits("direct"), *visits("referral", {back(1): 4})]
    expected = find(store(points))
    assert len(expected) == 2
    for seed in range(3):
        random.Random(seed).shuffle(points)
        assert find(store(points)) == expected


def spending(spend: str, touched: int) -> list[Finding]:
    """28 days: 10 orders of 50 EUR a day, a channel that spends and touched a few of them."""
    points = [
        *every_day("all_orders", 10, "", "EUR"),
        *every_day("all_revenue", "500.00", "", "EUR"),
        *every_day("spend", spend, "display", "EUR"),
    ]
    if touched:
        points.append(point("touched_orders", back(5), touched, "display", "EUR"))
        points.append(point("touched_revenue", back(5), 50 * touched, "display", "EUR"))
    return find(store(points))


def test_spend_that_cannot_earn_itself_back_is_found_with_an_exact_interval() -> None:
    (found,) = spending("20.00", 1)
    assert (found.rule, found.subject, found.period) == (
        "spend_without_orders",
        "display",
        "last 28 days",
    )
    # 560 EUR at 50 EUR an order needs 11.2 orders; 1 seen is at most 5.57 (Garwood, 95 %).
    assert (found.observed, found.expected) == (1, Decimal("11.2"))
    assert found.interval_high == Decimal("5.5716")
    assert (found.money_amount, found.currency_code) == (Decimal("510.00"), "EUR")
    assert "only 1 order had contact" in found.headline and "560 EUR" in found.headline


@pytest.mark.parametrize(("spend", "touched"), [("5.00", 0), ("20.00", 8), ("500.00", 280)])
def test_little_spend_or_enough_orders_are_no_news(spend: str, touched: int) -> None:
    assert spending(spend, touched) == []


def two_currencies(spend: str, euros: int, francs: int) -> list[Finding]:
    """28 days: 10 orders of 50 EUR and 30 of 80 CHF a day; display touched a few of each."""
    return find(
        store(
            [
                *every_day("all_orders", 10, "", "EUR"),
                *every_day("all_revenue", "500.00", "", "EUR"),
                *every_day("all_orders", 30, "", "CHF"),
                *every_day("all_revenue", "2400.00", "", "CHF"),
                *every_day("spend", spend, "display", "EUR"),
                point("touched_orders", back(5), euros, "display", "EUR"),
                point("touched_revenue", back(5), 50 * euros, "display", "EUR"),
                point("touched_orders", back(5), francs, "display", "CHF"),
                point("touched_revenue", back(5), 80 * francs, "display", "CHF"),
            ]
        )
    )


def test_what_an_order_brings_is_told_of_orders_in_the_currency_of_the_money() -> None:
    # 140 EUR need 2.8 orders of 50 EUR (and not 11.2 of the 12.50 that all orders would make it):
    # none seen is at most 3.69 by chance.
    assert two_currencies("5.00", 0, 0) == []
    (found,) = two_currencies("20.00", 1, 0)
    assert (found.observed, found.expected) == (1, Decimal("11.2"))
    assert found.money_amount == Decimal("510.00")


def test_an_order_in_another_currency_counts_as_an_average_one() -> None:
    (found,) = two_currencies("20.00", 1, 2)
    # 3 seen, at most 8.77 by chance, of 11.2 needed; worth 50 and twice the average of 50 EUR.
    assert (found.observed, found.interval_high) == (3, Decimal("8.7673"))
    assert found.money_amount == Decimal("410.00")
    assert two_currencies("20.00", 0, 8) == []


def test_orders_of_all_currencies_are_traced_and_the_money_says_whose_it_is() -> None:
    points = [
        *every_day("all_orders", 10, "", "EUR"),
        *every_day("all_revenue", 500, "", "EUR"),
        *every_day("all_orders", 30, "", "CHF"),
        *every_day("untouched_orders", 5, "", "EUR"),
        *every_day("untouched_revenue", 250, "", "EUR"),
        *every_day("untouched_orders", 25, "", "CHF"),
        *every_day("untouched_revenue", 2000, "", "CHF"),
    ]
    (found,) = find(store(points))
    assert (found.observed, found.sample_size) == (Decimal("0.75"), 28 * 40)
    assert found.money_amount == 28 * 250
    assert found.detail.endswith(" The money is that of the orders in EUR.")


def test_orders_that_were_not_read_yet_are_no_orders_missing() -> None:
    """Orders were last read 14 days ago; display looks idle since, and paid for itself before."""
    points = [
        *(p for p in every_day("all_orders", 10, "", "EUR") if p.day < back(14)),
        *(p for p in every_day("all_revenue", "500.00", "", "EUR") if p.day < back(14)),
        *(p for p in every_day("touched_orders", 1, "display", "EUR") if p.day < back(14)),
        *(p for p in every_day("touched_revenue", "50.00", "display", "EUR") if p.day < back(14)),
        *every_day("spend", "48.00", "display", "EUR"),
    ]
    unaware = [f for f in find(store(points)) if f.rule == "spend_without_orders"]
    assert [f.money_amount for f in unaware] == [Decimal(28 * 48 - 14 * 50)]
    assert find(store(points, read={"orders": back(14)})) == []
    idle = [p for p in points if not p.measure.startswith("touched")]
    (found,) = find(store(idle, read={"orders": back(14)}))
    assert (found.end_day, found.money_amount) == (back(14), Decimal(28 * 48))


def test_the_share_without_trace_and_unknown_sources_end_where_orders_were_read() -> None:
    untraced = [
        *every_day("all_orders", 20, "", "EUR"),
        *every_day("all_revenue", 1000, "", "EUR"),
        *every_day("untouched_orders", 19, "", "EUR"),
        *every_day("untouched_revenue", 950, "", "EUR"),
    ]
    unknown = (Unrecognised("fb-de", "story", ("FB-DE / story",), 240, 7, Decimal("310.50")),)
    facts = store([*untraced, *visits("other")], unrecognised=unknown, read={"orders": back(3)})
    ends = {f.rule: (f.first_day, f.end_day) for f in find(facts)}
    assert ends == {
        "orders_without_touch": (back(31), back(3)),
        "unrecognised_source": (back(31), back(3)),
    }


def untouched(before: int, now: int, orders: int = 20) -> list[Finding]:
    points = [
        *every_day("all_orders", orders, "", "EUR"),
        *every_day("all_revenue", 1000, "", "EUR"),
    ]
    for n in range(91, 0, -1):
        share = now if n <= 14 else before
        points.append(point("untouched_orders", back(n), share, "", "EUR"))
        points.append(point("untouched_revenue", back(n), 50 * share, "", "EUR"))
    return find(store(points, final={"orders": END}))


def test_orders_that_lose_their_trace_are_found_against_the_shops_own_past() -> None:
    (found,) = untouched(2, 6)
    assert (found.rule, found.subject, found.period) == (
        "orders_without_touch",
        "",
        "last 14 days",
    )
    assert (found.observed, found.expected, found.sample_size) == (
        Decimal("0.3"),
        Decimal("0.1"),
        280,
    )
    assert (found.interval_low, found.interval_high) == (Decimal("0.2493"), Decimal("0.3561"))
    assert found.money_amount == Decimal("4200.00")
    assert untouched(2, 2) == [] and untouched(3, 4) == []


def test_a_shop_that_traces_almost_nothing_is_told_once() -> None:
    (found,) = untouched(18, 19)
    assert found.period == "last 28 days" and found.severity == "high"


def test_a_source_nobody_knows_is_found_with_the_statement_that_names_it() -> None:
    unknown = (
        Unrecognised("fb-de", "story", ("FB-DE / story",), 240, 7, Decimal("310.50")),
        Unrecognised("o'neil.nl", "qr+code", ("O'Neil.NL / qr+code",), 12, 0, Decimal(0)),
        Unrecognised("once", "", ("once / ",), 3, 0, Decimal(0)),
    )
    points = [*visits("other"), *every_day("all_revenue", 1000, "", "EUR")]
    found = find(store(points, unrecognised=unknown, aliases={"fb": "facebook"}))
    alias, channel = rule(found, "unrecognised_source")
    assert alias.subject == "fb-de / story"
    assert alias.money_amount == Decimal("310.50") and alias.observed == 240
    assert "values ('fb-de', 'facebook')" in alias.fix_sql
    assert channel.subject == "o'neil.nl / qr+code"
    assert "'email'" in channel.fix_sql and "o''neil" in channel.fix_sql
    assert channel.money_amount == 0 and channel.severity == "low"


def test_money_at_stake_is_never_below_zero() -> None:
    """More was paid back than came in."""
    daily = tuple(back(n) for n in range(60, 0, -1))
    points = [
        *every_day("all_orders", 20, "", "EUR"),
        *every_day("all_revenue", -100, "", "EUR"),
        *every_day("untouched_orders", 19, "", "EUR"),
        *every_day("untouched_revenue", -90, "", "EUR"),
        *visits("other"),
    ]
    found = find(
        store(
            points,
            streams=(
                Stream("shopify", "north", "order", END, daily),
                Stream("files", "north_files", "spend", back(4), daily[:-4]),
            ),
            unrecognised=(Unrecognised("fb", "story", ("FB / story",), 40, 2, Decimal("-3.10")),),
        )
    )
    assert {f.rule: f.money_amount for f in found} == {
        "orders_without_touch": 0,
        "unrecognised_source": 0,
        "stream_late": 0,
    }


def test_a_stream_behind_the_others_is_late() -> None:
    daily = tuple(back(n) for n in range(60, 0, -1))
    streams = (
        Stream("shopify", "north", "order", END, daily),
        Stream("files", "north_files", "spend", back(4), daily[:-4]),
    )
    points = every_day("all_revenue", 250, "", "EUR")
    (found,) = find(store(points, streams=streams))
    assert (found.rule, found.subject) == ("stream_late", "files/north_files/spend")
    assert (found.observed, found.period) == (4, "2026-11-12")
    assert found.money_amount == 1000


@pytest.mark.parametrize("read", [{"orders": back(4)}, {}])
def test_orders_that_are_late_weigh_what_such_days_usually_bring(read: dict[str, date]) -> None:
    daily = tuple(back(n) for n in range(60, 0, -1))
    streams = (
        Stream("shopify", "north", "order", back(4), daily[:-4]),
        Stream("files", "north_files", "spend", END, daily),
    )
    points = [p for p in every_day("all_revenue", 250, "", "EUR") if p.day < back(4)]
    (found,) = find(store(points, streams=streams, read=read))
    # Four days of 250 against a week of it.
    assert (found.subject, found.money_amount) == ("shopify/north/order", Decimal(1000))
    assert found.severity == "high"


def test_a_stream_that_is_silent_for_longer_than_ever_is_late() -> None:
    weekly = tuple(back(n) for n in range(90, 0, -7))
    daily = tuple(back(n) for n in range(60, 3, -1))
    assert find(store([], streams=(Stream("files", "f", "spend", END, weekly),))) == []
    (found,) = find(store([], streams=(Stream("files", "f", "touch", END, daily),)))
    assert (found.observed, found.expected, found.first_day) == (3, 0, back(3))
