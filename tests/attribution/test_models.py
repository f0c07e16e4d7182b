"""All models over paths: closed cases, properties over random journeys, the same in any order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attribution.journeys_made import Row, journeys, random_rows, to_paths
from tributary.attribution import (
    ALL_MODELS,
    Credit,
    ModelSettings,
    Paths,
    attribute_paths,
    collapse,
    concatenate,
    from_lists,
    sums,
    touch_shares,
)

PATH_MODELS = [model for model in ALL_MODELS if model != "time_decay"]
SETTINGS = ModelSettings(paid=frozenset({"c1", "c2"}))


def split(path: list[str], model: str, settings: ModelSettings | None = None) -> list[float]:
    paths = from_lists([path], [1])
    settings = settings or ModelSettings(paid=frozenset({"search", "ads"}))
    effects = attribute_paths(paths, ["markov"]).effects
    return [round(float(share), 12) for share in touch_shares(paths, model, settings, effects)]


@pytest.mark.parametrize(
    ("model", "path", "expected"),
    [
        ("first", "a b c", [1, 0, 0]),
        ("last", "a b c", [0, 0, 1]),
        ("linear", "a b c a", [0.25, 0.25, 0.25, 0.25]),
        ("last_non_direct", "a b (direct) Direct", [0, 1, 0, 0]),
        ("last_non_direct", "direct direct", [0, 1]),
        ("position_based", "a", [1]),
        ("position_based", "a b", [0.5, 0.5]),
        ("position_based", "a b c", [0.4, 0.2, 0.4]),
        ("position_based", "a b c d", [0.4, 0.1, 0.1, 0.4]),
        ("first_paid", "mail search ads mail", [0, 1, 0, 0]),
        ("last_paid", "mail search ads mail", [0, 0, 1, 0]),
        ("first_paid", "mail site", [1, 0]),
        ("last_paid", "mail site", [0, 1]),
        ("shapley", "a b a", [0.25, 0.5, 0.25]),
        ("markov", "a a", [0.5, 0.5]),
        ("markov_per_order", "a b b", [0.5, 0.25, 0.25]),
    ],
)
def test_closed_cases(model: str, path: str, expected: list[float]) -> None:
    assert split(path.split(), model) == expected


def test_position_weights_are_the_users() -> None:
    settings = ModelSettings(position=(0.5, 0.3, 0.2))
    assert split(["a", "b", "c", "d"], "position_based", settings) == [0.5, 0.15, 0.15, 0.2]


@settings(max_examples=60, deadline=None)
@given(rows=journeys(), order=st.integers(1, 4))
def test_shares_are_whole_and_conversions_and_value_are_conserved(
    rows: list[Row], order: int
) -> None:
    paths = to_paths(rows)
    chosen = replace(SETTINGS, order=order)
    result = attribute_paths(paths, PATH_MODELS, chosen)
    won, value = sum(row[1] for row in rows), sum(row[3] for row in rows if row[1])
    for model in PATH_MODELS:
        credit = result.credits[model]
        assert credit.conversions.min() >= 0
        assert credit.conversions.sum() == pytest.approx(won, rel=1e-12)
        assert result.shares(model).sum() == pytest.approx(1, abs=1e-12)
        assert credit.value is not None and credit.value.min() >= 0
        assert credit.value.sum() == pytest.approx(value, rel=1e-11, abs=1e-11)
        per_touch = touch_shares(paths, model, chosen, result.effects)
        assert per_touch.min() >= 0
        whole = np.add.reduceat(per_touch, paths.offsets[:-1])
        assert whole.tolist() == pytest.approx([1] * len(paths), abs=1e-12)
        if model != "markov":
            by_touch = per_touch * paths.conversions[paths.path_of]
            again = np.bincount(paths.channel, weights=by_touch, minlength=len(paths.names))
            assert credit.conversions.tolist() == pytest.approx(again.tolist(), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(rows=journeys(), seed=st.integers(0, 99), order=st.integers(1, 3))
def test_any_order_of_the_rows_gives_the_same_last_digit(
    rows: list[Row], seed: int, order: int
) -> None:
    shuffled = [rows[at] for at in np.random.default_rng(seed).permutation(len(rows))]
    chosen = replace(SETTINGS, order=order)
    one = attribute_paths(to_paths(rows), PATH_MODELS, chosen)
    two = attribute_paths(to_paths(shuffled), PATH_MODELS, chosen)
    fewer = attribute_paths(collapse(to_paths(shuffled)), PATH_MODELS, chosen)
    fewer_too = attribute_paths(collapse(to_paths(rows)), PATH_MODELS, chosen)
    for model in PATH_MODELS:
        assert_equal(one.credits[model], two.credits[model])
        assert_equal(fewer.credits[model], fewer_too.credits[model])
        assert fewer.credits[model].conversions == pytest.approx(
            one.credits[model].conversions, rel=1e-12
        )


def assert_equal(one: Credit, two: Credit) -> None:
    """The same to the last digit."""
    assert one.conversions.tolist() == two.conversions.tolist()
    assert one.value is not None and two.value is not None
    assert one.value.tolist() == two.value.tolist()


@settings(max_examples=40, deadline=None)
@given(rows=journeys())
def test_swapping_the_names_of_two_channels_swaps_their_credit(rows: list[Row]) -> None:
    swap = {"c0": "c1", "c1": "c0"}
    other = [([swap.get(name, name) for name in row[0]], *row[1:]) for row in rows]
    paid = ModelSettings(paid=frozenset({"c0", "c1"}))
    one = attribute_paths(to_paths(rows), PATH_MODELS, paid)
    two = attribute_paths(to_paths(other), PATH_MODELS, paid)
    for model in PATH_MODELS:
        ours = dict(zip(one.names, one.credits[model].conversions, strict=True))
        theirs = dict(zip(two.names, two.credits[model].conversions, strict=True))
        for name, credit in ours.items():
            assert theirs[swap.get(name, name)] == pytest.approx(credit, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(rows=journeys())
def test_a_channel_that_is_in_no_converting_path_gets_nothing(rows: list[Row]) -> None:
    rows = [*rows, (["dummy"], 0, 7, 0.0), (["dummy", "dummy"], 0, 1, 0.0)]
    result = attribute_paths(to_paths(rows), PATH_MODELS, SETTINGS)
    dummy = result.names.index("dummy")
    for model in PATH_MODELS:
        assert result.credits[model].conversions[dummy] == pytest.approx(0, abs=1e-12)


def test_collapsed_paths_say_the_same_and_are_fewer() -> None:
    rows = random_rows(seed=1, channels=3, rows=500, longest=4)
    paths = to_paths(rows)
    fewer = collapse(paths)
    assert len(fewer) == len({tuple(row[0]) for row in rows}) < len(paths)
    assert fewer.total_conversions == paths.total_conversions
    half = [paths.take(np.arange(250)), paths.take(np.arange(250, 500))]
    again = collapse(concatenate([collapse(part) for part in half]))
    assert again.channel.tolist() == fewer.channel.tolist()
    assert again.conversions.tolist() == fewer.conversions.tolist()
    assert again.nulls.tolist() == fewer.nulls.tolist()


def test_paths_that_differ_are_never_one() -> None:
    rows = [list(map(str, np.base_repr(number, 5))) for number in range(20_000)]
    assert len(collapse(from_lists(rows, [1] * len(rows)))) == len(rows)


def test_conversions_without_a_path_are_unattributed() -> None:
    paths = from_lists([[], ["a"], []], [1, 1, 0], value=[5.0, 7.0, 0.0])
    result = attribute_paths(paths, ["first", "markov", "shapley"])
    assert (result.unattributed_conversions, result.unattributed_value) == (1, 5)
    assert (result.total_conversions, result.total_value) == (2, 12)
    assert [float(result.shares(model)[0]) for model in result.credits] == [0.5, 0.5, 0.5]


def test_nothing_converts() -> None:
    result = attribute_paths(from_lists([["a"], ["b"]], [0, 0]), PATH_MODELS, SETTINGS)
    for model in PATH_MODELS:
        assert result.credits[model].conversions.tolist() == [0, 0]
        assert np.isnan(result.shares(model)).all()


@pytest.mark.parametrize(
    ("models", "message"),
    [(["best"], "no model 'best'"), (["time_decay"], "times"), (["last_paid"], "paid")],
)
def test_a_model_that_cannot_be_computed_is_refused_in_words(
    models: list[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        attribute_paths(from_lists([["a"]], [1]), models)


@pytest.mark.parametrize(
    ("names", "offsets"), [(("b", "a"), [0, 1]), (("a",), [0, 2]), (("a",), [0])]
)
def test_arrays_that_do_not_fit_are_refused(names: tuple[str, ...], offsets: list[int]) -> None:
    one = np.ones(1)
    with pytest.raises(ValueError, match="must"):
        Paths(names, np.zeros(1, dtype=np.int64), np.array(offsets), one, one)


@given(st.lists(st.floats(-999999995904, 999999995904, width=32), max_size=60), st.integers(0, 9))
def test_sums_do_not_depend_on_the_order_and_are_exact(values: list[float], seed: int) -> None:
    import math

    shuffled = np.random.default_rng(seed).permutation(values) if values else np.zeros(0)
    assert sums.total(np.array(values)) == sums.total(shuffled)
    largest = max((abs(value) for value in values), default=0.0)
    assert sums.total(np.array(values)) == pytest.approx(math.fsum(values), abs=largest * 1e-25)


def test_a_sum_of_infinity_is_refused() -> None:
    with pytest.raises(ArithmeticError, match="infinite"):
        sums.total(np.array([1.0, np.inf]))
