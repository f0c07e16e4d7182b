"""The sandbox's Markov is another program than the package's, and agrees with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from tributary.attribution import ModelSettings, attribute_paths, from_lists
from tributary.sandbox.catalog import STORES
from tributary.sandbox.truth import MARKOV, cells
from tributary.sandbox.truth_markov import Learned, learned, parts, removal_effects
from tributary.sandbox.world import World

NOON = datetime(2026, 8, 20, 12, tzinfo=UTC)


def before(days: float) -> datetime:
    return NOON - timedelta(days=days)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_both_solve_the_same_chain(order: int) -> None:
    random = Random(order)
    paths = [tuple(random.choices("abcde", k=random.randint(1, 6))) for _ in range(600)]
    won = [random.random() < 0.2 + 0.3 * ("c" in path) for path in paths]
    found = Learned(
        tuple(p for p, w in zip(paths, won, strict=True) if w),
        tuple(p for p, w in zip(paths, won, strict=True) if not w),
        0,
    )
    effects = attribute_paths(
        from_lists(paths, [float(w) for w in won]), ("markov",), ModelSettings(order=order)
    ).effects
    assert effects is not None
    mine = removal_effects(found, order)
    assert list(mine) == list(effects.names)
    assert list(mine.values()) == pytest.approx(effects.conversions.tolist(), abs=1e-12)
    assert min(mine.values()) > 0.1


def test_a_chain_by_hand() -> None:
    """a -> b converts, a alone does not: both channels are in every order."""
    found = Learned((("a", "b"),), (("a",), ("b",)), 0)
    # P = 2/3 start at a, half go on; b converts half of the time: 2/3 * 1/2 * 1/2 + 1/3 * 1/2.
    assert removal_effects(found, 1) == pytest.approx({"a": 1 - (1 / 6) / (1 / 3), "b": 1.0})
    assert parts(["a", "b", "b"], 100, {"a": 0.5, "b": 1.0}) == [34, 33, 33]
    assert parts(["a", "b"], -101, {"a": 1.0, "b": 1.0}) == [-51, -50]


def test_journeys_are_learned_from_when_they_ended() -> None:
    people = [
        ([(before(100), "x")], []),
        ([(before(45), "a"), (before(44), "direct")], [before(19)]),
        ([(before(40), "b")], []),
        ([(before(10), "b")], []),
        ([(before(50), "c")], [before(15)]),
        ([(before(1), "direct")], [NOON]),
    ]
    found = learned(people, "direct")
    assert found.won == (("a",), ("direct",))
    assert found.lost == (("x",), ("b",), ("c",))
    assert found.unattributed == 1


def test_markov_gives_out_the_revenue_that_linear_gives_out(world: World) -> None:
    found = cells(world, dict.fromkeys(STORES, 1))
    for store in STORES:
        sums = {
            measure: sum(v for k, v in found.items() if (k.store, k.measure) == (store, measure))
            for measure in (MARKOV, "revenue_linear")
        }
        assert sums[MARKOV] == sums["revenue_linear"] > 10_000
    alike = cells(world, dict.fromkeys(STORES, 0))
    linear = {(k.store, k.day, k.channel): v for k, v in alike.items() if k.measure == MARKOV}
    assert linear == {
        (k.store, k.day, k.channel): v for k, v in alike.items() if k.measure == "revenue_linear"
    }
    assert linear != {
        (k.store, k.day, k.channel): v for k, v in found.items() if k.measure == MARKOV
    }
