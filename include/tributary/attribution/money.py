"""Gives a conversion's value out by shares in whole minor units, losing none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int = npt.NDArray[np.int64]


def split(value_minor: Int, shares: npt.NDArray[np.float64], starts: Int, sizes: Int) -> Int:
    """Largest remainder within each run: `value_minor` per run, `shares` per touch.

    Every run's parts sum to its value exactly. Equal remainders go to the earlier touch; a negative
    value is split as its amount and negated.
    """
    if not len(shares):
        return np.zeros(0, dtype=np.int64)
    run = np.repeat(np.arange(len(starts)), sizes)
    exact = shares * np.abs(value_minor)[run]
    parts = np.floor(exact).astype(np.int64)
    missing = np.abs(value_minor) - np.add.reduceat(parts, starts)
    if (missing < 0).any() or (missing > sizes).any():
        raise ArithmeticError("shares of a conversion do not sum to 1")
    remainder = exact - parts
    by_remainder = np.lexsort((np.arange(len(run)), -remainder, run))
    rank = np.empty(len(run), dtype=np.int64)
    rank[by_remainder] = np.arange(len(run)) - np.repeat(starts, sizes)
    parts += rank < missing[run]
    signed: Int = parts * np.sign(value_minor)[run]
    return signed
