"""Journeys without a conversion: runs of touches that counted for none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
# Places of touches in the order of person and time, and where among them each journey begins.
Runs = tuple[Int, Int]
# Of the journey and the place of each touch: which of them stay.
Stay = Callable[[Int, Int], Bool]

NEVER = np.iinfo(np.int64).max


def journeys(
    touches: tuple[Int, Int],
    used: Bool,
    conversions: tuple[Int, Int, Int],
    lookback_us: int,
    ended: tuple[int, int] | None = None,
) -> Runs:
    """What was not `used`: a new journey begins after each conversion of the person, and after a
    gap longer than the lookback. Touches are person and time, sorted by both; conversions person,
    time, and how many touches precede their end (0 where the person has none).

    `ended` keeps those that ended within it, at the person's next conversion or when the lookback
    had passed.
    """
    person, at = touches
    left = np.flatnonzero(~used)
    if not len(left):
        return left, np.zeros(0, dtype=np.int64)
    converted = np.cumsum(np.bincount(conversions[2], minlength=len(person) + 1))[left]
    new = np.ones(len(left), dtype=np.bool_)
    new[1:] = person[left[1:]] != person[left[:-1]]
    new[1:] |= at[left[1:]] - at[left[:-1]] > lookback_us
    new[1:] |= converted[1:] != converted[:-1]
    starts = np.flatnonzero(new)
    if ended is None:
        return left, starts
    last = left[np.r_[starts[1:], len(left)] - 1]
    end = np.minimum(at[last] + lookback_us, _next_conversion(last, person[last], conversions))
    is_asked = (end >= ended[0]) & (end <= ended[1])
    return _only(left, starts, np.repeat(is_asked, _sizes(left, starts)))


def counting(runs: Runs, weak: Sequence[Bool], stays: Sequence[Stay]) -> Runs:
    """Weak touches (by place) only where their journey has nothing else; of these, what stays."""
    left, starts = runs
    for column in weak if len(left) else ():
        is_weak, sizes = column[left], _sizes(left, starts)
        other = np.add.reduceat((~is_weak).astype(np.int64), starts) > 0
        left, starts = _only(left, starts, ~(is_weak & np.repeat(other, sizes)))
    for stay in stays if len(left) else ():
        run = np.repeat(np.arange(len(starts)), _sizes(left, starts))
        left, starts = _only(left, starts, stay(run, left))
    return left, starts


def _next_conversion(places: Int, person: Int, conversions: tuple[Int, Int, Int]) -> Int:
    """When the person converted next after the touch at each place; NEVER where they did not."""
    who, at, high = conversions
    order = np.lexsort((at, who, high))
    found = np.searchsorted(high[order], places, side="right")
    near = order[np.minimum(found, max(len(order) - 1, 0))] if len(order) else found
    known = found < len(order)
    known[known] = who[near[known]] == person[known]
    times = np.full(len(places), NEVER)
    times[known] = at[near[known]]
    return times


def _sizes(left: Int, starts: Int) -> Int:
    sizes: Int = np.diff(np.r_[starts, len(left)])
    return sizes


def _only(left: Int, starts: Int, keep: Bool) -> Runs:
    """These touches; what has none of them is no journey."""
    sizes = np.add.reduceat(keep.astype(np.int64), starts) if len(starts) else starts
    sizes = sizes[sizes > 0]
    return left[keep], np.cumsum(sizes) - sizes
