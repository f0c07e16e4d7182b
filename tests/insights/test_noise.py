"""Where nothing happens, the rule about moved channels keeps quiet as often as it says it does."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pytest

from tests.insights.support import END, store
from tributary.insights import Point
from tributary.insights.moved import FALSE_ALARMS, WEEK, find
from tributary.insights.statistics import HISTORY, Kind, baseline, critical, poisson, wilson

Floats = npt.NDArray[np.float64]
STORES, CHANNELS = 200, 20
DAYS = HISTORY + WEEK
WEEKDAY = np.arange(DAYS) % 7
PATTERN = np.array([1.0, 0.9, 0.9, 1.0, 1.1, 1.2, 1.3])[WEEKDAY]


def false_alarms(values: Floats, kind: Kind) -> float:
    """Share of stores with any alarm in seven days of all channels; all of them are false."""
    history = np.lib.stride_tricks.sliding_window_view(values[..., :-1], HISTORY, axis=-1)
    found = baseline(history, values[..., HISTORY:], kind)
    tested = np.isfinite(found.score)
    assert tested.any(axis=(1, 2)).all()
    needed = critical(found.freedom, CHANNELS * WEEK, FALSE_ALARMS)
    return float((np.abs(found.score) > needed).any(axis=(1, 2)).mean())


def means(rng: np.random.Generator) -> Floats:
    """From one visit every other day to 300 a day, with a weekly rhythm."""
    level = np.exp(rng.uniform(np.log(0.5), np.log(300), (STORES, CHANNELS, 1)))
    return np.asarray(level * PATTERN)


def noise(name: str, rng: np.random.Generator) -> tuple[Floats, Kind]:
    mean = means(rng)
    match name:
        case "poisson":
            return rng.poisson(mean).astype(float), "count"
        case "clumped counts":
            return rng.negative_binomial(4, 4 / (4 + mean)).astype(float), "count"
        case "money":
            return mean * np.exp(0.3 * rng.standard_normal(mean.shape)), "money"
        case "weekly budgets":
            weeks = rng.uniform(0.6, 1.4, (STORES, CHANNELS, DAYS // 7)).repeat(7, -1)
            return mean * weeks * rng.uniform(0.85, 1.15, mean.shape), "money"
    fee = mean * np.exp(0.3 * rng.standard_normal(mean.shape))
    return np.where(WEEKDAY[-1] == WEEKDAY, fee, 0.0), "money"


@pytest.mark.parametrize(
    "name", ["poisson", "clumped counts", "money", "weekly budgets", "fee once a week"]
)
def test_twenty_channels_of_noise_alarm_in_at_most_one_week_of_twenty(name: str) -> None:
    found = false_alarms(*noise(name, np.random.default_rng(11)))
    # Three standard errors of a share of 5 % among 200 stores.
    assert found <= FALSE_ALARMS + 3 * np.sqrt(FALSE_ALARMS * (1 - FALSE_ALARMS) / STORES)


def test_one_weekday_three_times_as_noisy_stays_a_rare_alarm() -> None:
    rng = np.random.default_rng(12)
    sigma = np.where(WEEKDAY == 0, 3.0, 1.0) * 0.8
    values = np.square(np.maximum(10 + sigma * rng.standard_normal((STORES, CHANNELS, DAYS)), 0))
    assert false_alarms(values, "count") <= 0.2


def test_the_whole_rule_is_as_quiet() -> None:
    rng = np.random.default_rng(13)
    alarmed = 0
    for _ in range(20):
        mean = np.exp(rng.uniform(np.log(2), np.log(200), (CHANNELS, 1)))
        drawn = rng.poisson(mean * np.ones(91))
        points = [
            Point("visits", f"c{c}", "", END - timedelta(days=91 - n), int(drawn[c, n]))  # type: ignore[arg-type]
            for c in range(CHANNELS)
            for n in range(91)
        ]
        alarmed += bool(list(find(store(points))))
    assert alarmed <= 3


@pytest.mark.parametrize(("mean", "least"), [(15, 0.5), (25, 0.9), (50, 0.99)])
def test_a_channel_that_goes_dark_is_seen(mean: int, least: float) -> None:
    rng = np.random.default_rng(14)
    values = rng.poisson(mean * PATTERN, (STORES, DAYS)).astype(float)
    values[:, -1] = rng.poisson(mean * 0.1, STORES)
    found = baseline(values[:, -HISTORY - 1 : -1], values[:, -1], "count")
    needed = critical(found.freedom, CHANNELS * WEEK, FALSE_ALARMS)
    assert (found.score < -needed).mean() >= least


def test_intervals_are_the_published_ones() -> None:
    # Garwood 1936 and Wilson 1927, as printed in textbooks.
    assert poisson(0, 0.95) == pytest.approx((0.0, 3.6889), abs=1e-4)
    assert poisson(10, 0.95) == pytest.approx((4.7954, 18.3904), abs=1e-4)
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)
