"""Shapley against enumeration of all orders of the players, and against tables of 2^n worths."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings

from tests.attribution.journeys_made import Row, journeys, random_rows, to_paths
from tributary.attribution import (
    coalition_game,
    coalitions_of,
    from_lists,
    shapley_by_position,
    shapley_exact,
    shapley_sampled,
    shapley_values,
    subset_sums,
)

Table = npt.NDArray[np.float64]


def by_all_orders(game: Table) -> list[float]:
    """The definition: each player's mean gain over all orders in which players may come."""
    players = len(game).bit_length() - 1
    values, orders = [0.0] * players, list(permutations(range(players)))
    for order in orders:
        mask = 0
        for player in order:
            values[player] += (game[mask | 1 << player] - game[mask]) / len(orders)
            mask |= 1 << player
    return values


def worth(rows: list[Row], names: tuple[str, ...]) -> Table:
    """v(S) straight from the journeys."""
    return np.array(
        [
            sum(
                row[1]
                for row in rows
                if {names.index(name) for name in row[0]}
                <= {bit for bit in range(len(names)) if mask >> bit & 1}
            )
            for mask in range(1 << len(names))
        ],
        dtype=float,
    )


@settings(max_examples=30, deadline=None)
@given(rows=journeys(channels=5))
def test_equal_split_is_the_definition(rows: list[Row]) -> None:
    sets = coalitions_of(to_paths(rows))
    game = worth(rows, sets.names)
    assert coalition_game(sets).tolist() == game.tolist()
    won, value = shapley_values(sets)
    assert won.tolist() == pytest.approx(by_all_orders(game), abs=1e-10)
    assert won.tolist() == pytest.approx(shapley_exact(game).tolist(), abs=1e-10)
    assert value is not None
    assert value.sum() == pytest.approx(sum(row[3] for row in rows if row[1]), rel=1e-12)


def test_eight_channels_against_all_40320_orders() -> None:
    rows = random_rows(seed=8, channels=8, rows=60)
    sets = coalitions_of(to_paths(rows))
    assert len(sets.names) == 8
    expected = by_all_orders(worth(rows, sets.names))
    assert shapley_values(sets)[0].tolist() == pytest.approx(expected, abs=1e-9)


def test_twenty_channels_by_subset_sums() -> None:
    sets = coalitions_of(to_paths(random_rows(seed=20, channels=20, rows=3_000)))
    won, _ = shapley_values(sets)
    assert np.abs(shapley_exact(coalition_game(sets)) - won).max() < 1e-9
    assert won.sum() == pytest.approx(sets.conversions.sum(), abs=1e-9)


def test_more_channels_than_a_word_has_bits() -> None:
    rows = random_rows(seed=6, channels=90, rows=500, longest=12)
    sets = coalitions_of(to_paths(rows))
    assert len(sets.names) == 90
    expected = dict.fromkeys(sets.names, 0.0)
    for path, conversions, *_ in rows:
        for name in set(path):
            expected[name] += conversions / len(set(path))
    assert shapley_values(sets)[0].tolist() == pytest.approx(list(expected.values()), abs=1e-9)
    with pytest.raises(ValueError, match="a table holds up to 26"):
        coalition_game(sets)


def test_symmetric_channels_get_the_same_and_a_dummy_gets_nothing() -> None:
    paths = from_lists(
        [["a", "b"], ["b", "a", "a"], ["a"], ["b"], ["d"]], [4, 3, 2, 2, 0], [0, 1, 5, 5, 9]
    )
    won, _ = shapley_values(coalitions_of(paths))
    assert paths.names == ("a", "b", "d")
    assert won[0] == won[1] == 5.5
    assert won[2] == 0.0


def test_the_ordered_variant_sums_to_the_unordered_one() -> None:
    rows = random_rows(seed=9, channels=7, rows=300)
    paths = to_paths(rows)
    placed = shapley_by_position(paths)
    won, _ = shapley_values(coalitions_of(paths))
    assert placed.sum(axis=1).tolist() == pytest.approx(won.tolist(), abs=1e-9)
    by_hand = shapley_by_position(from_lists([["a", "b", "a", "c"], ["b"]], [3, 5]))
    assert by_hand.tolist() == [[1, 0, 0], [5, 1, 0], [0, 0, 1]]


def test_a_game_of_your_own_glove_market() -> None:
    # One left glove (a), two right gloves (b, c): only a pair is worth anything.
    game = np.array([0, 0, 0, 1, 0, 1, 0, 1], dtype=float)
    assert shapley_exact(game).tolist() == pytest.approx([2 / 3, 1 / 6, 1 / 6])
    assert shapley_exact(game).tolist() == pytest.approx(by_all_orders(game))


def test_subset_sums_by_definition() -> None:
    amounts = np.random.default_rng(1).integers(0, 9, 32).astype(float)
    expected = [
        sum(amounts[part] for part in range(32) if part & mask == part) for mask in range(32)
    ]
    assert subset_sums(amounts).tolist() == expected


def test_sampling_states_an_error_that_holds() -> None:
    random = np.random.default_rng(2)
    weights, bonus = random.uniform(0, 5, 30), random.uniform(0, 2, (30, 30))

    def game(members: npt.NDArray[np.bool_]) -> Table:
        one = members.astype(float)
        return one @ weights + np.einsum("ri,ij,rj->r", one, bonus, one)

    # A pair's bonus is shared equally by the two.
    exact = weights + (bonus + bonus.T).sum(axis=1) / 2
    for orders, seed in ((50, 1), (400, 2)):
        found = shapley_sampled(game, 30, orders, seed)
        assert found.values.sum() == pytest.approx(game(np.ones((1, 30), dtype=bool))[0])
        assert (np.abs(found.values - exact) <= 4.5 * found.standard_error + 1e-9).all()
    again = shapley_sampled(game, 30, 400, 2)
    assert again.values.tolist() == found.values.tolist()
    with pytest.raises(ValueError, match="at least 2"):
        shapley_sampled(game, 30, 1, 0)


@pytest.mark.parametrize("size", [3, 6, 1 << 27])
def test_a_table_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="2\\^n entries"):
        shapley_exact(np.broadcast_to(np.zeros(1), size))
