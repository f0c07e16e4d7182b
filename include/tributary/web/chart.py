"""Horizontal bars for a server-rendered SVG.

Lengths are percentages and heights pixels, so the picture fits a phone without shrinking its text.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

ROW_HEIGHT = 46
_LABEL_BASE, _REVENUE_TOP, _SPEND_TOP = 14, 20, 33


@dataclass(frozen=True)
class Bar:
    """One channel: `revenue` and `spend` are lengths in percent of the widest bar."""

    label: str
    note: str
    revenue: str
    spend: str
    is_unattributed: bool
    label_y: int
    revenue_y: int
    spend_y: int


@dataclass(frozen=True)
class Chart:
    bars: tuple[Bar, ...]

    @property
    def height(self) -> int:
        return len(self.bars) * ROW_HEIGHT


def bars(rows: list[tuple[str, str, Decimal, Decimal | None, bool]]) -> Chart:
    """One bar per (label, note, revenue, spend, is unattributed), all on one scale from zero.

    A negative amount (more returned than sold) has no length; its note says the number.
    """
    scale = max([abs(amount) for row in rows for amount in row[2:4] if amount], default=Decimal(0))
    return Chart(
        tuple(
            Bar(
                label=label,
                note=note,
                revenue=_length(revenue, scale),
                spend=_length(spend, scale),
                is_unattributed=unattributed,
                label_y=i * ROW_HEIGHT + _LABEL_BASE,
                revenue_y=i * ROW_HEIGHT + _REVENUE_TOP,
                spend_y=i * ROW_HEIGHT + _SPEND_TOP,
            )
            for i, (label, note, revenue, spend, unattributed) in enumerate(rows)
        )
    )


def _length(amount: Decimal | None, scale: Decimal) -> str:
    if not amount or amount < 0:
        return "0%"
    return f"{amount / scale * 100:.2f}%"
