"""A channel's visits, orders or spend moved against their own weekday, on final days.

Every (channel, measure, day) is one test. The tests of a day share a budget so that all tests of
any seven days together cry wolf with a chance of at most 5 % (Bonferroni): a store where nothing
happens sees at most one such week in twenty. Days in a row that moved the same way are one finding,
named by its first day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

import numpy as np

from tributary.insights import words
from tributary.insights.model import Facts, Finding
from tributary.insights.statistics import HISTORY, Baseline, Kind, baseline, critical

FALSE_ALARMS = 0.05  # chance of any false finding per store and week
WEEK = 7
SCAN_DAYS = 28  # how far back the first day of what still goes on is looked for
# A move may be beyond chance and still too small to act on.
SMALLEST_MOVE = 0.2
_ONE_DAY = timedelta(days=1)
_METHOD = (
    "Median of the same weekday in the 8 weeks before; noise from the same weekdays and, robustly,"
    " all other days; Student t, Bonferroni over channels, measures and 7 days"
)
_NEXT = {
    ("visits", -1): "Check that this channel's campaigns, posts and links still run and lead to"
    " working pages; if they do, ask what changed on the first of these days.",
    ("visits", 1): "Find out what brought the extra visits, and give it more if they also buy.",
    ("orders", -1): "Place a test order through this channel, and compare prices, stock and landing"
    " pages with the week before.",
    ("orders", 1): "Find out which campaign or post brought the extra orders, and repeat it.",
    ("spend", -1): "Look in the ad account for a used-up budget, a failed payment or rejected ads.",
    ("spend", 1): "Compare the budget in the ad account with your plan, and lower it unless it was"
    " raised on purpose.",
}


@dataclass(frozen=True)
class _Line:
    """One measure of one channel, day by day over history and scan; NaN where it is not known.

    `end`: the day after the last value.
    """

    measure: str
    channel: str
    currency: str
    kind: Kind
    end: date
    values: np.ndarray[tuple[int], np.dtype[np.float64]]


@dataclass(frozen=True)
class _Alarm:
    """One day beyond chance; low and high are what chance allows."""

    day: date
    direction: int
    observed: float
    expected: float
    low: float
    high: float
    weeks: int


def find(facts: Facts) -> Iterator[Finding]:
    """Findings that reach into the last seven final days of their measure."""
    lines = _lines(facts)
    tested = [_baseline(line) for line in lines]
    tests: Counter[date] = Counter()
    for line, base in zip(lines, tested, strict=True):
        tests.update(_day(line, n) for n in _tested(base))
    for line, base in zip(lines, tested, strict=True):
        for episode in _episodes(list(_alarms(line, base, tests))):
            if episode[-1].day >= line.end - timedelta(days=WEEK):
                yield _finding(facts, line, episode)


def _lines(facts: Facts) -> list[_Line]:
    """Every line of every measure with final days. Before its first value a line is not known."""
    kinds: tuple[tuple[str, str, tuple[str, ...], Kind], ...] = (
        ("visits", "", ("visits",), "count"),
        ("orders", "", ("orders", "visits"), "count"),
        ("spend", facts.currency_code, ("spend",), "money"),
    )
    lines = []
    for measure, currency, rests_on, kind in kinds:
        if (end := facts.end_day(*rests_on)) is None:
            continue
        wanted = [end - timedelta(days=n) for n in range(HISTORY + SCAN_DAYS, 0, -1)]
        # Orders are complete on every final day; a day without any visit or spend is a gap in the
        # data, and other rules speak about gaps.
        known = facts.series.known_days(measure, currency)
        if measure == "orders":
            known = frozenset(wanted)
        for channel in facts.series.channels(measure, currency):
            days = facts.series.days(measure, channel, currency)
            start = min((day for day, amount in days.items() if amount), default=end)
            values = [
                float(days.get(day, Decimal(0))) if day in known and day >= start else np.nan
                for day in wanted
            ]
            lines.append(_Line(measure, channel, currency, kind, end, np.array(values)))
    return lines


def _day(line: _Line, n: int) -> date:
    """The day of the n-th tested value."""
    return line.end - timedelta(days=SCAN_DAYS - n)


def _tested(base: Baseline) -> list[int]:
    return [int(n) for n in np.flatnonzero(np.isfinite(base.score))]


def _baseline(line: _Line) -> Baseline:
    history = np.lib.stride_tricks.sliding_window_view(line.values[:-1], HISTORY)
    return baseline(history, line.values[HISTORY:], line.kind)


def _alarms(line: _Line, base: Baseline, tests: Mapping[date, int]) -> Iterator[_Alarm]:
    """Days of the line beyond chance; `tests` says how many lines are tested on a day."""
    for n in _tested(base):
        day = _day(line, n)
        needed = critical(base.freedom[n], tests[day] * WEEK, FALSE_ALARMS)
        observed, expected = float(line.values[HISTORY + n]), float(base.expected[n])
        if abs(base.score[n]) <= needed or abs(observed - expected) < SMALLEST_MOVE * expected:
            continue
        yield _Alarm(
            day=day,
            direction=1 if base.score[n] > 0 else -1,
            observed=observed,
            expected=expected,
            low=float(base.limit(-needed)[n]),
            high=float(base.limit(needed)[n]),
            weeks=int(base.weeks[n]),
        )


def _episodes(alarms: list[_Alarm]) -> Iterator[list[_Alarm]]:
    """Alarms of one direction with at most one quiet day between them."""
    for direction in (-1, 1):
        episode: list[_Alarm] = []
        for alarm in (a for a in alarms if a.direction == direction):
            if episode and alarm.day - episode[-1].day > 2 * _ONE_DAY:
                yield episode
                episode = []
            episode.append(alarm)
        if episode:
            yield episode


def _finding(facts: Facts, line: _Line, episode: list[_Alarm]) -> Finding:
    first, end, count = episode[0].day, episode[-1].day + _ONE_DAY, len(episode)
    observed = words.exact(sum(a.observed for a in episode))
    expected = words.exact(sum(a.expected for a in episode))
    low, high = (words.exact(sum(getattr(a, k) for a in episode)) for k in ("low", "high"))
    direction = episode[0].direction
    stake = _stake(facts, line, first, observed - expected)
    span = max(words.SHORTEST_DAYS, count)
    known = min(first, facts.read.get("orders", first))
    revenue = facts.series.total(
        "all_revenue", "", facts.currency_code, known - timedelta(days=HISTORY), known
    )
    is_good = direction > 0 and line.measure != "spend"
    weight = words.severity(stake, revenue * span / HISTORY)
    shown = partial(_shown, line)
    less = "less" if line.measure == "spend" else "fewer"
    change = "more" if direction > 0 else less
    when = words.days(first, end)
    each = f"each of the {count} days" if count > 1 else "the day"
    return Finding(
        store_id=facts.store_id,
        rule="channel_moved",
        subject=f"{line.channel} {line.measure}",
        period=first.isoformat(),
        severity="low" if is_good else weight,
        first_day=first,
        end_day=end,
        headline=f"{words.channel(line.channel)}: {change} {line.measure} than usual {when},"
        f" {shown(observed)} instead of about {shown(expected)}.",
        detail=f"Usual is, for {each}, the median of the same weekday in the 8 weeks before"
        f" ({min(a.weeks for a in episode)} of them known). Chance alone would have stayed between"
        f" {shown(low)} and {shown(high)}.{_stake_words(facts, line, stake)}",
        next_step=_NEXT[line.measure, direction],
        method=_METHOD,
        money_amount=stake,
        currency_code=facts.currency_code if stake is not None else "",
        unit=line.currency or line.measure,
        observed=observed,
        expected=expected,
        interval_low=low,
        interval_high=high,
        sample_size=sum(a.weeks for a in episode),
        evidence_sql=_evidence(facts, line, first - timedelta(days=HISTORY), end),
    )


def _shown(line: _Line, value: Decimal) -> str:
    return words.money(value, line.currency) if line.currency else words.number(value)


def _stake(facts: Facts, line: _Line, first: date, moved: Decimal) -> Decimal | None:
    """The money the move is about: spend itself, or the channel's revenue per visit or order over 8
    final weeks before times the move; None where that is not known."""
    if line.measure == "spend":
        return words.exact(abs(moved), 2)
    end = facts.end_day("orders", "visits")
    if end is None:
        return None
    end = min(first, end)
    before = end - timedelta(days=HISTORY)
    revenue = facts.series.total("revenue", line.channel, facts.currency_code, before, end)
    count = facts.series.total(line.measure, line.channel, "", before, end)
    if revenue <= 0 or count <= 0:
        return None
    return words.exact(abs(moved) * revenue / count, 2)


def _stake_words(facts: Facts, line: _Line, stake: Decimal | None) -> str:
    if stake is None or line.measure == "spend":
        return ""
    one = "visit" if line.measure == "visits" else "order"
    return (
        f" At what one {one} of this channel brought over 8 final weeks (last non-direct touch)"
        f" that is about {words.money(stake, facts.currency_code)} of net revenue."
    )


def _evidence(facts: Facts, line: _Line, first: date, end: date) -> str:
    column, view = {
        "visits": ("sum(visits) as visits", "mart.traffic_source"),
        "orders": ("sum(last_non_direct_conversions) as orders", "mart.channel_performance"),
        "spend": ("sum(spend_amount) as spend_amount", "mart.channel_performance"),
    }[line.measure]
    currency = f" and currency_code = {words.literal(line.currency)}" if line.currency else ""
    return (
        f"select day, to_char(day, 'Dy') as weekday, {column}\nfrom {view}\n"
        f"where store_id = {words.literal(facts.store_id)}"
        f" and channel = {words.literal(line.channel)}{currency}\n"
        f"    and day >= {words.literal(first)} and day < {words.literal(end)}\n"
        "group by day order by day desc;"
    )
