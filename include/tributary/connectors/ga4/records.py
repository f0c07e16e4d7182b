"""The vendor's answers, as far as they are used. 64-bit numbers and all values travel as text."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Vendor(msgspec.Struct, rename="camel", frozen=True):
    """Base: the vendor writes camelCase and leaves out what is empty, zero or false."""


class Value(Vendor, frozen=True):
    value: str = ""


class Row(Vendor, frozen=True):
    """Values in the order of the headers."""

    metric_values: list[Value]
    dimension_values: list[Value] = []


class DimensionHeader(Vendor, frozen=True):
    name: str


class MetricHeader(Vendor, frozen=True):
    name: str
    type: str = ""


class Sampling(Vendor, frozen=True):
    samples_read_count: str = "0"
    sampling_space_size: str = "0"


class Restrictions(Vendor, frozen=True):
    active_metric_restrictions: list[Any] = []


class Meta(Vendor, frozen=True):
    """What the vendor says about the quality of one answer."""

    currency_code: str = ""
    time_zone: str = ""
    data_loss_from_other_row: bool = False
    subject_to_thresholding: bool = False
    sampling_metadatas: list[Sampling] = []
    data_truncation_reasons: list[Any] = []
    schema_restriction_response: Restrictions | None = None
    empty_reason: str = ""

    @property
    def depends_on_range(self) -> bool:
        """Does a shorter range of days give a better answer, or say which days are concerned?"""
        return bool(
            self.sampling_metadatas or self.subject_to_thresholding or self.data_loss_from_other_row
        )


class QuotaStatus(Vendor, frozen=True):
    consumed: int = 0
    remaining: int = 0


class ErrorBody(Vendor, frozen=True):
    """google.rpc.Status"""

    code: int = 0
    status: str = ""
    message: str = ""


class Refused(Vendor, frozen=True):
    error: ErrorBody


class ReportReply(Vendor, frozen=True):
    """An answer of runReport."""

    kind: Literal["analyticsData#runReport"]
    dimension_headers: list[DimensionHeader] = []
    metric_headers: list[MetricHeader] = []
    rows: list[Row] = []
    row_count: int = 0
    metadata: Meta = Meta()
    property_quota: dict[str, QuotaStatus] = {}


class FieldMetadata(Vendor, frozen=True):
    api_name: str


class MetadataReply(Vendor, frozen=True):
    """An answer of getMetadata."""

    name: str
    dimensions: list[FieldMetadata]
    metrics: list[FieldMetadata]
