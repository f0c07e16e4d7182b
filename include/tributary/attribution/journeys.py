"""Joins touches to conversions: which touches of a person count for which conversion.

A touch counts when it is not after the conversion and within its lookback, and if so configured
not before the person's last conversion. Views count only where nothing else does; direct touches
and repeated channels as configured. Of a very long journey the last touches count. Touches of one
instant are ordered by id. The touches of other visit sources and excluded channels are left out
before this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tributary.attribution.config import AttributionConfig
from tributary.attribution.stays import (
    last_of_each,
    unless_last,
    unless_others,
    without_repeats,
)

Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.integer]
DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Touches:
    """Columns of equal length, any order. `person` is a code shared with Conversions, times are
    microseconds UTC, `lookback_days` overrides the evidence type's where it is above 0."""

    touch_id: Int
    person: Int
    occurred_at_us: Int
    evidence_type: npt.NDArray[np.str_]
    is_direct: Bool
    lookback_days: Int


@dataclass(frozen=True)
class Conversions:
    """Columns of equal length, any order. `value_minor` is in units of the smallest money split."""

    conversion_id: Int
    person: Int
    converted_at_us: Int
    value_minor: Int


@dataclass(frozen=True)
class Journeys:
    """Counting (conversion, touch) pairs, grouped by conversion in time order, and who has none.

    `conversion` and `touch` index the inputs; `starts` and `sizes` give each conversion's run.
    """

    conversion: Int
    touch: Int
    age_us: Int
    is_direct: Bool
    starts: Int
    sizes: Int
    unattributed: Int


def pair(
    touches: Touches,
    conversions: Conversions,
    config: AttributionConfig,
    channel: Codes | None = None,
) -> Journeys:
    """All counting pairs; conversions in the order of their ids.

    `channel` codes that of each touch; only a path transform asks for it. ValueError where that is
    missing, and for an evidence type that `config` has no lookback for.
    """
    lookback_us = _lookback_us(touches, config)
    who = np.argsort(conversions.conversion_id, kind="stable")
    order, lo, hi = _ranges(touches, conversions, who, int(lookback_us.max(initial=0)))
    conversion, touch = _expand(order, lo, hi, who)
    age = conversions.converted_at_us[conversion] - touches.occurred_at_us[touch]
    keep = age <= lookback_us[touch]
    if config.repeat == "since-last":
        before = conversion_before(conversions.person, conversions.converted_at_us)
        keep &= touches.occurred_at_us[touch] > before[conversion]
    conversion, touch, age = conversion[keep], touch[keep], age[keep]
    for stays in _stays(touches, config, channel, len(who)):
        keep = stays(conversion, touch)
        conversion, touch, age = conversion[keep], touch[keep], age[keep]
    starts = np.flatnonzero(np.r_[True, conversion[1:] != conversion[:-1]][: len(conversion)])
    sizes = np.diff(np.r_[starts, len(conversion)])
    has = np.zeros(len(who), dtype=np.bool_)
    has[conversion] = True
    return Journeys(
        conversion=conversion,
        touch=touch,
        age_us=age,
        is_direct=touches.is_direct[touch],
        starts=starts.astype(np.int64),
        sizes=sizes.astype(np.int64),
        unattributed=who[~has[who]],
    )


def _stays(
    touches: Touches, config: AttributionConfig, channel: Codes | None, conversions: int
) -> Iterator[Callable[[Int, Int], Bool]]:
    """What of (conversion, touch) pairs stays, rule after rule."""
    yield lambda run, touch: unless_others(run, touches.evidence_type[touch] == "view", conversions)
    if config.direct == "ignore-if-other":
        yield lambda run, touch: unless_others(run, touches.is_direct[touch], conversions)
    if config.direct == "ignore-if-last":
        yield lambda run, touch: unless_last(run, touches.is_direct[touch])
    if config.path_transform != "unique":
        if channel is None:
            raise ValueError(f"path transform {config.path_transform} needs the touches' channels")
        yield lambda run, touch: without_repeats(run, channel[touch], config.path_transform)
    if config.max_touches:
        yield lambda run, touch: last_of_each(run, config.max_touches)


def _lookback_us(touches: Touches, config: AttributionConfig) -> Int:
    days = np.zeros(len(touches.touch_id), dtype=np.int64)
    known = np.zeros(len(days), dtype=np.bool_)
    for evidence, default in config.lookback_days.items():
        rows = touches.evidence_type == evidence
        days[rows], known = default, known | rows
    if not known.all():
        unknown = sorted(set(touches.evidence_type[~known].tolist()))
        raise ValueError(f"no lookback for evidence types {unknown}")
    return np.where(touches.lookback_days > 0, touches.lookback_days, days) * DAY_US


def _ranges(
    touches: Touches, conversions: Conversions, who: Int, longest_us: int
) -> tuple[Int, Int, Int]:
    """Touches sorted by person, time and id, and each conversion's run within the longest lookback.

    One sort of the touches with two markers per conversion: its earliest instant, which precedes
    the touches of that instant, and its own, which follows them.
    """
    mine = np.flatnonzero(np.isin(touches.person, conversions.person))
    person, at = conversions.person[who], conversions.converted_at_us[who]
    first, last = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    markers, end = len(who), len(who) + len(mine)
    placed = np.lexsort(
        (
            np.r_[np.full(markers, first), touches.touch_id[mine], np.full(markers, last)],
            np.r_[at - longest_us, touches.occurred_at_us[mine], at],
            np.r_[person, touches.person[mine], person],
        )
    )
    is_touch = (placed >= markers) & (placed < end)
    touches_before = np.empty(len(placed), dtype=np.int64)
    touches_before[placed] = np.cumsum(is_touch)
    order = mine[placed[is_touch] - markers]
    return order, touches_before[:markers], touches_before[end:]


def _expand(order: Int, lo: Int, hi: Int, who: Int) -> tuple[Int, Int]:
    counts = hi - lo
    conversion = np.repeat(who, counts)
    within = np.arange(len(conversion)) - np.repeat(np.cumsum(counts) - counts, counts)
    return conversion, order[np.repeat(lo, counts) + within]


def conversion_before(person: Int, at_us: Int) -> Int:
    """Per conversion the time of its person's conversion before it, at another instant."""
    earliest = np.iinfo(np.int64).min
    order = np.lexsort((at_us, person))
    person, at = person[order], at_us[order]
    if not len(order):
        return np.zeros(0, dtype=np.int64)
    new_person = np.r_[True, person[1:] != person[:-1]]
    new_instant = new_person | np.r_[True, at[1:] != at[:-1]]
    before = np.where(new_person, earliest, np.r_[earliest, at[:-1]])
    first_of_instant = np.maximum.accumulate(np.where(new_instant, np.arange(len(order)), 0))
    found = np.empty(len(order), dtype=np.int64)
    found[order] = before[first_of_instant]
    return found
