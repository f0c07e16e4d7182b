"""Sums whose last digit does not depend on the order of what is added."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]

_MANTISSA_BITS = 52
_SLICES = 3


def grouped(groups: npt.NDArray[np.integer], values: Float, size: int) -> Float:
    """Per group 0..size-1 the sum of its values, the same for any order of the rows.

    Every value is cut into slices on common grids so coarse that adding a slice is exact: what is
    left after three is far below the sum's own last digit.
    """
    largest = float(np.abs(values).max(initial=0.0))
    if not largest:
        return np.zeros(size)
    if not math.isfinite(largest):
        raise ArithmeticError("a value is infinite or not a number")
    room = math.ceil(math.log2(len(values) + 1)) + 1
    exponent = math.frexp(largest)[1]
    slices, rest = [], values
    for _ in range(_SLICES):
        exponent -= _MANTISSA_BITS - room
        if exponent < -1000:
            break
        grid = math.ldexp(1.0, exponent)
        cut = np.rint(rest / grid) * grid
        slices.append(np.bincount(groups, weights=cut, minlength=size))
        rest = rest - cut
        exponent -= 1
        if not rest.any():
            break
    total: Float = np.zeros(size)
    for part in reversed(slices):
        total = total + part
    return total


def total(values: Float) -> float:
    """The sum of all values, the same in any order."""
    return float(grouped(np.zeros(len(values), dtype=np.int64), values, 1)[0])
