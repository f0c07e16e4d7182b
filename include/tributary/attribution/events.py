"""Touches and conversions as arrays of events -> journeys, with those that did not convert.

A touch counts for a conversion of its person when it is not after it and within the lookback; one
touch may count for several. Views count only where nothing else does, direct touches and repeated
channels by the rules. What counted for no conversion makes journeys without one: a new one begins
after each conversion of the person and after a gap longer than the lookback.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tributary.attribution import sums, unconverted
from tributary.attribution.config import DirectRule, PathTransform
from tributary.attribution.journeys import DAY_US, conversion_before
from tributary.attribution.paths import Paths
from tributary.attribution.stays import last_of_each, unless_last, unless_others, without_repeats
from tributary.attribution.unconverted import NEVER, Stay

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.integer]
# A conversion, a touch before it by its place, and the microseconds between them.
Pairs = tuple[Int, Int, Int]

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
    """Which touches count. `lookback_us` per kind, `views` the kinds that are views.

    `since_last`: a journey begins after the person's conversion before. Of a journey longer than
    `max_touches` the last ones count, 0 for all. `ended`: only journeys that ended within these two
    instants, with their conversion; or without, at the person's next conversion or when the longest
    lookback had passed. What counted for a conversion at any time makes no other journey.
    """

    lookback_us: tuple[int, ...] = (30 * DAY_US,)
    views: tuple[int, ...] = ()
    direct: DirectRule = "ignore-if-other"
    path_transform: PathTransform = "unique"
    half_life_days: float = 7.0
    since_last: bool = False
    max_touches: int = 0
    ended: tuple[int, int] | None = None


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
    pairs = row, place, conversions.at_us[row] - at[place]
    if kind is not None:
        lookback = np.array(rules.lookback_us, dtype=np.int64)
        pairs = _only(pairs, pairs[2] <= lookback[kind[place]])
    used = np.zeros(len(order), dtype=np.bool_)
    used[pairs[1]] = True
    weak = []
    if kind is not None and rules.views:
        weak.append(np.isin(np.arange(len(rules.lookback_us)), rules.views)[kind])
    channel = touches.channel[order]
    if rules.direct == "ignore-if-other":
        weak.append(direct[channel])
    stays = list(_stays(channel, direct, rules))
    pairs = _counting(pairs, at, conversions, weak, stays, rules)
    runs = unconverted.journeys(
        (person, at),
        used,
        (conversions.person, conversions.at_us, high),
        max(rules.lookback_us, default=0),
        rules.ended,
    )
    nulls = unconverted.counting(runs, weak, stays)
    found = _assemble(names, touches, conversions, rules, order, pairs, nulls)
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


def _stays(channel: Codes, direct: Bool, rules: EventRules) -> Iterator[Stay]:
    """What stays of touches that count at all, rule after rule; `channel` by place."""
    if rules.direct == "ignore-if-last":
        yield lambda run, place: unless_last(run, direct[channel[place]])
    if rules.path_transform != "unique":
        yield lambda run, place: without_repeats(run, channel[place], rules.path_transform)
    if rules.max_touches:
        yield lambda run, place: last_of_each(run, rules.max_touches)


def _counting(
    pairs: Pairs,
    at: Int,
    conversions: ConversionEvents,
    weak: Sequence[Bool],
    stays: Sequence[Stay],
    rules: EventRules,
) -> Pairs:
    """Pairs that count: weak touches only where there is nothing else, then what stays."""
    size = len(conversions.person)
    if rules.ended is not None:
        pairs = _only(pairs, _asked(conversions, rules)[pairs[0]])
    if rules.since_last:
        before = conversion_before(conversions.person, conversions.at_us)
        pairs = _only(pairs, at[pairs[1]] > before[pairs[0]])
    for column in weak:
        pairs = _only(pairs, unless_others(pairs[0], column[pairs[1]], size))
    for stay in stays:
        pairs = _only(pairs, stay(pairs[0], pairs[1]))
    return pairs


def _asked(conversions: ConversionEvents, rules: EventRules) -> Bool:
    """The conversions whose journeys are asked for."""
    after, until = rules.ended or (-NEVER, NEVER)
    asked: Bool = (conversions.at_us >= after) & (conversions.at_us <= until)
    return asked


def _only(pairs: Pairs, keep: Bool) -> Pairs:
    row, place, age = pairs
    return row[keep], place[keep], age[keep]


def _assemble(
    names: tuple[str, ...],
    touches: TouchEvents,
    conversions: ConversionEvents,
    rules: EventRules,
    order: Int,
    pairs: Pairs,
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
    without = np.flatnonzero(~has & _asked(conversions, rules))
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
