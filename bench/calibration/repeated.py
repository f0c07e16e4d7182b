"""Many samples of one world: each model's shares, and the bootstrap's intervals around them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.calibration.world import incremental, law, sample
from tributary.attribution import ModelSettings, attribute_paths, bootstrap

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

MODELS = (
    "first",
    "last",
    "last_non_direct",
    "linear",
    "time_decay",
    "position_based",
    "markov",
    "markov_per_order",
    "shapley",
)


@dataclass(frozen=True)
class Repeated:
    """Per model, samples (rows) by channels: the shares, and the ends of their intervals.

    `true` is each channel's part of what all channels add.
    """

    names: tuple[str, ...]
    true: Float
    added: float
    shares: dict[str, Float]
    low: dict[str, Float]
    high: dict[str, Float]

    def held(self, model: str) -> Bool:
        """Which intervals hold the mean share over the samples."""
        mean = self.shares[model].mean(axis=0)
        found: Bool = (self.low[model] <= mean) & (mean <= self.high[model])
        return found

    def rmse(self, model: str) -> float:
        """Of one sample's shares to the true ones, in shares."""
        return float(np.sqrt(((self.shares[model] - self.true) ** 2).mean()))

    def bias(self, model: str) -> float:
        """The same of the mean over the samples: what more journeys do not cure."""
        return float(np.sqrt(((self.shares[model].mean(axis=0) - self.true) ** 2).mean()))

    def rank(self, model: str) -> float:
        """Mean rank correlation (Spearman) of one sample's shares with the true ones."""
        place = np.argsort(np.argsort(self.true))
        places = np.argsort(np.argsort(self.shares[model], axis=1), axis=1)
        size = len(place)
        apart = ((places - place) ** 2).sum(axis=1)
        return float((1 - 6 * apart / (size * (size**2 - 1))).mean())


def repeat(
    samples: int,
    people: int,
    draws: int,
    seed: int = 0,
    models: tuple[str, ...] = MODELS,
    progress: Callable[[int], None] = lambda _: None,
) -> Repeated:
    """`samples` times as many people, each with its own bootstrap; the same for the same seed."""
    world = law()
    effects = incremental(world)
    size = samples, len(world.names)
    shares, low, high = ({m: np.zeros(size) for m in models} for _ in range(3))
    for n in range(samples):
        paths = sample(world, people, np.random.default_rng([seed, n]))
        point = attribute_paths(paths, models, ModelSettings())
        intervals = bootstrap(paths, models, ModelSettings(), draws, seed=n)
        for model in models:
            shares[model][n] = point.shares(model)
            low[model][n], high[model][n] = intervals[model].p05, intervals[model].p95
        progress(n + 1)
    return Repeated(
        names=world.names,
        true=effects / effects.sum(),
        added=float(effects.sum() / world.chance()),
        shares=shares,
        low=low,
        high=high,
    )
