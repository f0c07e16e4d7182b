"""What the user asked for, and durations, lookbacks and column names as people write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tributary.attribution import ALL_MODELS, ModelSettings
from tributary.attribution.config import LOOKBACK_DAYS, DirectRule, PathTransform
from tributary.attribution.journeys import DAY_US
from tributary.errors import ConfigurationError

_UNITS_US = {
    "w": 7 * DAY_US,
    "d": DAY_US,
    "h": DAY_US // 24,
    "m": DAY_US // 1440,
    "s": 1_000_000,
}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([wdhms]?)\s*")
DEFAULT_MODELS = (
    "first",
    "last",
    "last_non_direct",
    "linear",
    "time_decay",
    "position_based",
    "markov",
    "shapley",
)


@dataclass(frozen=True)
class Asked:
    """All options of the command. `columns` holds the user's names, the first a file has wins."""

    paths: tuple[Path, ...] = ()
    touches: tuple[Path, ...] = ()
    conversions: tuple[Path, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    separator: str | None = None
    zone: str = "UTC"
    lookback: Mapping[str, int] | None = None
    half_life_days: float = 7.0
    direct: DirectRule | None = None
    transform: PathTransform | Literal["frequency"] = "unique"
    models: tuple[str, ...] = DEFAULT_MODELS
    models_given: bool = False
    settings: ModelSettings = field(default_factory=ModelSettings)
    draws: int = 0
    style: Literal["table", "csv", "json"] = "table"
    removal_effects: bool = False
    transition_matrix: bool = False
    per_touch: Path | None = None
    plot: Path | None = None

    @property
    def needs_nulls(self) -> bool:
        """Whether the journeys that did not convert change anything that is printed."""
        needs_chain = any(model.startswith("markov") for model in self.models)
        asks = self.removal_effects or self.transition_matrix or self.draws > 0
        return needs_chain or asks or self.style != "csv"


def duration_us(text: str, option: str) -> int:
    """`30d`, `12h`, `2w`; a number alone is days."""
    match = _DURATION.fullmatch(text)
    if not match:
        raise ConfigurationError(f"{option} {text!r} is no duration: write 30d, 12h or 2w")
    return round(float(match[1]) * _UNITS_US[match[2] or "d"])


def lookbacks(text: str) -> dict[str, int]:
    """`30d`, or `30d,view=1d`: one for all types of touch, others by type. Key '' is the rest."""
    found: dict[str, int] = {}
    for part in text.split(","):
        name, equals, value = part.rpartition("=")
        found[name.strip() if equals else ""] = duration_us(value, "--lookback")
    return found


def usual_lookbacks() -> dict[str, int]:
    """By type of touch as in the warehouse; 30 days for a type without one."""
    usual = {name: days * DAY_US for name, days in LOOKBACK_DAYS.items() if days}
    return {"": 30 * DAY_US, **usual}


def position_of(text: str) -> tuple[float, float, float]:
    """`0.4,0.2,0.4`: the weights of the first touch, all between, and the last."""
    try:
        first, middle, last = (float(part) for part in text.split(","))
    except ValueError:
        first = middle = last = -1.0
    if min(first, middle, last) < 0 or abs(first + middle + last - 1) > 1e-9:
        raise ConfigurationError(
            f"--position {text!r}: write three weights that sum to 1, like 0.4,0.2,0.4"
        )
    return first, middle, last


def models_of(text: str) -> tuple[str, ...]:
    """A comma list of models, each once, in the order given."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in ALL_MODELS]
    if unknown or not names:
        what = f"no model {unknown[0]!r}" if unknown else "no model is named"
        raise ConfigurationError(f"--models: {what}; there are {', '.join(ALL_MODELS)}")
    return names


def columns_of(texts: Iterable[str], known: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """`user_id=customer,time=clicked_at,time=sold_at`: names per column, in the order given."""
    found: dict[str, tuple[str, ...]] = {}
    allowed = list(known)
    for part in (part for text in texts for part in text.split(",") if part.strip()):
        name, equals, column = (piece.strip() for piece in part.partition("="))
        if not equals or not column or name not in allowed:
            raise ConfigurationError(
                f"--columns {part!r}: write NAME=COLUMN, with a NAME of {', '.join(allowed)}"
            )
        found[name] = (*found.get(name, ()), column)
    return found
