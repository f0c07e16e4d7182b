"""Spend without attributed orders: money that even the kindest reading cannot earn back.

Kindest: every order a channel touched at all counts whole for that channel. Against it stands what
the spend needs to break even. A channel is named only when the upper end of the exact Poisson
interval of its orders, over all channels tested together, is below that need: with little spend,
no orders at all are no news. What an order brings is known of orders in the store's currency; one
in another currency, which nobody converts here, counts as an average one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from tributary.insights import words
from tributary.insights.model import Facts, Finding
from tributary.insights.statistics import poisson

WINDOW_DAYS = 28
FEWEST_SPEND_DAYS = 7
FEWEST_ORDERS = 30  # of the whole store, to know what an order brings
LEVEL = 0.95
_METHOD = (
    "Exact Poisson interval (Garwood), Bonferroni over channels with spend; orders with any"
    " counting touch of the channel, each counted whole"
)


def find(facts: Facts) -> Iterator[Finding]:
    # Orders as they stand, of days they were read for: refunds to come can only make it worse.
    end = facts.end_day("spend", "visits", read="orders")
    if end is None:
        return
    first = end - timedelta(days=WINDOW_DAYS)
    currency, series = facts.currency_code, facts.series
    orders = int(series.total("all_orders", "", currency, first, end))
    revenue = series.total("all_revenue", "", currency, first, end)
    if orders < FEWEST_ORDERS or revenue <= 0:
        return
    tested = [
        channel
        for channel in series.channels("spend", currency)
        if sum(
            1
            for day, amount in series.days("spend", channel, currency).items()
            if first <= day < end and amount > 0
        )
        >= FEWEST_SPEND_DAYS
    ]
    for channel in tested:
        spend = series.total("spend", channel, currency, first, end)
        touched = int(series.total_of_all_currencies("touched_orders", channel, first, end))
        own = int(series.total("touched_orders", channel, currency, first, end))
        worth = series.total("touched_revenue", channel, currency, first, end)
        earned = max(worth, Decimal(0)) + (touched - own) * revenue / orders
        needed = spend * orders / revenue
        low, high = poisson(touched, 1 - (1 - LEVEL) / len(tested))
        if Decimal(high) < needed and earned < spend:
            numbers = (spend, earned, revenue / orders, needed)
            yield _finding(facts, channel, (first, end), touched, numbers, (low, high), revenue)


def _finding(
    facts: Facts,
    channel: str,
    window: tuple[date, date],
    touched: int,
    numbers: tuple[Decimal, Decimal, Decimal, Decimal],
    interval: tuple[float, float],
    revenue: Decimal,
) -> Finding:
    spend, earned, per_order, needed = numbers
    (first, end), currency = window, facts.currency_code
    lost = words.exact(spend - earned, 2)
    brought = "and not one order had contact with it"
    if touched:
        orders = f"{touched} order{'s' * (touched > 1)}"
        brought = f"and only {orders} had contact with it, worth {words.money(earned, currency)}"
    name = words.channel(channel)
    return Finding(
        store_id=facts.store_id,
        rule="spend_without_orders",
        subject=channel,
        period=f"last {WINDOW_DAYS} days",
        severity=words.severity(lost, revenue),
        first_day=first,
        end_day=end,
        headline=f"{name} cost {words.money(spend, currency)} {words.days(first, end)}, {brought}.",
        detail=f"To earn its cost back it needed about {words.number(needed)} orders at the store's"
        f" {words.money(per_order, currency)} of net revenue per order. {touched} were seen; chance"
        f" explains at most {words.number(interval[1])} (95 %, over all channels with spend). Every"
        " order in contact with the channel counts whole here, the kindest way to count.",
        next_step=f"Check that the links of {name} carry their tracking, and if they do, pause it"
        " or move its budget to a channel that earns.",
        method=_METHOD,
        money_amount=lost,
        currency_code=currency,
        unit="orders",
        observed=words.exact(touched),
        expected=words.exact(needed),
        interval_low=words.exact(interval[0]),
        interval_high=words.exact(interval[1]),
        sample_size=touched,
        evidence_sql=_evidence(facts, channel, first, end),
    )


def _evidence(facts: Facts, channel: str, first: date, end: date) -> str:
    where = f"store_id = {words.literal(facts.store_id)} and channel = {words.literal(channel)}"
    between = f">= {words.literal(first)} and {{0}} < {words.literal(end)}"
    is_own = f"currency_code = {words.literal(facts.currency_code)}"
    return (
        "select\n"
        "    (select sum(spend_amount) from mart.channel_performance\n"
        f"    where {where}\n    and {is_own} and day {between.format('day')}) as spend_amount,\n"
        "    count(*) as orders_touched,\n"
        f"    count(*) filter (where not {is_own}) as orders_in_other_currencies,\n"
        f"    sum(value_amount) filter (where {is_own}) as worth_amount\n"
        "from (\n    select distinct conversion_id, value_amount, currency_code\n"
        f"    from mart.order_credit\n    where {where}\n"
        f"    and conversion_day {between.format('conversion_day')}\n) as touched;"
    )
