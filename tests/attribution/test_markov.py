"""Markov against three other ways to the same number: a solve per channel, simulation, by hand."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings

from tests.attribution.journeys_made import Row, journeys, random_rows, to_paths
from tributary.attribution import (
    ModelSettings,
    attribute_paths,
    choose_order,
    count,
    from_lists,
    markov,
    removal_effects,
)

State = tuple[str, ...]


def states_of(path: list[str], order: int) -> list[State]:
    if len(path) < order:
        return [tuple(path)]
    return [tuple(path[at : at + order]) for at in range(len(path) - order + 1)]


def dense_effects(rows: list[Row], order: int) -> dict[str, tuple[float, float]]:
    """Removal effects by one dense solve per channel, from plain dictionaries."""
    steps: dict[tuple[State, State], float] = defaultdict(float)
    start: dict[State, float] = defaultdict(float)
    won: dict[State, float] = defaultdict(float)
    worth: dict[State, float] = defaultdict(float)
    leaving: dict[State, float] = defaultdict(float)
    for path, conversions, nulls, value in rows:
        states, weight = states_of(path, order), conversions + nulls
        start[states[0]] += weight
        for one, other in pairwise(states):
            steps[one, other] += weight
        for state in states:
            leaving[state] += weight
        won[states[-1]] += conversions
        worth[states[-1]] += value if conversions else 0.0
    known = sorted(state for state in leaving if leaving[state])
    place = {state: number for number, state in enumerate(known)}

    def ahead(without: str | None, reward: dict[State, float]) -> float:
        matrix, right = np.eye(len(known)), np.zeros(len(known))
        for (one, other), weight in steps.items():
            if weight and without not in one and without not in other:
                matrix[place[one], place[other]] -= weight / leaving[one]
        for state in known:
            if without not in state:
                right[place[state]] = reward[state] / leaving[state]
        solved = np.linalg.solve(matrix, right)
        return sum(start[s] * solved[place[s]] for s in known if without not in s)

    names = sorted({name for path, *_ in rows for name in path})
    whole, money = ahead(None, won), ahead(None, worth)
    return {
        name: (
            1 - ahead(name, won) / whole,
            1 - ahead(name, worth) / money if money else 0.0,
        )
        for name in names
    }


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@settings(max_examples=25, deadline=None)
@given(rows=journeys())
def test_removal_effects_equal_a_dense_solve_per_channel(order: int, rows: list[Row]) -> None:
    expected = dense_effects(rows, order)
    effects = removal_effects(count(to_paths(rows), order))
    assert effects.value is not None
    for name, won, worth in zip(effects.names, effects.conversions, effects.value, strict=True):
        assert won == pytest.approx(expected[name][0], abs=1e-11)
        assert worth == pytest.approx(expected[name][1], abs=1e-9)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_closed_form_sparse_and_dense_agree_on_a_larger_chain(
    order: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = random_rows(seed=order, channels=5, rows=300)
    chain = count(to_paths(rows), order)
    expected = dense_effects(rows, order)
    found = removal_effects(chain)
    monkeypatch.setattr("tributary.attribution.markov._DENSE_STATES", 0)
    monkeypatch.setattr("tributary.attribution.markov._SMALL_CELLS", 0)
    sparse = removal_effects(chain)
    assert np.abs(sparse.conversions - found.conversions).max() < 1e-12
    for name, effect in zip(found.names, found.conversions, strict=True):
        assert effect == pytest.approx(expected[name][0], abs=1e-12)


def test_a_simulation_of_a_known_chain_comes_to_the_same_effects() -> None:
    names, ends = ["a", "b", "c"], 5
    chance = {  # to a, b, c, conversion, null
        "a": [0.1, 0.3, 0.2, 0.1, 0.3],
        "b": [0.2, 0.0, 0.3, 0.2, 0.3],
        "c": [0.1, 0.1, 0.2, 0.4, 0.2],
    }
    random, paths, won = np.random.default_rng(3), [], []
    for _ in range(20_000):
        path = [names[random.integers(0, 3)]]
        while (step := int(random.choice(ends, p=chance[path[-1]]))) < 3:
            path.append(names[step])
        paths.append(path)
        won.append(int(step == 3))
    converting = [path for path, yes in zip(paths, won, strict=True) if yes]
    simulated = np.array([sum(name in path for path in converting) for name in names])
    effects = removal_effects(count(from_lists(paths, won)))
    # The counted chain is nearly the known one, so the paths through a channel are its effect.
    assert effects.conversions == pytest.approx(simulated / len(converting), abs=0.015)


def test_effects_by_hand() -> None:
    # Half the journeys come by a alone and convert; b leads to a or to nothing.
    paths = from_lists([["a"], ["b", "a"], ["b"]], [2, 1, 0], [0, 0, 1], [20.0, 70.0, 0.0])
    effects = removal_effects(count(paths))
    assert effects.conversions.tolist() == pytest.approx([1.0, 1 / 3])
    # A conversion out of a is worth 30 whatever came before.
    assert effects.value is not None
    assert effects.value.tolist() == pytest.approx([1.0, 1 / 3])
    credit = attribute_paths(paths, ["markov", "markov_per_order"]).credits
    assert credit["markov"].conversions.tolist() == pytest.approx([9 / 4, 3 / 4])
    # Two orders are a's own; the third is shared 3 : 1.
    assert credit["markov_per_order"].conversions.tolist() == pytest.approx([2.75, 0.25])


def test_journeys_that_lead_nowhere_matter() -> None:
    paths = [["a", "b"], ["b"], ["c", "a"]]
    without = removal_effects(count(from_lists(paths, [5, 5, 5], [0, 0, 0])))
    lossy = removal_effects(count(from_lists(paths, [5, 5, 5], [0, 100, 0])))
    # Half of those at a go on to b, where 10 of 10 or 10 of 110 convert.
    assert without.conversions[0] == pytest.approx(10 / 15)
    assert lossy.conversions[0] == pytest.approx((5 + 5 * 10 / 110) / 15)


def test_a_channel_in_every_path_and_no_conversions_at_all() -> None:
    alone = removal_effects(count(from_lists([["a"], ["a", "a"]], [1, 2], [3, 0])))
    assert alone.conversions.tolist() == pytest.approx([1.0])
    nothing = removal_effects(count(from_lists([["a"], ["b"]], [0, 0], [3, 1])))
    assert nothing.conversions.tolist() == [0.0, 0.0]
    assert nothing.weights.tolist() == [0.5, 0.5]


def test_long_loops_are_solved_to_the_last_digits() -> None:
    rows: list[Row] = [(["a"] * 400 + ["b"], 1, 3, 10.0), (["b", "a"] * 200, 2, 9, 10.0)]
    for order in (2, 3):
        expected = dense_effects(rows, order)
        found = removal_effects(count(to_paths(rows), order))
        for name, effect in zip(found.names, found.conversions, strict=True):
            assert effect == pytest.approx(expected[name][0], abs=1e-10)


def test_counts_come_out_of_every_state_as_they_go_in() -> None:
    chain = count(to_paths(random_rows(seed=4, channels=5, rows=200)), 2)
    into = np.bincount(chain.target, weights=chain.count, minlength=len(chain.states))
    assert (chain.start + into).tolist() == chain.leaving.tolist()
    assert chain.start.sum() == chain.conversions.sum() + chain.nulls.sum()


def test_an_order_or_channels_beyond_the_limits_are_refused_in_words() -> None:
    paths = from_lists([["a"]], [1])
    with pytest.raises(ValueError, match="order must be 1 to 4"):
        count(paths, 5)
    many = from_lists([[f"c{number}" for number in range(10_000)]], [1])
    with pytest.raises(ValueError, match="too many for order 4"):
        count(many, 4)


def test_the_order_that_made_the_journeys_is_found() -> None:
    random = np.random.default_rng(5)
    plain, paired = [], []
    for _ in range(3_000):
        size = int(random.geometric(0.25))
        plain.append([f"c{number}" for number in random.integers(0, 3, size)])
        path = [int(number) for number in random.integers(0, 3, size)]
        for at in range(2, size):
            path[at] = path[at - 2] if random.random() < 0.9 else path[at]
        paired.append([f"c{number}" for number in path])
    won = (random.random(3_000) < 0.3).astype(int)
    assert choose_order(from_lists(plain, won)).order == 1
    choice = choose_order(from_lists(paired, won))
    assert choice.order == 2
    assert len(choice.likelihood) == 4
    result = attribute_paths(from_lists(paired, won), ["markov"], ModelSettings(order="auto"))
    assert result.chain is not None and result.chain.order == 2


def test_effects_that_are_all_nothing_share_equally() -> None:
    assert markov.normalised(np.zeros(4)).tolist() == [0.25] * 4
    effects = replace(removal_effects(count(from_lists([["a"]], [1]))), conversions=np.array([0.0]))
    assert effects.weights.tolist() == [1.0]
