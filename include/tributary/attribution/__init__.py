"""Multi-touch attribution as pure functions over arrays: no Airflow, no Postgres, no files.

credits = attribute(touches, conversions, AttributionConfig())      money per touch, in minor units
result = attribute_paths(from_lists(paths, conversions, nulls))     channel totals, all models
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tributary.attribution.coalitions import Coalitions, coalitions_of
from tributary.attribution.config import AttributionConfig
from tributary.attribution.events import (
    ConversionEvents,
    EventJourneys,
    EventRules,
    TouchEvents,
    journeys_of,
)
from tributary.attribution.journeys import Conversions, Touches, pair
from tributary.attribution.markov import RemovalEffects, removal_effects
from tributary.attribution.models import (
    ALL_MODELS,
    Attribution,
    Credit,
    ModelSettings,
    attribute_paths,
    touch_shares,
)
from tributary.attribution.money import split
from tributary.attribution.order import OrderChoice, choose_order
from tributary.attribution.paths import Paths, collapse, concatenate, from_lists
from tributary.attribution.resampling import Interval, bootstrap
from tributary.attribution.rules import MODELS
from tributary.attribution.shapley import (
    Sampled,
    coalition_game,
    shapley_by_position,
    shapley_exact,
    shapley_sampled,
    shapley_values,
    subset_sums,
)
from tributary.attribution.transforms import ignore_direct
from tributary.attribution.transitions import Transitions, count

__all__ = [
    "ALL_MODELS",
    "MODELS",
    "Attribution",
    "AttributionConfig",
    "Coalitions",
    "ConversionEvents",
    "Conversions",
    "Credit",
    "Credits",
    "EventJourneys",
    "EventRules",
    "Interval",
    "ModelSettings",
    "OrderChoice",
    "Paths",
    "RemovalEffects",
    "Sampled",
    "TouchEvents",
    "Touches",
    "Transitions",
    "attribute",
    "attribute_paths",
    "bootstrap",
    "choose_order",
    "coalition_game",
    "coalitions_of",
    "collapse",
    "concatenate",
    "count",
    "from_lists",
    "ignore_direct",
    "journeys_of",
    "removal_effects",
    "shapley_by_position",
    "shapley_exact",
    "shapley_sampled",
    "shapley_values",
    "subset_sums",
    "touch_shares",
]

UNATTRIBUTED = 0


@dataclass(frozen=True)
class Credits:
    """One row per counting touch of a conversion, or one with touch_id 0 where there is none.

    Per model, a conversion's `shares` sum to 1 and its `amounts` (minor units) to its value.
    """

    conversion_id: npt.NDArray[np.int64]
    touch_id: npt.NDArray[np.int64]
    shares: Mapping[str, npt.NDArray[np.float64]]
    amounts: Mapping[str, npt.NDArray[np.int64]]


def attribute(touches: Touches, conversions: Conversions, config: AttributionConfig) -> Credits:
    """Credits of every conversion under every rule model, whatever the order of the inputs."""
    journeys = pair(touches, conversions, config)
    values = conversions.value_minor[journeys.conversion[journeys.starts]]
    alone = journeys.unattributed
    shares, amounts = {}, {}
    for model, share_of in MODELS.items():
        share = share_of(journeys, config)
        amount = split(values, share, journeys.starts, journeys.sizes)
        shares[model] = np.r_[share, np.ones(len(alone))]
        amounts[model] = np.r_[amount, conversions.value_minor[alone]]
    return Credits(
        conversion_id=conversions.conversion_id[np.r_[journeys.conversion, alone]],
        touch_id=np.r_[
            touches.touch_id[journeys.touch], np.full(len(alone), UNATTRIBUTED, dtype=np.int64)
        ],
        shares=shares,
        amounts=amounts,
    )
