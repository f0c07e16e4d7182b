"""Credits of conversions: each model's share and money per touch, rules and data-driven alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from tributary.attribution import coalitions, paid
from tributary.attribution.config import AttributionConfig
from tributary.attribution.journeys import Conversions, Journeys, Touches, pair
from tributary.attribution.money import split
from tributary.attribution.paths import Paths
from tributary.attribution.rules import MODELS, linear

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]

UNATTRIBUTED = 0
# What attribute() gives when it is told the channels, in this order.
CREDIT_MODELS = (*MODELS, *paid.MODELS, "markov_per_order", "shapley")
# The rule that stands in for Markov where nothing was learned.
FALLBACK = "linear"


@dataclass(frozen=True)
class Credits:
    """One row per counting touch of a conversion, or one with touch_id 0 where there is none.

    Per model, a conversion's `shares` sum to 1 and its `amounts` (minor units) to its value.
    """

    conversion_id: Int
    touch_id: Int
    shares: Mapping[str, Float]
    amounts: Mapping[str, Int]


@dataclass(frozen=True)
class Channels:
    """The channel of each touch as a code into the sorted `names`, and what was learned of them.

    `weights` are Markov's removal effects by name, or None where nothing was learned: Markov is
    then FALLBACK.
    """

    names: tuple[str, ...]
    code: npt.NDArray[np.integer]
    weights: Mapping[str, float] | None = None

    def weight(self) -> Float:
        """Per name its weight; a channel that is newer than what was learned has the mean."""
        known = self.weights or {}
        mean = sum(known.values()) / max(len(known), 1)
        return np.array([known.get(channel, mean) for channel in self.names])


def attribute(
    touches: Touches,
    conversions: Conversions,
    config: AttributionConfig,
    channels: Channels | None = None,
) -> Credits:
    """Credits of every conversion, whatever the order of the inputs: under every rule model, and
    under all of CREDIT_MODELS where the channels are given.
    """
    code = None if channels is None else channels.code
    journeys = pair(touches, conversions, config, code)
    values = conversions.value_minor[journeys.conversion[journeys.starts]]
    alone = journeys.unattributed
    shares, amounts = {}, {}
    for model, share_of in _models(config, channels).items():
        share = share_of(journeys)
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


def _models(
    config: AttributionConfig, channels: Channels | None
) -> dict[str, Callable[[Journeys], Float]]:
    found: dict[str, Callable[[Journeys], Float]] = {
        model: partial(_rule, model, config) for model in MODELS
    }
    if channels is not None:
        found |= {model: partial(_paid, model, channels, config) for model in paid.MODELS}
        found["markov_per_order"] = partial(_markov, channels, config)
        found["shapley"] = partial(_by_channel, channels, np.ones(len(channels.names)))
    return found


def _rule(model: str, config: AttributionConfig, journeys: Journeys) -> Float:
    return MODELS[model](journeys, config)


def _paid(model: str, channels: Channels, config: AttributionConfig, journeys: Journeys) -> Float:
    is_paid = np.isin(np.array(channels.names, dtype=np.str_), config.paid_channels)
    return paid.MODELS[model](journeys, is_paid[channels.code[journeys.touch]])


def _markov(channels: Channels, config: AttributionConfig, journeys: Journeys) -> Float:
    if channels.weights is None:
        return linear(journeys, config)
    return _by_channel(channels, channels.weight(), journeys)


def _by_channel(channels: Channels, weights: Float, journeys: Journeys) -> Float:
    """A channel's weight within the journey, shared equally by its touches there."""
    size = len(journeys.starts)
    paths = Paths(
        names=channels.names,
        channel=channels.code[journeys.touch],
        offsets=np.r_[journeys.starts, len(journeys.touch)],
        conversions=np.ones(size),
        nulls=np.zeros(size),
    )
    return coalitions.touch_shares(paths, weights)
