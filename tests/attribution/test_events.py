"""Journeys from events: against the pipeline's own pairing, and the cases that it does not have."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tributary.attribution import (
    AttributionConfig,
    Channels,
    ConversionEvents,
    Conversions,
    EventJourneys,
    EventRules,
    Touches,
    TouchEvents,
    attribute,
    attribute_paths,
    journeys_of,
)
from tributary.attribution.config import DirectRule, PathTransform

DAY = 86_400_000_000
NAMES = ("a", "b", "direct")
DIRECT = np.array([False, False, True])
KINDS = ("click", "view", "email_click")
RULES = EventRules(lookback_us=(30 * DAY, DAY, 5 * DAY), views=(1,))

# (person, time in quarters of a day, channel, kind) and (person, time in quarters of a day)
Touch = tuple[int, int, int, int]
Conversion = tuple[int, int]


def events(touches: list[Touch]) -> TouchEvents:
    table = np.array(touches, dtype=np.int64).reshape(-1, 4)
    return TouchEvents(table[:, 0], table[:, 1] * (DAY // 4), table[:, 2], table[:, 3])


def orders(conversions: list[Conversion]) -> ConversionEvents:
    table = np.array(conversions, dtype=np.int64).reshape(-1, 2)
    return ConversionEvents(
        table[:, 0], table[:, 1] * (DAY // 4), np.arange(1.0, len(table) + 1) * 10
    )


def found(
    touches: list[Touch], conversions: list[Conversion], rules: EventRules = RULES
) -> EventJourneys:
    return journeys_of(NAMES, DIRECT, events(touches), orders(conversions), rules)


def as_text(result: EventJourneys) -> list[str]:
    """Each path as letters and whether it converted."""
    paths, text = result.paths, []
    for at in range(len(paths)):
        codes = paths.channel[paths.offsets[at] : paths.offsets[at + 1]]
        text.append(
            "".join(NAMES[code][0] for code in codes) + " +-"[int(2 - paths.conversions[at])]
        )
    return text


touch_lists = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 200), st.integers(0, 2), st.integers(0, 2)),
    max_size=30,
    unique_by=lambda touch: touch[:2],
)
conversion_lists = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 220)), min_size=1, max_size=8
)


@settings(max_examples=150, deadline=None)
@given(
    touches=touch_lists,
    conversions=conversion_lists,
    direct=st.sampled_from(get_args(DirectRule)),
    transform=st.sampled_from(get_args(PathTransform)),
    since_last=st.booleans(),
    most=st.sampled_from([0, 1, 3]),
)
def test_the_same_touches_count_as_in_the_pipeline_with_the_same_time_decay(
    touches: list[Touch],
    conversions: list[Conversion],
    direct: DirectRule,
    transform: PathTransform,
    since_last: bool,
    most: int,
) -> None:
    rules = replace(
        RULES, direct=direct, path_transform=transform, since_last=since_last, max_touches=most
    )
    result = journeys_of(NAMES, DIRECT, events(touches), orders(conversions), rules)
    table = events(touches)
    assert table.kind is not None
    credits = attribute(
        Touches(
            np.arange(1, len(touches) + 1),
            table.person,
            table.at_us,
            np.array([KINDS[kind] for kind in table.kind], dtype=np.str_),
            DIRECT[table.channel],
            np.zeros(len(touches), dtype=np.int64),
        ),
        Conversions(
            np.arange(1, len(conversions) + 1),
            orders(conversions).person,
            orders(conversions).at_us,
            np.full(len(conversions), 1000),
        ),
        AttributionConfig(
            direct=direct,
            path_transform=transform,
            repeat="since-last" if since_last else "overlap",
            max_touches=most,
        ),
        Channels(NAMES, table.channel),
    )
    counted = {
        (int(c) - 1, int(t) - 1): float(share)
        for c, t, share in zip(
            credits.conversion_id, credits.touch_id, credits.shares["time_decay"], strict=True
        )
        if t
    }
    assert result.paths.decay is not None
    ours = {}
    for at, conversion in enumerate(result.conversion):
        for place in range(result.paths.offsets[at], result.paths.offsets[at + 1]):
            ours[int(conversion), int(result.touch[place])] = float(result.paths.decay[place])
    assert ours.keys() == counted.keys()
    assert list(ours.values()) == pytest.approx([counted[key] for key in ours], abs=1e-12)
    assert result.paths.total_conversions == len(conversions)
    assert result.paths.total_value == sum(10 * (at + 1) for at in range(len(conversions)))


@settings(max_examples=100, deadline=None)
@given(touches=touch_lists, conversions=conversion_lists)
def test_every_touch_is_in_a_journey_or_set_aside_for_another(
    touches: list[Touch], conversions: list[Conversion]
) -> None:
    result = found(touches, conversions, EventRules((30 * DAY,) * 3, direct="as-any"))
    assert set(result.touch.tolist()) == set(range(len(touches)))
    null = result.paths.nulls[result.paths.path_of] > 0
    assert len(set(result.touch[null].tolist())) == null.sum()


@settings(max_examples=150, deadline=None)
@given(
    touches=touch_lists,
    conversions=conversion_lists,
    bounds=st.tuples(st.integers(0, 300), st.integers(0, 300)),
)
def test_journeys_that_ended_within_a_time_are_those_of_all_that_did(
    touches: list[Touch], conversions: list[Conversion], bounds: tuple[int, int]
) -> None:
    """Each without a conversion ends at the next one, or 30 days after its last touch."""
    low, high = sorted(bounds)
    every = found(touches, conversions)
    ended = (low * DAY // 4, high * DAY // 4)
    some = found(touches, conversions, replace(RULES, ended=ended))
    times = [at for _, at in conversions]
    assert some.conversion.tolist() == [c for c in every.conversion if low <= times[c] <= high]
    assert some.without.tolist() == [c for c in every.without if low <= times[c] <= high]
    expected = _without_conversion(touches, conversions)
    assert _rows(every) == [rows for rows, _ in expected]
    assert _rows(some) == [rows for rows, end in expected if low <= end <= high]


def _rows(result: EventJourneys) -> list[list[int]]:
    """The touches of each journey that did not convert."""
    offsets = result.paths.offsets[len(result.conversion) :]
    return [result.touch[a:b].tolist() for a, b in pairwise(offsets)]


def _without_conversion(
    touches: list[Touch], conversions: list[Conversion]
) -> list[tuple[list[int], int]]:
    """Journeys without a conversion, touch by touch, and when each ended."""
    lookback = [days * 4 for days in (30, 1, 5)]
    runs: list[list[int]] = []
    times: dict[int, list[int]] = {}
    for who, at in sorted(conversions):
        times.setdefault(who, []).append(at)
    for n in sorted(range(len(touches)), key=lambda n: touches[n][:2]):
        who, at, _, kind = touches[n]
        if any(0 <= sold - at <= lookback[kind] for sold in times.get(who, [])):
            continue
        before = touches[runs[-1][-1]] if runs else (-1, 0, 0, 0)
        sold_between = any(before[1] <= sold < at for sold in times.get(who, []))
        if before[0] != who or at - before[1] > 120 or sold_between:
            runs.append([])
        runs[-1].append(n)
    found = []
    for run in runs:
        who, last = touches[run[-1]][:2]
        end = min([last + 120, *(sold for sold in times.get(who, []) if sold >= last)])
        clicks = [n for n in run if touches[n][3] != 1] or run
        found.append(([n for n in clicks if not DIRECT[touches[n][2]]] or clicks, end))
    return found


@settings(max_examples=60, deadline=None)
@given(touches=touch_lists, conversions=conversion_lists, seed=st.integers(0, 99))
def test_shuffled_events_give_the_same_credits(
    touches: list[Touch], conversions: list[Conversion], seed: int
) -> None:
    random = np.random.default_rng(seed)
    models = ["first", "linear", "time_decay", "markov", "shapley"]
    one = attribute_paths(found(touches, conversions).paths, models)
    tables = events(touches), orders(conversions)
    mixed, order = random.permutation(len(touches)), random.permutation(len(conversions))
    assert tables[0].kind is not None and tables[1].value is not None
    two = attribute_paths(
        journeys_of(
            NAMES,
            DIRECT,
            TouchEvents(
                *(column[mixed] for column in (tables[0].person, tables[0].at_us)),
                tables[0].channel[mixed],
                tables[0].kind[mixed],
            ),
            ConversionEvents(
                tables[1].person[order], tables[1].at_us[order], tables[1].value[order]
            ),
            RULES,
        ).paths,
        models,
    )
    for model in models:
        assert one.credits[model].conversions.tolist() == two.credits[model].conversions.tolist()
        assert one.credits[model].value is not None and two.credits[model].value is not None
        assert one.credits[model].value.tolist() == two.credits[model].value.tolist()


def test_ties_go_by_id_and_then_by_channel() -> None:
    at = np.full(3, DAY)
    who = np.zeros(3, dtype=np.int64)
    won = ConversionEvents(np.array([0]), np.array([DAY]))
    plain = journeys_of(NAMES, DIRECT, TouchEvents(who, at, np.array([1, 0, 1])), won, EventRules())
    assert as_text(plain) == ["abb+"]
    touches = TouchEvents(who, at, np.array([1, 0, 1]), tie=np.array([5, 9, 2]))
    result = journeys_of(NAMES, DIRECT, touches, won, EventRules())
    assert result.touch.tolist() == [2, 0, 1]


def test_journeys_without_a_conversion_are_kept_apart() -> None:
    touches = [(0, 0, 0, 0), (0, 8, 1, 0), (0, 400, 0, 0), (0, 404, 1, 0), (1, 4, 2, 0)]
    # Person 0 buys at day 2.5; what comes later, and who never bought, leads to nothing.
    assert as_text(found(touches, [(0, 10)])) == ["ab+", "ab-", "d-"]
    assert as_text(found(touches, [])) == ["ab-", "ab-", "d-"]
    # A conversion between two touches parts them although it is too late for the first.
    far = [(0, 0, 0, 0), (0, 130, 1, 0)]
    assert as_text(found(far, [(0, 125)])) == ["a-", "b-"]
    gap = EventRules((40 * DAY,) * 3)
    assert as_text(found([(0, 0, 0, 0), (0, 130, 1, 0)], [], gap)) == ["ab-"]


def test_direct_and_views_stand_back_but_never_for_a_journey_of_their_own() -> None:
    touches = [(0, 0, 2, 0), (0, 1, 0, 0), (0, 2, 2, 0), (1, 0, 2, 0), (1, 1, 2, 0), (2, 8, 0, 1)]
    result = found(touches, [(0, 4), (1, 4), (2, 10)])
    assert as_text(result) == ["a+", "dd+", "a+"]
    assert as_text(found([(0, 0, 2, 0), (0, 1, 0, 0)], [])) == ["a-"]


def test_the_windows_edges() -> None:
    touches = [(0, 0, 0, 0), (0, 120, 1, 0)]
    assert as_text(found(touches, [(0, 120)])) == ["ab+"]
    assert as_text(found([(0, 0, 0, 0)], [(0, 121)])) == ["a-"]
    assert found([(0, 9, 0, 0)], [(0, 8)]).without.tolist() == [0]


def test_a_person_unknown_or_without_touches_is_unattributed() -> None:
    result = found([(0, 1, 0, 0)], [(0, 2), (7, 2), (-1, 2)])
    assert result.without.tolist() == [1, 2]
    assert (result.paths.unattributed_conversions, result.paths.unattributed_value) == (2, 50)
    assert found([], [(0, 2)]).paths.total_conversions == 1


def test_many_people_need_a_second_sort() -> None:
    touches = TouchEvents(
        np.array([1 << 61, 0, 1 << 61]) // (1 << 59), np.array([5, 1, 3]) * DAY, np.array([0, 1, 1])
    )
    won = ConversionEvents(np.array([4]), np.array([9 * DAY]))
    assert as_text(journeys_of(NAMES, DIRECT, touches, won, EventRules())) == ["ba+", "b-"]
