"""How numbers, money and times are written for people; '-' is "no value", never zero."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from tributary.money import quantum

NONE = "-"


def money(amount: Decimal | None, currency: str) -> str:
    """1234.5 EUR is 1,234.50 (the currency stands in the heading, once)."""
    if amount is None:
        return NONE
    return f"{amount.quantize(quantum(currency), ROUND_HALF_EVEN):,f}"


def ratio(value: Decimal | None) -> str:
    """A ratio with two decimals."""
    return NONE if value is None else f"{value:,.2f}"


def percent(part: Decimal, whole: Decimal) -> str:
    """part / whole in percent with one decimal."""
    return f"{part / whole * 100:.1f} %" if whole else NONE


def count(value: int) -> str:
    return f"{value:,d}"


def moment(value: datetime | None) -> str:
    """2026-08-01 05:10 UTC."""
    return NONE if value is None else f"{value:%Y-%m-%d %H:%M} UTC"


def day(value: date | None) -> str:
    return NONE if value is None else value.isoformat()


def days(first_day: date, end_day: date) -> str:
    """A half-open range of days, written with both ends in it."""
    return f"{first_day} to {end_day - timedelta(days=1)}"


def seconds(value: float) -> str:
    """0.4 s, 12 s, 3 min 05 s."""
    if value < 10:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def age(then: datetime, now: datetime) -> str:
    """How long ago: just now, 5 min ago, 3 h ago, 2 days ago."""
    minutes = int((now - then).total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes} min ago"
    if minutes < 48 * 60:
        return f"{minutes // 60} h ago"
    return f"{minutes // (24 * 60)} days ago"
