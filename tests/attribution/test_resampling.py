"""The bootstrap: reproducible, the same in any order, and as wide as repeated samples."""

from __future__ import annotations

import numpy as np
import pytest

from tests.attribution.journeys_made import random_rows, to_paths
from tributary.attribution import (
    ModelSettings,
    Paths,
    attribute_paths,
    bootstrap,
    count,
    from_lists,
)

MODELS = ["first", "linear", "position_based", "shapley", "markov", "markov_per_order"]


def sample(random: np.random.Generator, size: int) -> Paths:
    """Journeys of a known world: three channels, `c` converts best."""
    paths, won = [], []
    for _ in range(size):
        path = [
            str(name) for name in random.choice(["a", "b", "c"], random.geometric(0.5), p=CHANCE)
        ]
        paths.append(path)
        won.append(int(random.random() < 0.05 + 0.25 * ("c" in path)))
    return from_lists(paths, won)


CHANCE = [0.5, 0.3, 0.2]


def test_the_same_seed_and_any_order_of_rows_give_the_same_intervals() -> None:
    rows = random_rows(seed=3, channels=4, rows=80)
    one = bootstrap(to_paths(rows), MODELS, ModelSettings(), draws=30, seed=7)
    two = bootstrap(to_paths(rows[::-1]), MODELS, ModelSettings(), draws=30, seed=7)
    other = bootstrap(to_paths(rows), MODELS, ModelSettings(), draws=30, seed=8)
    for model in MODELS:
        assert one[model].p05.tolist() == two[model].p05.tolist()
        assert one[model].p95.tolist() == two[model].p95.tolist()
        assert one[model].p50.tolist() != other[model].p50.tolist()
        assert (one[model].p05 <= one[model].p50).all()
        assert (one[model].p50 <= one[model].p95).all()
        assert (one[model].rank_stability <= 1).all()


@pytest.mark.parametrize("order", [1, 2])
def test_a_draw_computes_what_the_models_compute(order: int) -> None:
    paths = to_paths(random_rows(seed=4, channels=4, rows=60))
    # All journeys of one path: every draw is the whole.
    certain = from_lists([["a", "b", "a"]], [40], [0])
    fixed = bootstrap(certain, MODELS, ModelSettings(order=order), draws=3)
    point = attribute_paths(certain, MODELS, ModelSettings(order=order))
    for model in MODELS:
        assert fixed[model].p05.tolist() == pytest.approx(point.shares(model).tolist(), abs=1e-12)
        assert fixed[model].rank_stability.tolist() == [1, 1]
    many = bootstrap(
        paths, MODELS, ModelSettings(order=order), draws=200, chain=count(paths, order)
    )
    whole = attribute_paths(paths, MODELS, ModelSettings(order=order))
    for model in MODELS:
        assert many[model].p50.tolist() == pytest.approx(whole.shares(model).tolist(), abs=0.03)


def test_both_ways_to_draw_have_the_same_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = sample(np.random.default_rng(1), 2_000)
    one = bootstrap(paths, ["linear"], ModelSettings(), draws=400)["linear"]
    monkeypatch.setattr("tributary.attribution.resampling._JOURNEYS_PER_CELL", 0)
    two = bootstrap(paths, ["linear"], ModelSettings(), draws=400)["linear"]
    assert (one.p95 - one.p05).tolist() == pytest.approx((two.p95 - two.p05).tolist(), rel=0.25)


def test_the_interval_holds_the_long_run_share_about_nine_times_in_ten() -> None:
    truth = attribute_paths(sample(np.random.default_rng(99), 20_000), MODELS)
    held, cells = 0, 0
    for seed in range(12):
        paths = sample(np.random.default_rng(seed), 1_500)
        intervals = bootstrap(paths, MODELS, ModelSettings(), draws=80, seed=seed)
        for model in MODELS:
            share, interval = truth.shares(model), intervals[model]
            held += int(((interval.p05 <= share) & (share <= interval.p95)).sum())
            cells += len(share)
    assert cells == 216
    assert 0.83 <= held / cells <= 0.96


def test_unattributed_conversions_are_drawn_too() -> None:
    paths = from_lists([["a"], []], [50, 50])
    interval = bootstrap(paths, ["first"], ModelSettings(), draws=100)["first"]
    assert interval.p05[0] < 0.5 < interval.p95[0]


def test_an_order_still_to_be_chosen_and_no_draws_are_refused() -> None:
    paths = from_lists([["a"]], [1])
    with pytest.raises(ValueError, match="fitted chain"):
        bootstrap(paths, ["markov"], ModelSettings(order="auto"), draws=2)
    with pytest.raises(ValueError, match="at least one draw"):
        bootstrap(paths, ["markov"], ModelSettings(), draws=0)
