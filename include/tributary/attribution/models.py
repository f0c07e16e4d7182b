"""All models over paths: each model's shares per touch, and what each channel gets in all.

result = attribute_paths(from_lists(...), models=("first", "markov", "shapley"))
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from tributary.attribution import coalitions as sets_of
from tributary.attribution import markov, paid, shapley, sums
from tributary.attribution.coalitions import Coalitions, coalitions_of
from tributary.attribution.config import AttributionConfig
from tributary.attribution.order import choose_order
from tributary.attribution.paths import Paths
from tributary.attribution.rules import MODELS
from tributary.attribution.transitions import Transitions, count

Float = npt.NDArray[np.float64]

DATA_DRIVEN = ("markov", "markov_per_order", "shapley")
PAID = ("first_paid", "last_paid")
ALL_MODELS = (*MODELS, *PAID, *DATA_DRIVEN)


@dataclass(frozen=True)
class ModelSettings:
    """What the models need to know besides the paths.

    `order` of the Markov chain is 1 to 4, or auto: chosen by held-out likelihood with `seed`.
    `direct` and `paid` name channels; None for direct means the names usually written for it.
    """

    position: tuple[float, float, float] = (0.4, 0.2, 0.4)
    order: int | Literal["auto"] = 1
    direct: frozenset[str] | None = None
    paid: frozenset[str] = field(default_factory=frozenset)
    seed: int = 0


@dataclass(frozen=True)
class Credit:
    """What one model gives each channel, in the order of the result's names."""

    conversions: Float
    value: Float | None


@dataclass(frozen=True)
class Attribution:
    """Channel totals by model. With what is unattributed they sum to all conversions and value."""

    names: tuple[str, ...]
    credits: Mapping[str, Credit]
    total_conversions: float
    total_value: float | None
    unattributed_conversions: float
    unattributed_value: float
    effects: markov.RemovalEffects | None
    chain: Transitions | None

    def shares(self, model: str) -> Float:
        """Each channel's part of all conversions; NaN where there are none."""
        if not self.total_conversions:
            return np.full(len(self.names), np.nan)
        return self.credits[model].conversions / self.total_conversions


def attribute_paths(
    paths: Paths,
    models: Sequence[str] = ("first", "last", "linear", "position_based", "markov", "shapley"),
    settings: ModelSettings | None = None,
    chain: Transitions | None = None,
) -> Attribution:
    """Every model asked for, over paths with and without a conversion.

    ValueError for a model that is unknown or cannot be computed from these paths.
    """
    settings = settings or ModelSettings()
    check_models(models, paths, settings)
    needs_chain = "markov" in models or "markov_per_order" in models
    if needs_chain and chain is None:
        chain = fit(paths, settings)
    effects = markov.removal_effects(chain) if chain is not None else None
    won = paths.converting()
    sets = coalitions_of(won) if set(models) & set(DATA_DRIVEN) else None
    credits = {model: _credit(won, model, settings, effects, sets) for model in models}
    return Attribution(
        names=paths.names,
        credits=credits,
        total_conversions=paths.total_conversions,
        total_value=paths.total_value,
        unattributed_conversions=paths.unattributed_conversions,
        unattributed_value=paths.unattributed_value,
        effects=effects,
        chain=chain,
    )


def fit(paths: Paths, settings: ModelSettings) -> Transitions:
    """The Markov chain of the order asked for, or of the one that foretells best."""
    if settings.order == "auto":
        return count(paths, choose_order(paths, settings.seed).order)
    return count(paths, settings.order)


def check_models(models: Sequence[str], paths: Paths, settings: ModelSettings) -> None:
    """ValueError in words where a model is unknown or lacks what it needs."""
    for model in models:
        if model not in ALL_MODELS:
            raise ValueError(f"there is no model {model!r}; there are {', '.join(ALL_MODELS)}")
    if "time_decay" in models and paths.decay is None:
        raise ValueError("time_decay needs the times of the touches")
    if set(models) & set(PAID) and not settings.paid:
        raise ValueError("first_paid and last_paid need the channels that are paid")


def touch_shares(
    paths: Paths, model: str, settings: ModelSettings, effects: markov.RemovalEffects | None
) -> Float:
    """Per touch its share of its path under a model; a path's shares sum to 1.

    At a touch there is one Markov number: the path's conversion spread by removal effects.
    """
    if model in ("markov", "markov_per_order"):
        if effects is None:
            raise ValueError("markov needs the removal effects")
        return sets_of.touch_shares(paths, effects.conversions)
    if model == "shapley":
        return sets_of.touch_shares(paths, np.ones(len(paths.names)))
    if model == "time_decay" and paths.decay is not None:
        return paths.decay
    journeys = paths.journeys(paths.direct(settings.direct))
    if model in PAID:
        is_paid = np.array([name in settings.paid for name in paths.names], dtype=np.bool_)
        return paid.MODELS[model](journeys, is_paid[paths.channel])
    return MODELS[model](journeys, AttributionConfig(position=settings.position))


def _credit(
    won: Paths,
    model: str,
    settings: ModelSettings,
    effects: markov.RemovalEffects | None,
    sets: Coalitions | None,
) -> Credit:
    if model == "markov" and effects is not None:
        by_value = effects.value_weights
        worth = None if won.value is None else sums.total(won.value)
        return Credit(
            _split(effects.weights, sums.total(won.conversions)),
            None if by_value is None or worth is None else _split(by_value, worth),
        )
    if model == "markov_per_order" and effects is not None and sets is not None:
        weights = effects.conversions
        value = None if sets.value is None else sets_of.split(sets, weights, sets.value)
        return Credit(sets_of.split(sets, weights, sets.conversions), value)
    if model == "shapley" and sets is not None:
        return Credit(*shapley.shapley_values(sets))
    return _rule_credit(won, model, settings)


def _split(weights: Float, whole: float) -> Float:
    """The whole by weights that sum to 1; what rounding lost goes to the largest."""
    parts: Float = weights * whole
    if len(parts):
        parts[int(parts.argmax())] += whole - math.fsum(parts)
    return parts


def _rule_credit(won: Paths, model: str, settings: ModelSettings) -> Credit:
    share = touch_shares(won, model, settings, None)
    size, row = len(won.names), won.path_of
    value = None
    if won.value is not None:
        by_value = won.decay_value if model == "time_decay" else None
        value_share = share if by_value is None else by_value
        value = sums.grouped(won.channel, value_share * won.value[row], size)
    return Credit(sums.grouped(won.channel, share * won.conversions[row], size), value)
