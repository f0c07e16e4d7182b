"""What is credited: one type of conversion of one store, under its own settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from tributary.attribution import AttributionConfig
from tributary.settings import ConversionType

PURCHASE: ConversionType = "purchase"
CONVERSION_TYPES: tuple[ConversionType, ...] = get_args(ConversionType)


@dataclass(frozen=True)
class Goal:
    """`visit_source`: which visits count for the store."""

    store_id: str
    conversion_type: str
    visit_source: str
    config: AttributionConfig

    @property
    def name(self) -> str:
        """The store, and the type where it is not the purchase."""
        kind = self.conversion_type
        return self.store_id if kind == PURCHASE else f"{self.store_id} ({kind})"
