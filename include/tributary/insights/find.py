"""All rules over one store."""

from __future__ import annotations

from tributary.insights import moved, sources, spending, tracking
from tributary.insights.model import Facts, Finding
from tributary.insights.statistics import HISTORY

# How many final days before `Facts.end_day` the rules look at.
HISTORY_DAYS = HISTORY + moved.SCAN_DAYS
_RULES = (
    moved.find,
    spending.find,
    tracking.untouched_orders,
    sources.find,
    tracking.late_streams,
)


def find(facts: Facts) -> list[Finding]:
    """Every finding, ordered by key: the same facts give the same list in whatever order."""
    return sorted((f for rule in _RULES for f in rule(facts)), key=lambda finding: finding.key)
