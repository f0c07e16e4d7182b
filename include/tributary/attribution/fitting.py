"""What the data-driven models learn from all journeys of a store, and how sure it is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tributary.attribution.config import AttributionConfig, FitConfig
from tributary.attribution.models import ALL_MODELS, ModelSettings, attribute_paths
from tributary.attribution.order import OrderChoice, choose_order
from tributary.attribution.paths import Paths, collapse
from tributary.attribution.resampling import Interval, bootstrap
from tributary.attribution.transitions import count

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ModelFit:
    """Per model and channel the share of conversions with its interval, and the removal effects.

    `digest` is equal for equal journeys and settings, whatever the order of the journeys.
    """

    names: tuple[str, ...]
    order: OrderChoice
    conversions: Mapping[str, Float]
    shares: Mapping[str, Float]
    intervals: Mapping[str, Interval]
    removal_effects: Float
    journeys: int
    converting: int
    unattributed: int
    digest: str


def too_little(converting: float, nulls: float, config: FitConfig) -> str:
    """Why nothing can be learned from so few journeys, or ''."""
    if converting < config.min_conversions:
        return f"{converting:.0f} of at least {config.min_conversions} converting journeys"
    if nulls < config.min_nulls:
        return f"{nulls:.0f} of at least {config.min_nulls} journeys without a conversion"
    return ""


def fit_models(
    paths: Paths, config: AttributionConfig, progress: Callable[[str], None] = lambda _: None
) -> ModelFit:
    """Learn from journeys; the caller asked `too_little` before."""
    paths = collapse(replace(paths, value=None, decay_value=None)).used()
    fit = config.fit
    order = (
        choose_order(paths, fit.seed)
        if fit.markov_order == "auto"
        else OrderChoice(fit.markov_order, ())
    )
    progress(f"{len(paths)} different journeys, Markov order {order.order}")
    settings = ModelSettings(
        position=config.position,
        order=order.order,
        paid=frozenset(config.paid_channels),
        seed=fit.seed,
    )
    chain = count(paths, order.order)
    models = [m for m in ALL_MODELS if m != "time_decay" or paths.decay is not None]
    found = attribute_paths(paths, models, settings, chain)
    assert found.effects is not None
    intervals = bootstrap(
        paths,
        models,
        settings,
        fit.draws,
        fit.seed,
        chain,
        lambda done: progress(f"{done} of {fit.draws} bootstrap draws"),
    )
    credits = {model: found.credits[model].conversions for model in models}
    return ModelFit(
        names=paths.names,
        order=order,
        conversions=credits,
        shares={model: found.shares(model) for model in models},
        intervals=intervals,
        removal_effects=found.effects.conversions,
        journeys=round(float(paths.conversions.sum() + paths.nulls.sum())),
        converting=round(float(paths.conversions.sum())),
        unattributed=round(paths.unattributed_conversions),
        digest=_digest(paths, config, credits.get("time_decay")),
    )


def _digest(paths: Paths, config: AttributionConfig, decayed: Float | None) -> str:
    """Counts are whole numbers; what time decay adds is rounded, so that no machine differs."""
    hashed = hashlib.sha256(config.config_hash().encode())
    hashed.update("\x1f".join(paths.names).encode())
    counts = [paths.conversions, paths.nulls, np.array([paths.unattributed_conversions])]
    for column in (paths.channel, paths.offsets, *map(np.rint, counts)):
        hashed.update(np.ascontiguousarray(column, dtype="<i8").tobytes())
    if decayed is not None:
        hashed.update(np.rint(decayed * 1000).astype("<i8").tobytes())
    return hashed.hexdigest()
