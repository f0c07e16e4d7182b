"""Transition counts of an absorbing chain of order k, taken straight from the paths.

A state is the last k channels, slid along the path; a path shorter than k is one state. Paths that
convert and paths that do not are both counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tributary.attribution import sums
from tributary.attribution.paths import Paths

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]
MAX_ORDER = 4

# Up to this many possible tuples are counted in a table, more are sorted.
_TABLE = 1 << 24


@dataclass(frozen=True)
class Transitions:
    """Counts of journeys: where they start, from state to state, and how they end where.

    `states` are tuples of channels as numbers to the base channels + 1, 0 for none, the oldest
    channel first.
    """

    names: tuple[str, ...]
    order: int
    states: Int
    start: Float
    source: Int
    target: Int
    count: Float
    conversions: Float
    nulls: Float
    value: Float | None

    @property
    def leaving(self) -> Float:
        """All steps out of each state; 1 where there is none, so that it can divide."""
        within = np.bincount(self.source, weights=self.count, minlength=len(self.states))
        left: Float = within + self.conversions + self.nulls
        return np.where(left > 0, left, 1.0)

    def channels(self) -> Int:
        """Per state its k channels, oldest first; -1 where it has fewer."""
        base = len(self.names) + 1
        digits = [(self.states // base**place) % base for place in range(self.order)]
        return np.stack(digits[::-1], axis=1) - 1


def count(paths: Paths, order: int = 1) -> Transitions:
    """Transitions of `order` 1 to 4, each path weighted by its journeys."""
    base = _base(paths, order)
    paths = paths.used()
    weight = paths.conversions + paths.nulls
    begins, ends, at, codes = _walk(paths, order, base)
    weights = None if (weight == 1).all() else np.repeat(weight, paths.sizes)[at]
    tuples, counts = _tally(codes, weights, base, order + 1)
    source, target = tuples // base, tuples % base**order
    states = np.unique(np.concatenate([_distinct(begins, base**order), source, target]))
    start, stop = np.searchsorted(states, begins), np.searchsorted(states, ends)
    size = len(states)
    return Transitions(
        names=paths.names,
        order=order,
        states=states,
        start=sums.grouped(start, weight, size),
        source=np.searchsorted(states, source),
        target=np.searchsorted(states, target),
        count=counts,
        conversions=sums.grouped(stop, paths.conversions, size),
        nulls=sums.grouped(stop, paths.nulls, size),
        value=None if paths.value is None else sums.grouped(stop, paths.value, size),
    )


def incidence(paths: Paths, chain: Transitions) -> tuple[Int, Int, Int, Int]:
    """Where each path starts and ends in the chain's states, and per step its path and its place
    in the chain's transitions. All paths must have been counted into it, and be used."""
    base = _base(paths, chain.order)
    begins, ends, at, codes = _walk(paths, chain.order, base)
    tuples = chain.states[chain.source] * base + chain.states[chain.target] % base
    return (
        np.searchsorted(chain.states, begins),
        np.searchsorted(chain.states, ends),
        paths.path_of[at],
        np.searchsorted(tuples, codes),
    )


def _base(paths: Paths, order: int) -> int:
    if not 1 <= order <= MAX_ORDER:
        raise ValueError(f"order must be 1 to {MAX_ORDER}, not {order}")
    base = len(paths.names) + 1
    if base ** (order + 1) >= 2**62:
        raise ValueError(f"{len(paths.names)} channels are too many for order {order}")
    return base


def _walk(paths: Paths, order: int, base: int) -> tuple[Int, Int, Int, Int]:
    """Each path's first and last state; the touches that are steps, and each with what it left."""
    first, last = paths.offsets[:-1], paths.offsets[1:] - 1
    head = np.minimum(first + order - 1, last)
    window = _windows(paths.channel, order, base)
    begins = _short(window[head], paths.sizes, order, base)
    ends = np.where(head == last, begins, window[last])
    at = _steps(paths, head)
    return begins, ends, at, window[at - 1] * base + paths.channel[at] + 1


def _windows(channel: npt.NDArray[np.integer], order: int, base: int) -> Int:
    """At each touch the last `order` channels as one number, whatever path they are of."""
    code = channel.astype(np.int64) + 1
    window = code.copy()
    for back in range(1, order):
        window[back:] += code[:-back] * base**back
    return window


def _short(window: Int, sizes: Int, order: int, base: int) -> Int:
    """Paths shorter than `order` keep only their own channels of the window."""
    if order == 1:
        return window
    kept: Int = window % base ** np.minimum(sizes, order)
    return kept


def _steps(paths: Paths, head: Int) -> Int:
    """The touches that are reached from a full state."""
    follows = np.ones(len(paths.channel), dtype=np.bool_)
    follows[paths.offsets[:-1]] = False
    if (head != paths.offsets[:-1]).any():
        follows &= np.arange(len(paths.channel)) > np.repeat(head, paths.sizes)
    return np.flatnonzero(follows)


def _tally(codes: Int, weights: Float | None, base: int, digits: int) -> tuple[Int, Float]:
    """Distinct codes in ascending order and the sum of their weights."""
    if base**digits <= _TABLE:
        place, found, size = codes, None, base**digits
    else:
        found, place = np.unique(codes, return_inverse=True)
        size = len(found)
    if weights is None:
        total = np.bincount(place, minlength=size).astype(np.float64)
    else:
        total = sums.grouped(place, weights, size)
    if found is None:
        found = np.flatnonzero(total)
        total = total[found]
    return found.astype(np.int64), total


def _distinct(codes: Int, size: int) -> Int:
    if size <= _TABLE:
        return np.flatnonzero(np.bincount(codes, minlength=1)).astype(np.int64)
    return np.unique(codes)
