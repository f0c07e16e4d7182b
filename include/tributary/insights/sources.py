"""Links that no rule recognises: sources and mediums that fell to the channel 'other'."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from tributary.insights import words
from tributary.insights.model import Facts, Finding, Unrecognised
from tributary.insights.statistics import wilson

WINDOW_DAYS = 28
FEWEST_VISITS = 10
# Words in a source or medium that say what it is; the channel to suggest.
_HINTS = {
    "email": {"mail", "email", "newsletter", "nl", "mailing", "klaviyo", "mailchimp", "crm"},
    "paid_other": {"ad", "ads", "paid", "cpc", "ppc", "cpm", "promo"},
    "influencer": {"influencer", "creator", "ambassador"},
    "affiliate": {"affiliate", "partner", "awin", "cashback"},
    "sms": {"sms", "whatsapp"},
    "organic_social": {"social", "bio", "story", "post", "reel"},
}


def window(facts: Facts) -> tuple[date, date] | None:
    """The days that are looked at, the second excluded; None while there are none."""
    end = facts.end_day("visits", read="orders")
    return None if end is None else (end - timedelta(days=WINDOW_DAYS), end)


def find(facts: Facts) -> Iterator[Finding]:
    """Sources and mediums that no rule knows, with visits or orders behind them."""
    if (looked_at := window(facts)) is None:
        return
    first, end = looked_at
    visits = sum(
        int(facts.series.total("visits", channel, "", first, end))
        for channel in facts.series.channels("visits")
    )
    for unknown in sorted(facts.unrecognised, key=lambda u: (u.source, u.medium)):
        if unknown.visits >= FEWEST_VISITS or unknown.orders:
            yield _finding(facts, unknown, max(visits, unknown.visits), (first, end))


def _finding(facts: Facts, unknown: Unrecognised, visits: int, days: tuple[date, date]) -> Finding:
    currency, (first, end) = facts.currency_code, days
    money = words.exact(max(unknown.revenue_amount, Decimal(0)), 2)
    low, high = wilson(unknown.visits, visits)
    label = f'"{unknown.source or "(none)"} / {unknown.medium or "(none)"}"'
    suggestion, fix = suggest(facts, unknown)
    spelled = ", ".join(f'"{spelling}"' for spelling in unknown.spellings)
    return Finding(
        store_id=facts.store_id,
        rule="unrecognised_source",
        subject=f"{unknown.source} / {unknown.medium}",
        period=f"last {WINDOW_DAYS} days",
        severity=words.severity(money, facts.series.total("all_revenue", "", currency, first, end)),
        first_day=first,
        end_day=end,
        headline=f"Links tagged {label} belong to no known channel: {unknown.visits:,d} visits and"
        f" {words.money(money, currency)} of net revenue stand under Other.",
        detail=f"{unknown.visits:,d} of {visits:,d} visits {words.days(first, end)}: a share of"
        f" {low * 100:.1f} % to {high * 100:.1f} % (95 %). They touched {unknown.orders:,d} orders;"
        f" the revenue is their part by the model linear, of orders in {currency}. As received:"
        f" {spelled}.",
        next_step=f"Say which channel this is ({suggestion}); new visits follow at once, earlier"
        " ones when their days are loaded again.",
        method="Wilson score interval, 95 %; model linear",
        money_amount=money,
        currency_code=currency,
        unit="visits",
        observed=words.exact(unknown.visits),
        expected=None,
        interval_low=words.exact(low * visits),
        interval_high=words.exact(high * visits),
        sample_size=visits,
        evidence_sql="select day, source_raw, medium_raw, sum(visits) as visits\n"
        "from mart.traffic_source\n"
        f"where store_id = {words.literal(facts.store_id)} and channel = 'other'\n"
        f"    and source = {words.literal(unknown.source)}"
        f" and medium = {words.literal(unknown.medium)}\n"
        f"    and day >= {words.literal(first)} and day < {words.literal(end)}\n"
        "group by day, source_raw, medium_raw order by day desc, visits desc;",
        fix_sql=fix,
    )


def suggest(facts: Facts, unknown: Unrecognised) -> tuple[str, str]:
    """What it may be, in words, and the statement that says so: an alias where a known source is
    part of the name, else a channel rule with the best guess."""
    source_words = re.split(r"[^a-z0-9]+", unknown.source)
    for word in source_words:
        if (known := facts.aliases.get(word)) and known != unknown.source:
            return (
                f"it looks like another name of {known}",
                f"insert into ops.source_alias (alias, source)\nvalues"
                f" ({words.literal(unknown.source)}, {words.literal(known)});",
            )
    every = {*source_words, *re.split(r"[^a-z0-9]+", unknown.medium)}
    channel = next((name for name, hints in _HINTS.items() if hints & every), "referral")
    store = words.literal(facts.store_id)
    patterns = ", ".join(_pattern(text) for text in (unknown.source, unknown.medium))
    return (
        f"the statement under Check the numbers says {words.channel(channel)}: change it if you"
        " know better",
        "insert into ops.channel_rule\n"
        "    (store_id, priority, source_pattern, medium_pattern, channel)\n"
        f"select {store}, coalesce(max(priority), 0) + 10, {patterns}, {words.literal(channel)}\n"
        f"from ops.channel_rule where store_id = {store};",
    )


def _pattern(text: str) -> str:
    """A regular expression that matches the text alone, as a SQL literal."""
    return words.literal("^" + re.sub(r"([.^$*+?(){}|\[\]\\])", r"\\\1", text) + "$")
