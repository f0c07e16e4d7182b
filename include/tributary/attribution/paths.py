"""Journeys as arrays: the channels of all paths end to end, and what each path led to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tributary.attribution import sums
from tributary.attribution.journeys import Journeys

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]
Codes = npt.NDArray[np.integer]

# Names that mean a visit without a known source; compared in lower case, without brackets.
DIRECT_NAMES = frozenset({"direct", "direct / none", "direct/none"})
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Paths:
    """Paths in any order, none empty; equal paths may be one row or many.

    `channel` holds codes into `names` (sorted, so a code is the same in any order of the input) and
    `offsets` where each path begins, with the end as its last. A path stands for `conversions`
    journeys that converted with `value` in all, and `nulls` that did not. `decay`, where touches
    have times, is each touch's mean share of its path's conversions under time decay, and
    `decay_value` the same weighted by value. What had no touch at all is counted apart.
    """

    names: tuple[str, ...]
    channel: Codes
    offsets: Int
    conversions: Float
    nulls: Float
    value: Float | None = None
    decay: Float | None = None
    decay_value: Float | None = None
    unattributed_conversions: float = 0.0
    unattributed_value: float = 0.0

    def __post_init__(self) -> None:
        if list(self.names) != sorted(set(self.names)):
            raise ValueError("names must be sorted and distinct")
        if len(self.offsets) != len(self.conversions) + 1 or self.offsets[-1] != len(self.channel):
            raise ValueError("offsets must hold one entry per path and the end")
        if len(self.nulls) != len(self.conversions):
            raise ValueError("conversions and nulls must have one entry per path")
        if (self.sizes < 1).any():
            raise ValueError("a path must have a touch; count what has none as unattributed")

    def __len__(self) -> int:
        return len(self.conversions)

    @property
    def sizes(self) -> Int:
        """Touches of each path."""
        return np.diff(self.offsets)

    @property
    def path_of(self) -> Int:
        """The path of each touch."""
        return np.repeat(np.arange(len(self)), self.sizes)

    @property
    def total_conversions(self) -> float:
        """Conversions with and without a touch."""
        return sums.total(self.conversions) + self.unattributed_conversions

    @property
    def total_value(self) -> float | None:
        """Their value, where there is any."""
        return None if self.value is None else sums.total(self.value) + self.unattributed_value

    def direct(self, names: Iterable[str] | None = None) -> npt.NDArray[np.bool_]:
        """Which channels are direct: the `names` given, or those usually written for it."""
        return is_direct(self.names, names)

    def take(self, rows: npt.NDArray[np.intp] | Int) -> Paths:
        """These paths only, in this order."""
        sizes = self.sizes[rows]
        at = np.repeat(self.offsets[rows], sizes) + _within(sizes)
        return replace(
            self,
            channel=self.channel[at],
            offsets=np.r_[0, np.cumsum(sizes)],
            conversions=self.conversions[rows],
            nulls=self.nulls[rows],
            value=None if self.value is None else self.value[rows],
            decay=None if self.decay is None else self.decay[at],
            decay_value=None if self.decay_value is None else self.decay_value[at],
        )

    def used(self) -> Paths:
        """Only the paths that any journey has."""
        weight = self.conversions + self.nulls
        return self if weight.all() else self.take(np.flatnonzero(weight))

    def converting(self) -> Paths:
        """Only the paths that led to a conversion."""
        if self.conversions.all():
            return self
        return self.take(np.flatnonzero(self.conversions))

    def journeys(self, direct: npt.NDArray[np.bool_]) -> Journeys:
        """The same paths as the rule models read them, without ages."""
        return Journeys(
            conversion=self.path_of,
            touch=np.arange(len(self.channel)),
            age_us=np.zeros(len(self.channel), dtype=np.int64),
            is_direct=direct[self.channel],
            starts=self.offsets[:-1],
            sizes=self.sizes,
            unattributed=np.zeros(0, dtype=np.int64),
        )


def is_direct(channels: Sequence[str], names: Iterable[str] | None = None) -> npt.NDArray[np.bool_]:
    """Per channel name whether it means direct."""
    if names is not None:
        wanted = set(names)
        return np.array([name in wanted for name in channels], dtype=np.bool_)
    plain = [name.lower().replace("(", "").replace(")", "").strip() for name in channels]
    return np.array([name in DIRECT_NAMES for name in plain], dtype=np.bool_)


def from_lists(
    paths: Iterable[Sequence[str]],
    conversions: Iterable[float],
    nulls: Iterable[float] | None = None,
    value: Iterable[float] | None = None,
) -> Paths:
    """Paths as lists of channel names; an empty one's conversions are unattributed.

    Without `nulls`, conversions of 0 or 1 per path mean that a 0 is a journey without one.
    """
    rows = [list(path) for path in paths]
    won = np.fromiter(conversions, dtype=np.float64)
    lost = nulls_of(won) if nulls is None else np.fromiter(nulls, dtype=np.float64)
    worth = None if value is None else np.fromiter(value, dtype=np.float64)
    names = tuple(sorted({name for row in rows for name in row}))
    code = {name: place for place, name in enumerate(names)}
    full = np.array([bool(row) for row in rows], dtype=np.bool_)
    return Paths(
        names=names,
        channel=np.array([code[name] for row in rows for name in row], dtype=np.int32),
        offsets=np.cumsum([0, *(len(row) for row in rows if row)], dtype=np.int64),
        conversions=won[full],
        nulls=lost[full],
        value=None if worth is None else worth[full],
        unattributed_conversions=sums.total(won[~full]),
        unattributed_value=0.0 if worth is None else sums.total(worth[~full]),
    )


def nulls_of(conversions: Float) -> Float:
    """Journeys without a conversion where no column tells: the zeros among zeros and ones."""
    if np.isin(conversions, (0.0, 1.0)).all():
        return 1.0 - conversions
    return np.zeros(len(conversions))


def collapse(paths: Paths) -> Paths:
    """Equal paths as one, ordered by their channels' hash: the same for any order of the input."""
    if not len(paths):
        return paths
    group, first = _groups(paths)
    size = len(first)
    one = paths.take(first)

    def summed(column: Float | None) -> Float | None:
        return None if column is None else sums.grouped(group, column, size)

    won = sums.grouped(group, paths.conversions, size)
    worth = summed(paths.value)
    decay = decay_value = None
    if paths.decay is not None:
        place = np.repeat(one.offsets[group], paths.sizes) + _within(paths.sizes)
        row = paths.path_of
        decay = _mean(place, paths.decay, paths.conversions[row], won[one.path_of])
        if paths.value is not None and worth is not None:
            by_value = paths.decay if paths.decay_value is None else paths.decay_value
            decay_value = _mean(place, by_value, paths.value[row], worth[one.path_of])
    return replace(
        one,
        conversions=won,
        nulls=sums.grouped(group, paths.nulls, size),
        value=worth,
        decay=decay,
        decay_value=decay_value,
    )


def concatenate(parts: Sequence[Paths]) -> Paths:
    """Paths of several parts that share their names, one after the other."""
    head = parts[0]
    if any(part.names != head.names for part in parts):
        raise ValueError("the parts must share their names")
    ends = np.cumsum([0, *(len(part.channel) for part in parts)])

    def joined(columns: list[Float | None]) -> Float | None:
        known = [column for column in columns if column is not None]
        return np.concatenate(known) if len(known) == len(columns) else None

    return Paths(
        names=head.names,
        channel=np.concatenate([part.channel for part in parts]),
        offsets=np.concatenate(
            [[0], *(part.offsets[1:] + end for part, end in zip(parts, ends, strict=False))]
        ).astype(np.int64),
        conversions=np.concatenate([part.conversions for part in parts]),
        nulls=np.concatenate([part.nulls for part in parts]),
        value=joined([part.value for part in parts]),
        decay=joined([part.decay for part in parts]),
        decay_value=joined([part.decay_value for part in parts]),
        unattributed_conversions=sum(part.unattributed_conversions for part in parts),
        unattributed_value=sum(part.unattributed_value for part in parts),
    )


def _within(sizes: Int) -> Int:
    """0, 1, 2, ... within each run."""
    within: Int = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return within


def _mean(place: Int, share: Float, weight: Float, whole: Float) -> Float:
    part = sums.grouped(place, share * weight, len(whole))
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole != 0)


def _groups(paths: Paths) -> tuple[Int, Int]:
    """Each path's group, groups in a canonical order, and one path of each."""
    hashed = _hashes(paths)
    _, first, group = np.unique(hashed, return_index=True, return_inverse=True)
    if not _same(paths, first[group]):
        raise ArithmeticError("two different paths have one hash; please report it")
    return group.astype(np.int64), first.astype(np.int64)


def _hashes(paths: Paths) -> npt.NDArray[np.uint64]:
    """64 bits per path, by one multiplication per position; wraps on purpose."""
    longest = int(paths.sizes.max())
    powers = np.cumprod(np.full(longest + 1, _MULTIPLIER, dtype=np.uint64))
    mixed = (paths.channel.astype(np.uint64) + np.uint64(1)) * powers[0]
    mixed ^= mixed >> np.uint64(29)
    mixed *= powers[_within(paths.sizes)]
    hashed = np.add.reduceat(mixed, paths.offsets[:-1])
    hashed ^= hashed >> np.uint64(32)
    result: npt.NDArray[np.uint64] = hashed * powers[0] + paths.sizes.astype(np.uint64)
    return result


def _same(paths: Paths, twin: npt.NDArray[np.intp]) -> bool:
    if not np.array_equal(paths.sizes, paths.sizes[twin]):
        return False
    at = np.repeat(paths.offsets[:-1][twin], paths.sizes) + _within(paths.sizes)
    return np.array_equal(paths.channel, paths.channel[at])
