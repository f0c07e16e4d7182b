"""Gives a conversion's value out by shares in whole minor units, losing none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int = npt.NDArray[np.int64]

# Shares are floats. A part this close below a whole unit is that unit, and remainders are compared
# in steps of 1/_STEPS, a prime, so that no fraction of a few touches lies between two steps.
_SLACK = 1e-6
_STEPS = 1_000_003
# Up to here a float holds every whole number.
_LARGEST = 2**53


def split(value_minor: Int, shares: npt.NDArray[np.float64], starts: Int, sizes: Int) -> Int:
    """Largest remainder within each run: `value_minor` per run, `shares` per touch.

    Every run's parts sum to its value exactly. Equal remainders go to the earlier touch; a negative
    value is split as its amount and negated. ArithmeticError where shares do not sum to 1.
    """
    if not len(shares):
        return np.zeros(0, dtype=np.int64)
    if (np.abs(value_minor) > _LARGEST).any():
        raise ArithmeticError("a conversion's value is too large to be split exactly")
    value = np.repeat(np.abs(value_minor), sizes)
    exact = shares * value
    parts = np.floor(exact + _SLACK).astype(np.int64)
    missing = np.abs(value_minor) - np.add.reduceat(parts, starts)
    if (missing < 0).any() or (missing > sizes).any():
        raise ArithmeticError("shares of a conversion do not sum to 1")
    parts += _by_remainder(exact - parts, missing, sizes)
    signed: Int = parts * np.repeat(np.sign(value_minor), sizes)
    return signed


def _by_remainder(remainder: npt.NDArray[np.float64], missing: Int, sizes: Int) -> Int:
    """One unit for each of the `missing` largest remainders of a run, earlier touches first."""
    extra = np.zeros(len(remainder), dtype=np.int64)
    rows = np.flatnonzero(np.repeat(missing > 0, sizes))
    short = np.flatnonzero(missing > 0)
    steps = np.rint(remainder[rows] * _STEPS).astype(np.int64)
    run = np.repeat(np.arange(len(short)), sizes[short])
    order = np.argsort(run * (2 * _STEPS) + _STEPS - steps, kind="stable")
    rank = np.arange(len(rows)) - np.repeat(np.cumsum(sizes[short]) - sizes[short], sizes[short])
    extra[rows[order]] = rank < missing[short][run]
    return extra
