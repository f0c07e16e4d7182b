"""Splitting money: every cent is given out, once, the same way each time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tributary.attribution.money import split


def parts(value: int, shares: list[float]) -> list[int]:
    result = split(
        np.array([value], dtype=np.int64),
        np.array(shares),
        np.array([0], dtype=np.int64),
        np.array([len(shares)], dtype=np.int64),
    )
    return [int(part) for part in result]


@pytest.mark.parametrize(
    ("value", "shares", "expected"),
    [
        (100, [1 / 3] * 3, [34, 33, 33]),
        (-100, [1 / 3] * 3, [-34, -33, -33]),
        (0, [0.5, 0.5], [0, 0]),
        (1, [0.5, 0.5], [1, 0]),
        (1, [0.25, 0.5, 0.25], [0, 1, 0]),
        (1002, [0.4, 0.1, 0.1, 0.4], [401, 100, 100, 401]),
        (2, [0.4, 0.2, 0.4], [1, 0, 1]),
        (15, [0.4, *[0.2 / 3] * 3, 0.4], [6, 1, 1, 1, 6]),
    ],
)
def test_the_largest_remainders_get_the_odd_units_and_ties_the_earlier_touch(
    value: int, shares: list[float], expected: list[int]
) -> None:
    assert parts(value, shares) == expected


def test_equal_remainders_are_a_tie_although_floats_differ() -> None:
    shares = [0.1, 0.1 + 0.2, 0.6]  # of 35: 3.5, 10.500000000000002 and 21
    assert shares[1] * 35 > 10.5
    assert parts(35, shares) == [4, 10, 21]


def test_runs_do_not_mix() -> None:
    result = split(
        np.array([10, -1, 7], dtype=np.int64),
        np.array([0.5, 0.5, 1.0, 1 / 3, 1 / 3, 1 / 3]),
        np.array([0, 2, 3], dtype=np.int64),
        np.array([2, 1, 3], dtype=np.int64),
    )
    assert result.tolist() == [5, 5, -1, 3, 2, 2]


def test_shares_that_do_not_sum_to_one_are_refused() -> None:
    with pytest.raises(ArithmeticError, match="sum to 1"):
        parts(1000, [0.5, 0.4])


def test_a_value_beyond_exact_floats_is_refused() -> None:
    with pytest.raises(ArithmeticError, match="too large"):
        parts(2**53 + 1, [1.0])


@given(
    st.lists(
        st.tuples(
            st.integers(-(10**12), 10**12),
            st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=30),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_random_splits_are_exact_and_within_one_unit_of_the_share(
    cases: list[tuple[int, list[float]]],
) -> None:
    values = np.array([value for value, _ in cases], dtype=np.int64)
    sizes = np.array([len(weights) for _, weights in cases], dtype=np.int64)
    starts = np.cumsum(sizes) - sizes
    shares = np.concatenate([np.array(w) / np.sum(w) for _, w in cases])
    result = split(values, shares, starts, sizes)
    assert np.add.reduceat(result, starts).tolist() == values.tolist()
    assert (np.abs(result - shares * np.repeat(values, sizes)) < 1.001).all()
