"""The rule models: each gives every touch of a journey a share, and a journey's shares sum to 1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tributary.attribution.config import AttributionConfig
from tributary.attribution.journeys import DAY_US, Journeys

Shares = npt.NDArray[np.float64]


def first(journeys: Journeys, config: AttributionConfig) -> Shares:
    """All to the earliest touch."""
    shares = np.zeros(len(journeys.touch))
    shares[journeys.starts] = 1.0
    return shares


def last(journeys: Journeys, config: AttributionConfig) -> Shares:
    """All to the latest touch."""
    shares = np.zeros(len(journeys.touch))
    shares[journeys.starts + journeys.sizes - 1] = 1.0
    return shares


def last_non_direct(journeys: Journeys, config: AttributionConfig) -> Shares:
    """All to the latest touch that is not direct; to the latest of all where every touch is."""
    if not len(journeys.touch):
        return np.zeros(0)
    places = np.arange(len(journeys.touch))
    strong = np.where(journeys.is_direct, -1, places)
    latest = np.maximum.reduceat(strong, journeys.starts)
    shares = np.zeros(len(places))
    shares[np.where(latest < 0, journeys.starts + journeys.sizes - 1, latest)] = 1.0
    return shares


def linear(journeys: Journeys, config: AttributionConfig) -> Shares:
    """Equal shares."""
    return np.repeat(1.0 / journeys.sizes, journeys.sizes)


def time_decay(journeys: Journeys, config: AttributionConfig) -> Shares:
    """Half as much per half-life of age at the conversion's time, in fractional days."""
    if not len(journeys.touch):
        return np.zeros(0)
    youngest = np.minimum.reduceat(journeys.age_us, journeys.starts)
    age_days = (journeys.age_us - np.repeat(youngest, journeys.sizes)) / DAY_US
    weights = np.exp2(-age_days / config.half_life_days)
    totals = np.add.reduceat(weights, journeys.starts)
    shares: Shares = weights / np.repeat(totals, journeys.sizes)
    return shares


def position_based(journeys: Journeys, config: AttributionConfig) -> Shares:
    """40 % first, 20 % over the middle, 40 % last; one touch has all, two have half each."""
    head, middle, tail = config.position
    sizes = np.repeat(journeys.sizes, journeys.sizes)
    shares = middle / np.maximum(sizes - 2, 1)
    shares[journeys.starts] = head
    shares[journeys.starts + journeys.sizes - 1] = tail
    shares[sizes == 1] = 1.0
    shares[sizes == 2] = 0.5
    return shares


MODELS: dict[str, Callable[[Journeys, AttributionConfig], Shares]] = {
    "first": first,
    "last": last,
    "last_non_direct": last_non_direct,
    "linear": linear,
    "time_decay": time_decay,
    "position_based": position_based,
}
