"""Which touches of each journey stay: masks over touches grouped by journey.

`run` numbers the journey of each touch; a journey's touches stand together, in order of time. The
rules are those of Snowplow's attribution package: ignore-if-other is its remove_if_not_all,
ignore-if-last its remove_if_last_and_not_all.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tributary.attribution.config import PathTransform

Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.integer]


def unless_others(run: Int, is_weak: Bool, runs: int) -> Bool:
    """Weak touches only in journeys that have nothing else; `run` is below `runs`."""
    has_other = np.zeros(runs, dtype=np.bool_)
    has_other[run[~is_weak]] = True
    kept: Bool = ~(is_weak & has_other[run])
    return kept


def unless_last(run: Int, is_weak: Bool) -> Bool:
    """Weak touches not after the last other touch, unless there is no other."""
    if not len(run):
        return np.zeros(0, dtype=np.bool_)
    places, starts, sizes = np.arange(len(run)), *_runs(run)
    latest = np.repeat(np.maximum.reduceat(np.where(is_weak, -1, places), starts), sizes)
    kept: Bool = (places <= latest) | (latest < 0)
    return kept


def without_repeats(run: Int, channel: Codes, transform: PathTransform) -> Bool:
    """What stays of a journey's repeated channels."""
    kept = np.ones(len(run), dtype=np.bool_)
    if transform == "unique" or not len(run):
        return kept
    starts, sizes = _runs(run)
    if transform == "exposure":
        kept[1:] = channel[1:] != channel[:-1]
        kept[starts] = True
        return kept
    return _first_of_each(channel_keys(channel, sizes))


def last_of_each(run: Int, most: int) -> Bool:
    """The last touches of each journey."""
    if not len(run):
        return np.zeros(0, dtype=np.bool_)
    starts, sizes = _runs(run)
    from_end = np.repeat(starts + sizes, sizes) - np.arange(len(run))
    kept: Bool = from_end <= most
    return kept


def _runs(run: Int) -> tuple[Int, Int]:
    """Where each journey begins, and its touches."""
    starts = np.flatnonzero(np.r_[True, run[1:] != run[:-1]])
    return starts, np.diff(np.r_[starts, len(run)])


def channel_keys(channel: Codes, sizes: Int) -> Int:
    """A number per touch, equal where journey and channel are."""
    journey = np.repeat(np.arange(len(sizes)), sizes)
    return journey * (int(channel.max()) + 1) + channel


def _first_of_each(key: Int) -> Bool:
    kept = np.zeros(len(key), dtype=np.bool_)
    kept[np.unique(key, return_index=True)[1]] = True
    return kept
