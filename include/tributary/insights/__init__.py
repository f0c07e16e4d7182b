"""What should I change? Pure rules: rows of final days in, findings out, in a fixed order."""

from tributary.insights.find import HISTORY_DAYS, find
from tributary.insights.model import Facts, Finding, Point, Series, Stream, Unrecognised

__all__ = [
    "HISTORY_DAYS",
    "Facts",
    "Finding",
    "Point",
    "Series",
    "Stream",
    "Unrecognised",
    "find",
]
