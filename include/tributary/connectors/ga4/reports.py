"""The reports that are asked for, and the shape of their records.

Names of dimensions and metrics are the vendor's. A record is one row of a report, by name, with
what the vendor said about the quality of the answer it came in.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import msgspec

from tributary.connectors.ga4.records import Meta

Count = Annotated[str, msgspec.Meta(pattern=r"^[0-9]+$")]
Number = Annotated[str, msgspec.Meta(pattern=r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$")]
Day = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{8}$")]

_METRICS: dict[str, Any] = {
    "sessions": Count,
    "engagedSessions": Count,
    "screenPageViews": Count,
    "totalUsers": Count,
    "newUsers": Count,
    "ecommercePurchases": Count,
    "keyEvents": Number,
    "purchaseRevenue": Number,
}


class Quality(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """What the vendor said about the answer; False and 0 are left out of the payload."""

    currency_code: str = ""
    time_zone: str = ""
    is_thresholded: bool = False
    has_other_row: bool = False
    is_truncated: bool = False
    is_restricted: bool = False
    samples_read: int = 0
    sampling_space: int = 0

    @classmethod
    def of(cls, meta: Meta) -> Quality:
        """Samples are added up over the date ranges of the answer."""
        restrictions = meta.schema_restriction_response
        sampled = meta.sampling_metadatas
        return cls(
            meta.currency_code,
            meta.time_zone,
            meta.subject_to_thresholding,
            meta.data_loss_from_other_row,
            bool(meta.data_truncation_reasons),
            bool(restrictions and restrictions.active_metric_restrictions),
            sum(int(part.samples_read_count or 0) for part in sampled),
            sum(int(part.sampling_space_size or 0) for part in sampled),
        )


@dataclass(frozen=True)
class Report:
    """One report: a row per combination of `dimensions`. `optional`: dimensions that not every
    property offers."""

    stream: str
    dimensions: tuple[str, ...]
    metrics: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @cached_property
    def kind(self) -> type[msgspec.Struct]:
        """The struct of its record."""
        fields: list[tuple[str, Any]] = [
            (name, Day if name == "date" else str) for name in self.dimensions
        ]
        fields += [(name, _METRICS[name]) for name in self.metrics]
        return msgspec.defstruct(self.stream, [*fields, ("quality", Quality)], frozen=True)


CHANNEL = Report(
    "channel",
    (
        "date",
        "sessionDefaultChannelGroup",
        "sessionSource",
        "sessionMedium",
        "sessionCampaignName",
    ),
    ("sessions", "engagedSessions", "totalUsers", "keyEvents", "purchaseRevenue"),
)
# The path without its query: addresses of people hide in queries.
PAGE = Report("page", ("date", "pagePath"), ("screenPageViews", "totalUsers"))
_VISITORS = (
    "sessions",
    "engagedSessions",
    "screenPageViews",
    "totalUsers",
    "newUsers",
    "keyEvents",
    "purchaseRevenue",
)
DEVICE = Report("device", ("date", "deviceCategory"), _VISITORS)
GEO = Report("geo", ("date", "country"), _VISITORS)
PURCHASE = Report(
    "purchase",
    ("date", "transactionId"),
    ("ecommercePurchases", "purchaseRevenue"),
    optional=("transactionId",),
)
_USERS = ("totalUsers", "newUsers", "sessions")
USERS_BY_DAY = Report("user_count", ("date",), _USERS)
USERS_OF_PERIOD = Report("user_count", (), _USERS)


class UserCount(msgspec.Struct, rename="camel", frozen=True):
    """Users of one day, week or month: unique within it."""

    period: str
    first_day: Day
    total_users: Count
    new_users: Count
    sessions: Count
    quality: Quality
