"""The rows that rules read and the findings they give."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

Severity = Literal["high", "medium", "low"]


@dataclass(frozen=True)
class Point:
    """An amount of a measure on a day; `channel` '' is the whole store, `currency_code` '' a
    count that is never held against money.

    Measures are those of sql/insights/series.sql.
    """

    measure: str
    channel: str
    currency_code: str
    day: date
    amount: Decimal


class Series:
    """Points looked up by measure, channel and currency; the order they came in does not matter."""

    def __init__(self, points: Iterable[Point]) -> None:
        self._days: dict[tuple[str, str, str], dict[date, Decimal]] = defaultdict(dict)
        for point in points:
            days = self._days[point.measure, point.channel, point.currency_code]
            days[point.day] = days.get(point.day, Decimal(0)) + point.amount

    def days(self, measure: str, channel: str = "", currency: str = "") -> Mapping[date, Decimal]:
        return self._days.get((measure, channel, currency), {})

    def total(
        self, measure: str, channel: str, currency: str, first_day: date, end_day: date
    ) -> Decimal:
        """The sum over first_day <= day < end_day."""
        days = self.days(measure, channel, currency)
        return sum((v for d, v in days.items() if first_day <= d < end_day), Decimal(0))

    def total_of_all_currencies(
        self, measure: str, channel: str, first_day: date, end_day: date
    ) -> Decimal:
        """The sum of a count of orders, whatever their currency."""
        found = {cur for m, c, cur in self._days if (m, c) == (measure, channel)}
        return sum(
            (self.total(measure, channel, cur, first_day, end_day) for cur in found), Decimal(0)
        )

    def channels(self, measure: str, currency: str = "") -> list[str]:
        """Channels that have the measure, in alphabetical order."""
        return sorted({c for m, c, cur in self._days if m == measure and cur == currency})

    def known_days(self, measure: str, currency: str = "") -> frozenset[date]:
        """Days on which any channel has the measure: on others it is missing, and not zero."""
        return frozenset(
            day
            for (m, _, cur), days in self._days.items()
            if m == measure and cur == currency
            for day in days
        )


@dataclass(frozen=True)
class Stream:
    """How far a stream was read (excluded), and all days it ever had rows for, in order."""

    connector: str
    account_id: str
    stream: str
    read_through: date
    days: tuple[date, ...]

    @property
    def name(self) -> str:
        return f"{self.connector}/{self.account_id}/{self.stream}"


@dataclass(frozen=True)
class Unrecognised:
    """A normalised source and medium that fell to channel 'other', over the last 28 final days."""

    source: str
    medium: str
    spellings: tuple[str, ...]
    visits: int
    orders: int
    revenue_amount: Decimal


@dataclass(frozen=True)
class Facts:
    """One store and what is final of it. Nothing here knows the clock.

    `final`: measure (visits, spend, orders) -> the day after its last final day; a measure that is
    absent has none. Orders are final late, because refunds move them for weeks.
    `read`: measure -> the day after the last that all its accounts were read for, final or not.
    `aliases`: other spellings of sources -> the source, to suggest from.
    """

    store_id: str
    currency_code: str
    final: Mapping[str, date]
    series: Series
    streams: tuple[Stream, ...] = ()
    unrecognised: tuple[Unrecognised, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    read: Mapping[str, date] = field(default_factory=dict)

    def end_day(self, *measures: str, read: str = "") -> date | None:
        """The day after the last that is final for all these measures, and of which the measure
        `read` was read, if the store has it; None if there is none."""
        ends = [self.final.get(measure) for measure in measures] + [self.read.get(read, date.max)]
        known = [end for end in ends if end is not None]
        return min(known) if len(known) == len(ends) else None


@dataclass(frozen=True)
class Finding:
    """One thing a person may want to change; the fields are core.insight's, see its contract.

    (store_id, rule, subject, period) is the key. Days are first_day <= day < end_day.
    """

    store_id: str
    rule: str
    subject: str
    period: str
    severity: Severity
    first_day: date
    end_day: date
    headline: str
    detail: str
    next_step: str
    method: str
    money_amount: Decimal | None
    currency_code: str
    unit: str
    observed: Decimal
    expected: Decimal | None
    interval_low: Decimal | None
    interval_high: Decimal | None
    sample_size: int
    evidence_sql: str
    fix_sql: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.store_id, self.rule, self.subject, self.period
