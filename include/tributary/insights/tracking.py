"""Tracking health: orders that nobody can trace, and streams that fell behind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from tributary.insights import words
from tributary.insights.model import Facts, Finding, Stream
from tributary.insights.statistics import wilson

RECENT_DAYS, EARLIER_DAYS, LEVEL_DAYS = 14, 56, 28
FEWEST_RECENT, FEWEST_EARLIER = 20, 50
# More than half of all orders without a touch: no channel's number means much.
TOO_MANY = 0.5
LATE_DAYS = 2
FEWEST_STREAM_DAYS = 14
_WILSON = "Wilson score interval, 95 %"
_ONE_DAY = timedelta(days=1)


def untouched_orders(facts: Facts) -> Iterator[Finding]:
    """The share of orders without any touch: above one half, or above the store's own past."""
    # A day is judged when its visits are complete; that its orders may still be refunded changes
    # nothing about whether they were traced.
    end = facts.end_day("visits", read="orders") or facts.end_day("orders")
    if end is None:
        return
    k, n = _untouched(facts, end - timedelta(days=LEVEL_DAYS), end)
    low, high = wilson(k, n)
    if n >= FEWEST_RECENT and low > TOO_MANY:
        yield _untouched_finding(facts, end, LEVEL_DAYS, (k, n), (low, high), None)
        return
    start = end - timedelta(days=RECENT_DAYS)
    k, n = _untouched(facts, start, end)
    earlier_k, earlier_n = _untouched(facts, start - timedelta(days=EARLIER_DAYS), start)
    if n < FEWEST_RECENT or earlier_n < FEWEST_EARLIER:
        return
    low, high = wilson(k, n)
    # Both intervals of 95 % must part, which noise does in fewer than one of a hundred weeks.
    if low > wilson(earlier_k, earlier_n)[1]:
        yield _untouched_finding(
            facts, end, RECENT_DAYS, (k, n), (low, high), (earlier_k, earlier_n)
        )


def _untouched(facts: Facts, first: date, end: date) -> tuple[int, int]:
    """Orders without a touch, and all orders, of all currencies."""
    count = facts.series.total_of_all_currencies
    return int(count("untouched_orders", "", first, end)), int(count("all_orders", "", first, end))


def _untouched_finding(
    facts: Facts,
    end: date,
    window: int,
    seen: tuple[int, int],
    interval: tuple[float, float],
    earlier: tuple[int, int] | None,
) -> Finding:
    (k, n), currency = seen, facts.currency_code
    first = end - timedelta(days=window)
    own = facts.series.total("all_orders", "", currency, first, end)
    lost = facts.series.total("untouched_revenue", "", currency, first, end)
    money = words.exact(max(lost, Decimal(0)), 2)
    revenue = facts.series.total("all_revenue", "", currency, first, end)
    before = ""
    if earlier:
        before = f", up from {words.percent(earlier[0] / earlier[1])} in the 8 weeks before"
    is_blind = not facts.series.channels("visits")
    return Finding(
        store_id=facts.store_id,
        rule="orders_without_touch",
        subject="",
        period=f"last {window} days",
        severity=words.severity(money, revenue),
        first_day=first,
        end_day=end,
        headline=f"{words.percent(k / n)} of the orders {words.days(first, end)} cannot be traced"
        f" to any marketing{before}: {words.money(money, currency)} of net revenue.",
        detail=f"{k} of {n} orders have no visit or click on record; the true share is between"
        f" {words.percent(interval[0])} and {words.percent(interval[1])} (95 %)."
        + (f" The 8 weeks before: {earlier[0]} of {earlier[1]}." if earlier else "")
        + (f" The money is that of the orders in {currency}." if own < n else ""),
        next_step="Load visits for this shop: connect its website analytics, or drop its export"
        " into the shop's folder."
        if is_blind
        else "Open the shop with the consent banner accepted, place a test order, and see that the"
        " analytics tag fires on the landing page and at checkout.",
        method=_WILSON,
        money_amount=money,
        currency_code=currency,
        unit="share",
        observed=words.exact(k / n),
        expected=words.exact(earlier[0] / earlier[1]) if earlier else None,
        interval_low=words.exact(interval[0]),
        interval_high=words.exact(interval[1]),
        sample_size=n,
        evidence_sql="select conversion_day, count(distinct conversion_id) as orders,\n"
        "    count(*) filter (where touch_id = 0) as orders_without_touch\n"
        f"from mart.order_credit\nwhere store_id = {words.literal(facts.store_id)}\n"
        f"    and conversion_day >= {words.literal(first - timedelta(days=EARLIER_DAYS))}"
        f" and conversion_day < {words.literal(end)}\n"
        "group by conversion_day order by conversion_day desc;",
    )


def late_streams(facts: Facts) -> Iterator[Finding]:
    """Streams behind the store's other streams, or read on time but without rows for longer than
    they ever were. How far the others were read stands for the time."""
    newest = max((stream.read_through for stream in facts.streams), default=date.min)
    for stream in sorted(facts.streams, key=lambda s: s.name):
        behind = (newest - stream.read_through).days
        if behind >= LATE_DAYS:
            yield _late(facts, stream, stream.read_through, newest, None)
        elif len(stream.days) >= FEWEST_STREAM_DAYS:
            last = stream.days[-1]
            silent = (stream.read_through - last - _ONE_DAY).days
            usual = _longest_gap(stream.days[-LEVEL_DAYS:])
            if silent >= usual + LATE_DAYS:
                yield _late(facts, stream, last + _ONE_DAY, stream.read_through, usual)


def _longest_gap(days: tuple[date, ...]) -> int:
    """Most days in a row without rows."""
    return max(((after - before).days - 1 for before, after in pairwise(days)), default=0)


def _late(facts: Facts, stream: Stream, first: date, end: date, usual: int | None) -> Finding:
    days, currency = (end - first).days, facts.currency_code
    known = min(first, facts.read.get("orders", first))
    before = known - timedelta(days=LEVEL_DAYS)
    revenue = facts.series.total("all_revenue", "", currency, before, known)
    # Where orders are what is late, the days themselves show no revenue yet.
    seen = facts.series.total("all_revenue", "", currency, first, end)
    money = words.exact(max(seen, revenue * days / LEVEL_DAYS, Decimal(0)), 2)
    name = f"{stream.stream.replace('_', ' ')} from {stream.connector} ({stream.account_id})"
    if usual is None:
        what = f"Loading {name} stopped at {words.day(first)}, {days} days before the others."
        how = (
            "The shop's other streams were read further; these days are not final until it follows."
        )
        step = (
            f"Open the Dag that loads {stream.connector}, read its last error, and clear the task."
        )
    else:
        what = (
            f"{name[:1].upper()}{name[1:]}: nothing has come in for {days} days, since"
            f" {words.day(first)}."
        )
        how = (
            f"It is read on time and finds nothing; in its last {min(len(stream.days), LEVEL_DAYS)}"
            f" days with data the longest pause was {usual} days."
        )
        step = (
            "Ask whoever delivers these files for the missing days."
            if stream.connector == "files"
            else f"Look in {stream.connector} whether these days really are empty."
        )
    return Finding(
        store_id=facts.store_id,
        rule="stream_late",
        subject=stream.name,
        period=first.isoformat(),
        severity=words.severity(money, revenue * max(words.SHORTEST_DAYS, days) / LEVEL_DAYS),
        first_day=first,
        end_day=end,
        headline=what,
        detail=f"{how} So many days bring the shop about {words.money(money, currency)} of net"
        " revenue.",
        next_step=step,
        method="Days behind the store's newest stream, or beyond the stream's own longest pause",
        money_amount=money,
        currency_code=currency,
        unit="days",
        observed=Decimal(days),
        expected=None if usual is None else Decimal(usual),
        interval_low=None,
        interval_high=None,
        sample_size=len(stream.days),
        evidence_sql="select stream, last_status, last_error, read_through, rows_held, landed_at\n"
        f"from mart.freshness\nwhere store_id = {words.literal(facts.store_id)}"
        f" and connector = {words.literal(stream.connector)}\n"
        f"    and account_id = {words.literal(stream.account_id)}\n"
        "order by read_through;",
    )
