"""Multi-touch attribution as pure functions over arrays: no Airflow, no Postgres, no files.

credits = attribute(touches, conversions, AttributionConfig())      money per touch, in minor units
result = attribute_paths(from_lists(paths, conversions, nulls))     channel totals, all models
"""

from __future__ import annotations

from tributary.attribution.coalitions import Coalitions, coalitions_of
from tributary.attribution.config import AttributionConfig, FitConfig
from tributary.attribution.credits import (
    CREDIT_MODELS,
    FALLBACK,
    UNATTRIBUTED,
    Channels,
    Credits,
    attribute,
)
from tributary.attribution.events import (
    ConversionEvents,
    EventJourneys,
    EventRules,
    TouchEvents,
    journeys_of,
)
from tributary.attribution.fitting import ModelFit, fit_models, too_little
from tributary.attribution.journeys import Conversions, Touches
from tributary.attribution.markov import RemovalEffects, removal_effects
from tributary.attribution.models import (
    ALL_MODELS,
    Attribution,
    Credit,
    ModelSettings,
    attribute_paths,
    touch_shares,
)
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
from tributary.attribution.transforms import frequency, transformed, uncounted
from tributary.attribution.transitions import Transitions, count

__all__ = [
    "ALL_MODELS",
    "CREDIT_MODELS",
    "FALLBACK",
    "MODELS",
    "UNATTRIBUTED",
    "Attribution",
    "AttributionConfig",
    "Channels",
    "Coalitions",
    "ConversionEvents",
    "Conversions",
    "Credit",
    "Credits",
    "EventJourneys",
    "EventRules",
    "FitConfig",
    "Interval",
    "ModelFit",
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
    "fit_models",
    "frequency",
    "from_lists",
    "journeys_of",
    "removal_effects",
    "shapley_by_position",
    "shapley_exact",
    "shapley_sampled",
    "shapley_values",
    "subset_sums",
    "too_little",
    "touch_shares",
    "transformed",
    "uncounted",
]
