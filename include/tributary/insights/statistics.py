"""Intervals and the weekday baseline. Numbers in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]
Kind = Literal["count", "money"]

WEEKS = 8
FEWEST_WEEKS = 6
HISTORY = 7 * WEEKS
# The scale of noise is never taken to be less: counts scatter at least as Poisson does (1 after the
# Anscombe transform), and a budget that never moved may move by 5 % without being news.
_LEAST_SCALE = {"count": 1.0, "money": 0.05}
_MAD_TO_SIGMA = 1.4826
# A median absolute deviation of n values is as precise as a standard deviation of 0.37 n values.
_MAD_EFFICIENCY = 0.37


def wilson(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson score interval of a share; (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    z = float(special.ndtri(0.5 + level / 2))
    share, z2 = successes / trials, z * z
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = z * np.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def poisson(count: int, level: float) -> tuple[float, float]:
    """Exact (Garwood) two-sided interval of a Poisson mean of which `count` was seen."""
    tail = (1 - level) / 2
    low = float(special.gammaincinv(count, tail)) if count else 0.0
    return low, float(special.gammainccinv(count + 1, tail))


@dataclass(frozen=True)
class Baseline:
    """What a day should have been. `weeks` same weekdays were known, NaN where the day is untested.

    `score` is the distance in standard errors of prediction, Student t with `freedom` degrees.
    `middle`, `spread` are on the transformed scale; `offset` belongs to the transform.
    """

    kind: Kind
    weeks: npt.NDArray[np.int64]
    expected: Floats
    score: Floats
    freedom: Floats
    middle: Floats
    spread: Floats
    offset: Floats

    def limit(self, score: float | Floats) -> Floats:
        """The value at a score, never below zero."""
        return np.maximum(_back(self.middle + score * self.spread, self.offset, self.kind), 0.0)


def baseline(history: Floats, today: Floats, kind: Kind) -> Baseline:
    """Days against the median of their own weekday in the 8 weeks before.

    history: (..., 56), oldest first: every seventh value from the first is the same weekday.
    today: (...). NaN is a missing value. Noise has two independent witnesses of equal weight: the
    standard deviation of the same weekdays, and the median absolute deviation of the other days
    from the medians of their weekdays (weekdays that are usually zero say nothing). Money is not
    tested on a weekday that is usually zero.
    """
    weeks = history.reshape(*history.shape[:-1], WEEKS, 7)
    known = np.isfinite(weeks[..., 0]).sum(axis=-1)
    expected = _median(weeks[..., 0], -1)
    offset = np.maximum(0.1 * expected, 1e-9)
    shaped = _shape(weeks, offset[..., None, None], kind)
    medians = _median(shaped, -2)
    middle = medians[..., 0]
    own = np.nansum(np.square(shaped[..., 0] - middle[..., None]), axis=-1)
    own_freedom = np.maximum(known - 1, 1)
    others, others_freedom = _other_days(weeks, shaped, medians)
    freedom = own_freedom + np.minimum(others_freedom, own_freedom)
    variance = np.where(
        others_freedom > 0, (own / own_freedom + np.square(others)) / 2, own / own_freedom
    )
    scale = np.maximum(np.sqrt(variance), _LEAST_SCALE[kind])
    spread = scale * np.sqrt(1 + np.pi / (2 * np.maximum(known, 1)))
    tested = (known >= FEWEST_WEEKS) & np.isfinite(today)
    if kind == "money":
        tested &= expected > 0
    score = (_shape(today, offset, kind) - middle) / spread
    return Baseline(
        kind=kind,
        weeks=np.where(tested, known, 0),
        expected=expected,
        score=np.where(tested, score, np.nan),
        freedom=freedom.astype(np.float64),
        middle=middle,
        spread=spread,
        offset=offset,
    )


def _other_days(weeks: Floats, shaped: Floats, medians: Floats) -> tuple[Floats, Floats]:
    """Robust standard deviation of the other weekdays around their medians, and what it is worth
    in degrees of freedom; 0 of them where nothing can be said."""
    usable = _median(weeks, -2)[..., None, 1:] > 0
    residuals = np.where(usable, np.abs(shaped - medians[..., None, :])[..., 1:], np.nan)
    count = np.isfinite(residuals).sum(axis=(-2, -1))
    # A median is fitted to each weekday: its days scatter that much less around it.
    left = np.maximum(count - np.isfinite(residuals).any(axis=-2).sum(axis=-1), 0)
    deviation = _MAD_TO_SIGMA * _median(residuals.reshape(*residuals.shape[:-2], -1), -1)
    scale = deviation * np.sqrt(count / np.maximum(left, 1))
    return np.where(left > 0, scale, 0.0), np.floor(_MAD_EFFICIENCY * left)


def critical(freedom: Floats | float, tests: int, error: float) -> Floats:
    """The two-sided Student t score that `tests` noisy days together pass with chance `error`."""
    if tests < 1:
        raise ValueError("critical needs at least one test")
    found: Floats = special.stdtrit(freedom, 1 - error / (2 * tests))
    return found


def _median(values: Floats, axis: int) -> Floats:
    """nanmedian without its warning: the median of nothing is NaN."""
    empty = ~np.isfinite(values).any(axis=axis)
    found: Floats = np.nanmedian(np.where(np.expand_dims(empty, axis), 0.0, values), axis=axis)
    return np.where(empty, np.nan, found)


def _shape(values: Floats, offset: Floats, kind: Kind) -> Floats:
    """Noise of the same size everywhere: Anscombe's root for counts, the logarithm for money."""
    if kind == "count":
        return 2 * np.sqrt(np.maximum(values, 0.0) + 0.375)
    return np.log(np.maximum(values, 0.0) + offset)


def _back(values: Floats, offset: Floats, kind: Kind) -> Floats:
    if kind == "count":
        return np.square(np.maximum(values, 0.0) / 2) - 0.375
    return np.exp(values) - offset
