"""The calibration has the sandbox's world and its exact truth, and intervals hold what they say."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from bench.calibration.__main__ import expected
from bench.calibration.repeated import MODELS, repeat
from bench.calibration.world import incremental, law, sample
from tributary.sandbox.catalog import NORDLICHT
from tributary.sandbox.people import Purchase, Visit, born_on, life


def test_a_sample_follows_the_law_and_no_lift_means_fewer_orders() -> None:
    world = law()
    people = 60_000
    error = 4 * np.sqrt(0.25 / people)
    paths = sample(world, people, np.random.default_rng(1))
    assert paths.conversions.sum() / people == pytest.approx(world.chance(), abs=error)
    assert paths.nulls.sum() == people - paths.conversions.sum()
    assert paths.decay is not None
    assert np.add.reduceat(paths.decay, paths.offsets[:-1]) == pytest.approx(np.ones(people))
    effects = incremental(world)
    for channel in (0, int(effects.argmax())):
        without = sample(world.without_lift(channel), people, np.random.default_rng(2))
        lost = (paths.conversions.sum() - without.conversions.sum()) / people
        assert lost == pytest.approx(effects[channel], abs=2 * error)
    assert (effects > 0).all() and effects.sum() < world.chance() / 3


def test_the_law_is_the_sandboxs() -> None:
    """Its people until their first order, but for the few of special kinds."""
    world, visits, orders, people = law(), 0, 0, 0
    for day in range(60):
        for person, channel in born_on(5, NORDLICHT, date(2026, 3, 1) + timedelta(days=day)):
            if person.special >= 0:
                continue
            people += 1
            for event in life(person, channel):
                if isinstance(event, Purchase):
                    orders += 1
                    break
                visits += isinstance(event, Visit) and not event.is_payment_return
    assert people > 2_000
    assert orders / people == pytest.approx(world.chance(), abs=4 * np.sqrt(0.25 / people))
    paths = sample(world, 20_000, np.random.default_rng(3))
    assert visits / people == pytest.approx(len(paths.channel) / 20_000, rel=0.08)


@pytest.mark.prove
def test_nine_in_ten_intervals_hold_the_repeated_sample_value() -> None:
    """Within four standard deviations of a binomial; those of models on one sample move together,
    so only samples and channels count as independent."""
    samples, draws = 100, 100
    found = repeat(samples, people=2_000, draws=draws)
    channels, chance = len(found.names), expected(draws)
    spread = np.sqrt(chance * (1 - chance) / samples)
    proven = 0
    for model in MODELS:
        held = found.held(model)
        proven += held.size
        assert (abs(held.mean(axis=0) - chance) <= 4 * spread).all(), (model, held.sum(axis=0))
        assert abs(held.mean() - chance) <= 4 * spread / np.sqrt(channels), model
    assert proven == 8_100
    # What the intervals are there for: half as wide, they would not hold.
    low, high = found.low["markov"], found.high["markov"]
    mean = found.shares["markov"].mean(axis=0)
    narrow = abs(mean - (low + high) / 2) <= (high - low) / 4
    assert narrow.mean() < 0.7
