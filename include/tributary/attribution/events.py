"""Touches and conversions as arrays of events -> journeys, with those that did not convert.

A touch counts for a conversion of its person when it is not after it and within the lookback; one
touch may count for several. Views count only where nothing else does, direct touches likewise
unless told otherwise. What counted for no conversion makes journeys without one: a new one begins
after each conversion of the person and after a gap longer than the lookback.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tributary.attribution import sums
from tributary.attribution.journeys import DAY_US
from tributary.attribution.paths import Paths

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.integer]

_KEY_BITS = 62


# Pairs of a conversion and a touch before it that are looked at together (some 50 bytes each).
MOST_PAIRS = 150_000_000


class TooManyPairsError(ValueError):
    """One `person` is a hub: their touches times their conversions do not fit into memory."""

    def __init__(self, person: int) -> None:
        super().__init__(f"person {person} has too many touches and conversions")
        self.person = person


@dataclass(frozen=True)
class TouchEvents:
    """Columns of equal length, any order. `person` are codes from 0, shared with the conversions;
    `channel` are codes into sorted names; times are microseconds UTC. `kind` codes into the
    lookbacks of the rules. Touches of one instant go by `tie` (their id,
    0 for none), then by channel."""

    person: Int
    at_us: Int
    channel: Codes
    kind: Codes | None = None
    tie: Int | None = None


@dataclass(frozen=True)
class ConversionEvents:
    """Columns of equal length, any order; `person` -1 for one whose person is not known."""

    person: Int
    at_us: Int
    value: Float | None = None


@dataclass(frozen=True)
class EventRules:
    """Which touches count. `lookback_us` per kind, `view` the kind that is a view (-1: none)."""

    lookback_us: tuple[int, ...] = (30 * DAY_US,)
    view: int = -1
    ignore_direct: bool = True
    half_life_days: float = 7.0


@dataclass(frozen=True)
class EventJourneys:
    """Paths, converting ones first in the order of their conversions, and where they come from.

    `conversion` is the conversion of each of the first paths, `touch` the event of each touch of
    the paths, `without` the conversions that no touch counts for, `too_old` how many of those have
    earlier touches beyond the lookback, `repeated` how many touches are there twice.
    """

    paths: Paths
    conversion: Int
    touch: Int
    without: Int
    too_old: int = 0
    repeated: int = 0


def journeys_of(
    names: tuple[str, ...],
    direct: Bool,
    touches: TouchEvents,
    conversions: ConversionEvents,
    rules: EventRules,
) -> EventJourneys:
    """All journeys; the same for any order of the events, but for the order of the paths.

    TooManyPairsError where that is more than can be held.
    """
    every = _by_person_and_time(touches)
    order = _once(touches, every)
    person, at = touches.person[order], touches.at_us[order]
    kind = None if touches.kind is None else touches.kind[order]
    low, high = _windows(person, at, conversions, max(rules.lookback_us, default=0))
    if int((high - low).sum()) > MOST_PAIRS:
        raise TooManyPairsError(int(conversions.person[int((high - low).argmax())]))
    row = np.repeat(np.arange(len(low)), high - low)
    place = np.repeat(low - np.cumsum(high - low) + (high - low), high - low) + np.arange(len(row))
    age = conversions.at_us[row] - at[place]
    if kind is not None:
        near = age <= np.array(rules.lookback_us, dtype=np.int64)[kind[place]]
        row, place, age = row[near], place[near], age[near]
    used = np.zeros(len(order), dtype=np.bool_)
    used[place] = True
    weak = direct[touches.channel[order]] if rules.ignore_direct else None
    keep = _counting(row, place, kind, rules.view, weak, len(low))
    if keep is not None:
        row, place, age = row[keep], place[keep], age[keep]
    left, starts = _without_conversion(person, at, high, used, max(rules.lookback_us, default=0))
    if kind is not None and rules.view >= 0:
        left, starts = _drop_weak(left, starts, kind == rules.view)
    if weak is not None:
        left, starts = _drop_weak(left, starts, weak)
    found = _assemble(names, touches, conversions, rules, order, (row, place, age), (left, starts))
    before = high[found.without]
    known = before > 0
    known[known] = person[before[known] - 1] == conversions.person[found.without[known]]
    return replace(found, too_old=int(known.sum()), repeated=len(every) - len(order))


def _by_person_and_time(touches: TouchEvents) -> Int:
    """The touches by person, time, tie and channel; by one integer sort where that is possible."""
    size = len(touches.person)
    if not size:
        return np.zeros(0, dtype=np.int64)
    bits = max(size - 1, 1).bit_length()
    in_time = np.arange(size)
    if (touches.at_us[1:] < touches.at_us[:-1]).any():
        in_time = np.argsort(touches.at_us, kind="stable")
    people = int(touches.person.max()) + 1
    if people.bit_length() + bits <= _KEY_BITS:
        key = (touches.person[in_time] << bits) | np.arange(size)
        key.sort()
        order = in_time[key & ((1 << bits) - 1)]
    else:
        order = in_time[np.argsort(touches.person[in_time], kind="stable")]
    return _settle_ties(touches, order)


def _settle_ties(touches: TouchEvents, order: Int) -> Int:
    """Touches of one person at one instant in the order of their tie and channel."""
    person, at = touches.person[order], touches.at_us[order]
    same = (person[1:] == person[:-1]) & (at[1:] == at[:-1])
    if not same.any():
        return order
    tied = np.flatnonzero(np.r_[same, False] | np.r_[False, same])
    rows = order[tied]
    instant = np.cumsum(~np.r_[False, same])[tied]
    keys: list[Codes] = [touches.channel[rows]]
    if touches.kind is not None:
        keys.insert(0, touches.kind[rows])
    if touches.tie is not None:
        keys.append(touches.tie[rows])
    settled = order.copy()
    settled[tied] = rows[np.lexsort((*keys, instant))]
    return settled


def _once(touches: TouchEvents, order: Int) -> Int:
    """Without those that repeat the one before them: its person, instant, channel and id."""
    if touches.tie is None:
        return order
    again = touches.tie[order[1:]] != 0
    for column in (touches.person, touches.at_us, touches.channel, touches.tie):
        again &= column[order[1:]] == column[order[:-1]]
    return order[~np.r_[False, again][: len(order)]] if again.any() else order


def _windows(
    person: Int, at: Int, conversions: ConversionEvents, lookback_us: int
) -> tuple[Int, Int]:
    """Per conversion the run of its person's touches within the lookback, up to its own instant."""
    people = int(person[-1]) + 1 if len(person) else 0
    begins = np.searchsorted(person, np.arange(people + 1)) if people else np.zeros(1, np.int64)
    known = (conversions.person >= 0) & (conversions.person < people)
    who = np.where(known, conversions.person, 0)
    begin = np.where(known, begins[who], 0)
    end = np.where(known, begins[np.minimum(who + 1, people)], 0)
    low = _bisect(at, begin, end, conversions.at_us - lookback_us - 1)
    return low, _bisect(at, low, end, conversions.at_us)


def _bisect(values: Int, low: Int, high: Int, limit: Int) -> Int:
    """Per row the first place in its run low..high whose value is above the limit."""
    low, high = low.copy(), high.copy()
    if not len(values):
        return low
    while True:
        open_ = low < high
        if not open_.any():
            return low
        middle = (low + high) // 2
        below = open_ & (values[np.minimum(middle, len(values) - 1)] <= limit)
        low = np.where(below, middle + 1, low)
        high = np.where(open_ & ~below, middle, high)


def _counting(
    row: Int, place: Int, kind: Codes | None, view: int, weak: Bool | None, conversions: int
) -> Bool | None:
    """Pairs that count: views and direct touches only where there is nothing else."""
    keep = None
    if kind is not None and view >= 0:
        keep = _unless_others(row, kind[place] == view, conversions)
    if weak is not None:
        if keep is None:
            return _unless_others(row, weak[place], conversions)
        kept = np.flatnonzero(keep)
        keep[kept] = _unless_others(row[kept], weak[place[kept]], conversions)
    return keep


def _unless_others(row: Int, is_weak: Bool, conversions: int) -> Bool:
    has_other = np.zeros(conversions, dtype=np.bool_)
    has_other[row[~is_weak]] = True
    kept: Bool = ~(is_weak & has_other[row])
    return kept


def _without_conversion(
    person: Int, at: Int, high: Int, used: Bool, lookback_us: int
) -> tuple[Int, Int]:
    """Touches that counted for nothing, and where among them each journey begins."""
    left = np.flatnonzero(~used)
    if not len(left):
        return left, np.zeros(0, dtype=np.int64)
    converted = np.cumsum(np.bincount(high, minlength=len(person) + 1))[left]
    new = np.ones(len(left), dtype=np.bool_)
    new[1:] = person[left[1:]] != person[left[:-1]]
    new[1:] |= at[left[1:]] - at[left[:-1]] > lookback_us
    new[1:] |= converted[1:] != converted[:-1]
    return left, np.flatnonzero(new)


def _drop_weak(left: Int, starts: Int, weak: Bool) -> tuple[Int, Int]:
    """Weak touches go where their journey has another."""
    if not len(left):
        return left, starts
    sizes = np.diff(np.r_[starts, len(left)])
    is_weak = weak[left]
    other = np.add.reduceat((~is_weak).astype(np.int64), starts) > 0
    keep = ~(is_weak & np.repeat(other, sizes))
    kept = np.add.reduceat(keep.astype(np.int64), starts)
    return left[keep], np.cumsum(kept) - kept


def _assemble(
    names: tuple[str, ...],
    touches: TouchEvents,
    conversions: ConversionEvents,
    rules: EventRules,
    order: Int,
    pairs: tuple[Int, Int, Int],
    nulls: tuple[Int, Int],
) -> EventJourneys:
    row, place, age = pairs
    left, left_starts = nulls
    touch = order[np.concatenate([place, left])]
    has = np.zeros(len(conversions.person), dtype=np.bool_)
    has[row] = True
    won, lost = np.flatnonzero(has), len(left_starts)
    starts = np.flatnonzero(np.r_[True, row[1:] != row[:-1]][: len(row)])
    value = conversions.value
    decay = np.zeros(len(touch))
    if len(row):
        decay[: len(row)] = _decay(age, starts, len(row), rules.half_life_days)
    without = np.flatnonzero(~has)
    paths = Paths(
        names=names,
        channel=touches.channel[touch],
        offsets=np.concatenate([starts, left_starts + len(row), [len(touch)]]).astype(np.int64),
        conversions=np.r_[np.ones(len(won)), np.zeros(lost)],
        nulls=np.r_[np.zeros(len(won)), np.ones(lost)],
        value=None if value is None else np.r_[value[won], np.zeros(lost)],
        decay=decay,
        unattributed_conversions=float(len(without)),
        unattributed_value=0.0 if value is None else sums.total(value[without]),
    )
    return EventJourneys(paths, won, touch, without)


def _decay(age: Int, starts: Int, size: int, half_life_days: float) -> Float:
    """Half as much per half-life of age; measured from the youngest touch, so that none is 0/0."""
    sizes = np.diff(np.r_[starts, size])
    youngest = np.repeat(np.minimum.reduceat(age, starts), sizes)
    weight = np.exp2((youngest - age) / (DAY_US * half_life_days))
    whole = np.add.reduceat(weight, starts)
    share: Float = weight / np.repeat(whole, sizes)
    return share
