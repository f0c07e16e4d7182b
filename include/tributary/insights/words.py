"""How findings speak: amounts, days and channels in sentences, severity, SQL literals."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from tributary.insights.model import Severity
from tributary.money import quantum

# Money at stake as a share of the store's net revenue over the same days, at least a week.
_HIGH, _MEDIUM = Decimal("0.10"), Decimal("0.03")
SHORTEST_DAYS = 7


def severity(money: Decimal | None, revenue: Decimal) -> Severity:
    """high from a tenth of the revenue of the same length of time, medium from 3 %."""
    if money is None or money <= 0:
        return "low"
    if revenue <= 0 or money >= _HIGH * revenue:
        return "high"
    return "medium" if money >= _MEDIUM * revenue else "low"


def money(amount: Decimal, currency: str) -> str:
    """1,234 EUR; below ten with its smallest unit: 3.50 EUR; 0 EUR."""
    digits = quantum(currency) if 0 < abs(amount) < 10 else Decimal(1)
    return f"{amount.quantize(digits, ROUND_HALF_EVEN):,f} {currency}"


def number(value: float | Decimal) -> str:
    """1,234; one decimal below ten where there is one: 3.5."""
    rounded = Decimal(str(value)).quantize(Decimal("0.1"))
    if abs(rounded) < 10 and rounded != rounded.to_integral_value():
        return f"{rounded:,f}"
    return f"{Decimal(str(value)).quantize(Decimal(1), ROUND_HALF_EVEN):,f}"


def percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def day(value: date) -> str:
    """2 Nov."""
    return f"{value.day} {value:%b}"


def days(first: date, end: date) -> str:
    """on 2 Nov; from 28 Oct to 2 Nov. `end` is excluded."""
    last = end - timedelta(days=1)
    return f"on {day(first)}" if first == last else f"from {day(first)} to {day(last)}"


def channel(name: str) -> str:
    """paid_search is Paid search."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def literal(value: str | date) -> str:
    """A SQL string or date."""
    text = "'" + str(value).replace("'", "''") + "'"
    if "\\" in text:
        text = "e" + text.replace("\\", "\\\\")
    return text if isinstance(value, str) else f"date {text}"


def exact(value: float | Decimal, places: int = 4) -> Decimal:
    """Rounded, so that the last bits of floating point never make a row look changed."""
    return round(Decimal(str(value)), places) + Decimal(0)
