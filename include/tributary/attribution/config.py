"""Attribution's settings in one table, hashed into every credit set."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import msgspec

from tributary.errors import ConfigurationError
from tributary.money import PAYMENT_SITES

# As attribution.transforms has them.
DirectRule = Literal["ignore-if-other", "ignore-if-last", "as-any"]
PathTransform = Literal["unique", "exposure", "first"]

# Days a touch may lie before its conversion, by evidence type; 0: the moment of the order itself.
LOOKBACK_DAYS: Mapping[str, int] = {
    "click": 30,
    "visit": 30,
    "email_click": 5,
    "view": 1,
    "coupon": 30,
    "influencer_code": 30,
    "survey": 0,
    "marketplace": 0,
}


# The grouping function's channels that cost money per click, view or sale.
PAID_CHANNELS = (
    "affiliate",
    "display",
    "influencer",
    "paid_other",
    "paid_search",
    "paid_shopping",
    "paid_social",
    "paid_video",
)


@dataclass(frozen=True)
class FitConfig:
    """How the data-driven models learn from a store's journeys.

    `days` back from the newest conversion are learned from. With fewer than `min_conversions`
    converting journeys, or `min_nulls` others, nothing is learned and Markov falls back to linear:
    at 100 journeys the standard error of a share is up to 5 points, which is the most that may
    still tell two channels apart. `draws` and `seed` are the bootstrap's.
    """

    days: int = 365
    min_conversions: int = 100
    min_nulls: int = 100
    markov_order: int | Literal["auto"] = "auto"
    draws: int = 200
    seed: int = 0


@dataclass(frozen=True)
class AttributionConfig:
    """Everything that changes a credit besides the data.

    `half_life_days` counts back from the conversion's time, in fractional days. `position` is the
    weight of first, all middle and last touch. `direct` ignore-if-other: a direct touch counts only
    where the path has nothing else; ignore-if-last: not after the path's last other touch.
    `path_transform` exposure: of consecutive touches of one channel only the first counts; first:
    only each channel's first.
    `include_channels` are the only ones that count, unless there are none. A referral from one of
    `exclude_sources` (or a host below it) never counts: payment pages, the shop's own hosts.
    `repeat` since-last: a journey begins after the person's conversion before; overlap: a touch may
    count for several. Of a journey longer than `max_touches` the last ones count, 0 for all: 200
    within a month are a machine's. `paid_channels` are those of first_paid and last_paid.
    """

    lookback_days: Mapping[str, int] = field(default_factory=lambda: dict(LOOKBACK_DAYS))
    half_life_days: float = 7.0
    position: tuple[float, float, float] = (0.4, 0.2, 0.4)
    direct: DirectRule = "ignore-if-other"
    path_transform: PathTransform = "unique"
    include_channels: tuple[str, ...] = ()
    exclude_channels: tuple[str, ...] = ()
    exclude_sources: tuple[str, ...] = PAYMENT_SITES
    repeat: Literal["overlap", "since-last"] = "overlap"
    max_touches: int = 200
    paid_channels: tuple[str, ...] = PAID_CHANNELS
    fit: FitConfig = field(default_factory=FitConfig)

    def __post_init__(self) -> None:
        if self.half_life_days <= 0:
            raise ConfigurationError("attribution: half_life_days must be above 0")
        if min(self.position) < 0 or abs(sum(self.position) - 1) > 1e-9:
            raise ConfigurationError("attribution: the three weights of position must sum to 1")
        if min(self.lookback_days.values(), default=0) < 0:
            raise ConfigurationError("attribution: a lookback cannot be negative")
        if unknown := self.lookback_days.keys() - LOOKBACK_DAYS.keys():
            raise ConfigurationError(
                f"attribution: no evidence type {', '.join(sorted(unknown))}; there are"
                f" {', '.join(LOOKBACK_DAYS)}"
            )
        if self.max_touches < 0:
            raise ConfigurationError("attribution: max_touches cannot be negative")

    @classmethod
    def of(cls, settings: Mapping[str, Any], conversion_type: str) -> AttributionConfig:
        """The defaults with a store's settings (settings.AttributionSettings) over them, and over
        those the ones of a type of conversion: days by evidence type, and any other setting.
        """
        given = dict(settings)
        by_type = given.pop("conversion_types", {}).get(conversion_type, {})
        days = {k: v for k, v in by_type.items() if k not in cls.__dataclass_fields__}
        lookback = {**LOOKBACK_DAYS, **given.pop("lookback_days", {}), **days}
        given |= {k: v for k, v in by_type.items() if k not in days}
        others: dict[str, Any] = {
            name: tuple(v) if isinstance(v, list) else v for name, v in given.items()
        }
        return cls(lookback_days=lookback, **others)

    def to_json(self) -> str:
        """Stable JSON of all settings."""
        return msgspec.json.encode(asdict(self), order="sorted").decode()

    def config_hash(self) -> str:
        """SHA-256 of the settings, in hex."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()
