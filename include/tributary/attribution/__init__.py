"""Multi-touch attribution as pure functions over arrays: no Airflow, no Postgres, no files.

credits = attribute(touches, conversions, AttributionConfig())
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tributary.attribution.config import AttributionConfig
from tributary.attribution.journeys import Conversions, Touches, pair
from tributary.attribution.money import split
from tributary.attribution.rules import MODELS

__all__ = ["MODELS", "AttributionConfig", "Conversions", "Credits", "Touches", "attribute"]

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
