"""Rule models: closed cases by hand, properties over random journeys, and an independent oracle."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tributary.attribution import (
    MODELS,
    AttributionConfig,
    Conversions,
    Credits,
    Touches,
    attribute,
)

DAY = 86_400_000_000
CONFIG = AttributionConfig()

# (touch_id, person, time in days, evidence, is_direct, lookback_days)
Touch = tuple[int, int, float, str, bool, int]
# (conversion_id, person, time in days, minor units)
Conversion = tuple[int, int, float, int]


def run(
    touches: list[Touch], conversions: list[Conversion], config: AttributionConfig = CONFIG
) -> Credits:
    def ints(values: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array(values, dtype=np.int64)

    return attribute(
        Touches(
            ints([t[0] for t in touches]),
            ints([t[1] for t in touches]),
            ints([round(t[2] * DAY) for t in touches]),
            np.array([t[3] for t in touches], dtype=np.str_),
            np.array([t[4] for t in touches], dtype=np.bool_),
            ints([t[5] for t in touches]),
        ),
        Conversions(
            ints([c[0] for c in conversions]),
            ints([c[1] for c in conversions]),
            ints([round(c[2] * DAY) for c in conversions]),
            ints([c[3] for c in conversions]),
        ),
        config,
    )


def table(credits: Credits, model: str) -> dict[tuple[int, int], tuple[float, int]]:
    return {
        (int(c), int(t)): (float(s), int(a))
        for c, t, s, a in zip(
            credits.conversion_id,
            credits.touch_id,
            credits.shares[model],
            credits.amounts[model],
            strict=True,
        )
    }


def click(touch_id: int, day: float, direct: bool = False) -> Touch:
    return (touch_id, 1, day, "click", direct, 0)


def test_one_touch_takes_all_under_every_model() -> None:
    credits = run([click(7, 1)], [(1, 1, 2, 999)])
    for model in MODELS:
        assert table(credits, model) == {(1, 7): (1.0, 999)}


def test_two_touches_split_position_based_in_half() -> None:
    credits = run([click(7, 1), click(8, 2)], [(1, 1, 3, 1001)])
    assert table(credits, "position_based") == {(1, 7): (0.5, 501), (1, 8): (0.5, 500)}
    assert table(credits, "first") == {(1, 7): (1.0, 1001), (1, 8): (0.0, 0)}
    assert table(credits, "last") == {(1, 7): (0.0, 0), (1, 8): (1.0, 1001)}


def test_four_touches_split_by_position_and_linear_cents_go_to_the_earliest() -> None:
    credits = run([click(i, i) for i in (1, 2, 3, 4)], [(1, 1, 5, 1002)])
    assert [a for _, a in table(credits, "position_based").values()] == [401, 100, 100, 401]
    assert [a for _, a in table(credits, "linear").values()] == [251, 251, 250, 250]


def test_time_decay_halves_per_seven_days_counted_in_fractions() -> None:
    credits = run([click(1, 10.0), click(2, 13.5)], [(1, 1, 17.0, 10_000)])
    older, newer = table(credits, "time_decay").values()
    assert older[0] / newer[0] == pytest.approx(2**-0.5, rel=1e-12)


def test_direct_counts_only_where_nothing_else_does() -> None:
    mixed = run([click(1, 1), click(2, 2, direct=True)], [(1, 1, 3, 100)])
    assert table(mixed, "last") == {(1, 1): (1.0, 100)}
    alone = run([click(2, 2, direct=True)], [(1, 1, 3, 100)])
    assert table(alone, "last") == {(1, 2): (1.0, 100)}


def test_last_non_direct_passes_over_direct_when_direct_counts_as_any() -> None:
    config = AttributionConfig(direct="as-any")
    credits = run([click(1, 1), click(2, 2, direct=True)], [(1, 1, 3, 100)], config)
    assert table(credits, "last") == {(1, 1): (0.0, 0), (1, 2): (1.0, 100)}
    assert table(credits, "last_non_direct") == {(1, 1): (1.0, 100), (1, 2): (0.0, 0)}


def test_a_touch_after_the_conversion_or_before_the_lookback_does_not_count() -> None:
    touches = [click(1, 9.999), click(2, 10), click(3, 40), click(4, 40.001)]
    credits = run(touches, [(1, 1, 40, 100)])
    assert sorted(t for _, t in table(credits, "linear")) == [2, 3]


@pytest.mark.parametrize(
    ("evidence", "days"), [("email_click", 5), ("view", 1), ("coupon", 30), ("visit", 30)]
)
def test_the_lookback_depends_on_the_evidence(evidence: str, days: int) -> None:
    inside: Touch = (1, 1, 100 - days, evidence, False, 0)
    outside: Touch = (1, 1, 100 - days - 0.001, evidence, False, 0)
    assert list(table(run([inside], [(1, 1, 100, 5)]), "last")) == [(1, 1)]
    assert list(table(run([outside], [(1, 1, 100, 5)]), "last")) == [(1, 0)]


def test_a_files_own_lookback_outranks_the_default() -> None:
    old: Touch = (1, 1, 0, "click", False, 366)
    assert list(table(run([old], [(1, 1, 365, 5)]), "last")) == [(1, 1)]


def test_views_count_only_where_nothing_else_does() -> None:
    view: Touch = (9, 1, 2.5, "view", False, 0)
    assert list(table(run([click(1, 1), view], [(1, 1, 3, 5)]), "last")) == [(1, 1)]
    assert list(table(run([view], [(1, 1, 3, 5)]), "last")) == [(1, 9)]


def test_an_order_without_touches_is_unattributed_and_keeps_its_value() -> None:
    credits = run([], [(1, 1, 3, 5), (2, 2, 3, -7)])
    assert table(credits, "time_decay") == {(1, 0): (1.0, 5), (2, 0): (1.0, -7)}


def test_touches_of_one_instant_are_ordered_by_id() -> None:
    credits = run([click(9, 1), click(3, 1)], [(1, 1, 2, 10)])
    assert table(credits, "first")[(1, 3)] == (1.0, 10)


def test_each_order_of_a_person_has_its_own_journey() -> None:
    touches: list[Touch] = [
        (1, -(2**62), 0, "click", False, 0),
        (2, -(2**62), 20, "click", False, 0),
        (3, 2**62, 21, "click", False, 0),
    ]
    credits = run(touches, [(5, -(2**62), 31, 100), (6, -(2**62), 10, 30), (7, 2**62, 10, 1)])
    assert table(credits, "linear") == {(5, 2): (1.0, 100), (6, 1): (1.0, 30), (7, 0): (1.0, 1)}


@pytest.mark.parametrize("evidence", ["survey", "marketplace"])
def test_a_survey_or_marketplace_counts_for_the_order_itself_only(evidence: str) -> None:
    touches: list[Touch] = [(1, 1, 2, evidence, False, 0), (2, 1, 3, evidence, False, 0)]
    assert list(table(run(touches, [(1, 1, 3, 5)]), "linear")) == [(1, 2)]


def test_nothing_in_gives_nothing_out() -> None:
    credits = run([click(1, 1)], [])
    assert len(credits.conversion_id) == 0
    assert {model: len(amounts) for model, amounts in credits.amounts.items()} == dict.fromkeys(
        ["first", "last", "last_non_direct", "linear", "time_decay", "position_based"], 0
    )


def test_an_unknown_evidence_type_is_refused() -> None:
    with pytest.raises(ValueError, match="smoke"):
        run([(1, 1, 1, "smoke", False, 0)], [(1, 1, 2, 5)])


touch_lists = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.integers(0, 60),
        st.sampled_from(["click", "visit", "view", "email_click"]),
        st.booleans(),
    ),
    max_size=25,
)
conversion_lists = st.lists(
    st.tuples(st.integers(1, 5), st.integers(0, 60), st.integers(-500, 100_000)), max_size=6
)


@settings(max_examples=150, deadline=None)
@given(touch_lists, conversion_lists, st.randoms(use_true_random=False))
def test_random_journeys_conserve_and_ignore_order(touches, conversions, shuffler) -> None:  # type: ignore[no-untyped-def]
    touch_rows = [(i + 1, p, float(d), e, direct, 0) for i, (p, d, e, direct) in enumerate(touches)]
    conversion_rows = [(i + 1, p, float(d), v) for i, (p, d, v) in enumerate(conversions)]
    credits = run(touch_rows, conversion_rows)
    expected = oracle(touch_rows, conversion_rows)
    shuffled_touches, shuffled_conversions = touch_rows[:], conversion_rows[:]
    shuffler.shuffle(shuffled_touches)
    shuffler.shuffle(shuffled_conversions)
    again = run(shuffled_touches, shuffled_conversions)
    for model in MODELS:
        rows = table(credits, model)
        assert rows == table(again, model)
        sums: dict[int, float] = defaultdict(float)
        money: dict[int, int] = defaultdict(int)
        for (conversion, _), (share, amount) in rows.items():
            assert share >= 0
            sums[conversion] += share
            money[conversion] += amount
        assert money == {c[0]: c[3] for c in conversion_rows}
        assert all(abs(total - 1) < 1e-12 for total in sums.values())
        if model != "time_decay":
            assert {k: a for k, (_, a) in rows.items()} == expected[model]
    decayed = decay_oracle(touch_rows, conversion_rows)
    values = {c[0]: c[3] for c in conversion_rows}
    rows = table(credits, "time_decay")
    assert rows.keys() == decayed.keys()
    for (conversion, touch), (share, amount) in rows.items():
        exact = decayed[(conversion, touch)]
        assert abs(Decimal(share) - exact) < Decimal("1e-12")
        assert abs(amount - exact * values[conversion]) < 1


def oracle(
    touches: list[Touch], conversions: list[Conversion]
) -> dict[str, dict[tuple[int, int], int]]:
    """The exact rules over fractions, one conversion at a time."""
    result: dict[str, dict[tuple[int, int], int]] = defaultdict(dict)
    for conversion_id, person, at, value in conversions:
        path = counting(touches, person, at)
        n = len(path)
        if n == 0:
            for model in ("first", "last", "last_non_direct", "linear", "position_based"):
                result[model][(conversion_id, 0)] = value
            continue
        only = [Fraction(0)] * n
        shares = {
            "first": [Fraction(1), *only[1:]],
            "last": [*only[1:], Fraction(1)],
            "linear": [Fraction(1, n)] * n,
            "position_based": [Fraction(1)]
            if n == 1
            else [Fraction(1, 2)] * 2
            if n == 2
            else [Fraction(2, 5), *[Fraction(1, 5) / (n - 2)] * (n - 2), Fraction(2, 5)],
        }
        shares["last_non_direct"] = shares["last"]
        for model, parts in shares.items():
            for touch, amount in zip(path, largest_remainder(value, parts), strict=True):
                result[model][(conversion_id, touch[0])] = amount
    return result


def counting(touches: list[Touch], person: int, at: float) -> list[Touch]:
    """The touches that count for a conversion, in order of time and id."""
    lookback = {"click": 30, "visit": 30, "view": 1, "email_click": 5}
    path = sorted(
        (t for t in touches if t[1] == person and 0 <= at - t[2] <= lookback[t[3]]),
        key=lambda t: (t[2], t[0]),
    )
    path = [t for t in path if t[3] != "view"] or path
    return [t for t in path if not t[4]] or path


def decay_oracle(
    touches: list[Touch], conversions: list[Conversion]
) -> dict[tuple[int, int], Decimal]:
    """Time decay's shares to 28 digits."""
    shares: dict[tuple[int, int], Decimal] = {}
    for conversion_id, person, at, _ in conversions:
        path = counting(touches, person, at)
        weights = [Decimal(2) ** (-(Decimal(at) - Decimal(t[2])) / 7) for t in path]
        for touch, weight in zip(path, weights, strict=True):
            shares[(conversion_id, touch[0])] = weight / sum(weights)
        if not path:
            shares[(conversion_id, 0)] = Decimal(1)
    return shares


def largest_remainder(value: int, parts: list[Fraction]) -> list[int]:
    exact = [part * abs(value) for part in parts]
    floors = [int(e) for e in exact]
    order = sorted(range(len(parts)), key=lambda i: (-(exact[i] - floors[i]), i))
    for i in order[: abs(value) - sum(floors)]:
        floors[i] += 1
    return [f if value >= 0 else -f for f in floors]


def test_the_oracle_itself_splits_a_known_case() -> None:
    assert largest_remainder(100, [Fraction(1, 3)] * 3) == [34, 33, 33]
