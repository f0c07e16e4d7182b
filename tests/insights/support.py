"""Hand-written stores for the rules: a steady past, and what is changed in it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

from tributary.insights import Facts, Point, Series, Stream, Unrecognised

END = date(2026, 11, 16)  # a Monday: the last final day is Sunday the 15th
WEEKDAYS = (100, 90, 90, 100, 110, 120, 130)


def back(days: int) -> date:
    """That many days before END: back(1) is the last final day."""
    return END - timedelta(days=days)


def visits(channel: str, changed: dict[date, int] | None = None, days: int = 91) -> list[Point]:
    """A steady week with a little scatter, days before END and a week after it."""
    points = []
    for n in range(days, -7, -1):
        day = back(n)
        usual = WEEKDAYS[day.weekday()] + (day.toordinal() * 7919) % 11 - 5
        points.append(point("visits", day, (changed or {}).get(day, usual), channel))
    return points


def point(
    measure: str, day: date, amount: int | str, channel: str = "", currency: str = ""
) -> Point:
    return Point(measure, channel, currency, day, Decimal(amount))


def every_day(
    measure: str, amount: int | str, channel: str = "", currency: str = "", days: int = 91
) -> list[Point]:
    return [point(measure, back(n), amount, channel, currency) for n in range(days, 0, -1)]


def store(
    points: Iterable[Point],
    *,
    streams: tuple[Stream, ...] = (),
    unrecognised: tuple[Unrecognised, ...] = (),
    aliases: dict[str, str] | None = None,
    final: dict[str, date] | None = None,
    read: dict[str, date] | None = None,
) -> Facts:
    every = {"visits": END, "spend": END, "orders": END}
    return Facts(
        "north",
        "EUR",
        every if final is None else final,
        Series(points),
        streams,
        unrecognised,
        aliases or {},
        read or {},
    )
