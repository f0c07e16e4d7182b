"""What GA4's reports leave out, by day: rare, and the same for ever for a store and day.

(other): pages beyond the first few are one row. Thresholds: countries with few users are withheld.
Sampling: a day is marked now and then; ranges beyond 45 days are estimates.
"""

from __future__ import annotations

from datetime import date

from tributary.sandbox.catalog import Store
from tributary.sandbox.dice import Dice

OTHER = "(other)"
KEPT_PAGES = 5
LEAST_USERS = 2
LONGEST_EXACT = 45  # days


def folds_pages(store: Store, day: date) -> bool:
    return Dice(store.id, "ga4 other row", day).chance(0.08)


def withholds_countries(store: Store, day: date) -> bool:
    return Dice(store.id, "ga4 threshold", day).chance(0.1)


def samples(store: Store, day: date) -> bool:
    """The answer about this day alone says that it is sampled."""
    return Dice(store.id, "ga4 sample", day).chance(0.05)
