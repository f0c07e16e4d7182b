"""Speaks the Data API with one property: reports, metadata, quota, errors.

Source: discovery document analyticsdata v1beta; errors and waits: vendor page, section A4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from tributary.connectors.ga4.records import (
    MetadataReply,
    Refused,
    ReportReply,
)
from tributary.connectors.ga4.reports import Report
from tributary.connectors.spec import Credentials
from tributary.errors import (
    AccountSkipped,
    AuthenticationFailed,
    ConfigurationError,
    RateLimited,
    RequestRejected,
    TributaryError,
    VendorUnavailable,
)
from tributary.transport.client import Refusal, Service, Speaker
from tributary.transport.google import GoogleServiceAccount
from tributary.transport.limits import RetryPolicy
from tributary.transport.records import unknown_fields

HOST = "https://analyticsdata.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/analytics.readonly"
ROWS_PER_PAGE = 50_000
# Ten server errors an hour lock a project out: fewer attempts than elsewhere.
_RETRY = RetryPolicy(attempts=4)
_STATES: dict[str, type[TributaryError]] = {
    "UNAUTHENTICATED": AuthenticationFailed,
    "PERMISSION_DENIED": AccountSkipped,
    "NOT_FOUND": ConfigurationError,
    "RESOURCE_EXHAUSTED": RateLimited,
    "INVALID_ARGUMENT": RequestRejected,
    "FAILED_PRECONDITION": RequestRejected,
    "ABORTED": VendorUnavailable,
    "DEADLINE_EXCEEDED": VendorUnavailable,
    "INTERNAL": VendorUnavailable,
    "UNAVAILABLE": VendorUnavailable,
}
# What a quota's message says -> seconds until it is worth asking again. Tokens of a day "will
# return in under 24 hours": Airflow's five retries reach past that.
_WAITS = (
    (re.compile(r"per day", re.I), 18_000.0),
    (re.compile(r"per hour|thresholded|server errors", re.I), 1_800.0),
    (re.compile(r"concurrent", re.I), 30.0),
)


def _refusal(status: int, body: bytes) -> Refusal | None:
    """What an error body means, in whatever status; None when it is not Google's."""
    try:
        error = msgspec.json.decode(body, type=Refused).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    kind = _STATES.get(error.status)
    if kind is None:
        return None
    wait = None
    if kind is RateLimited:
        wait = next((seconds for said, seconds in _WAITS if said.search(error.message)), None)
    return Refusal(kind, f"{error.status}: {error.message}", wait)


class Api(Speaker):
    """One property. `quota` and `notes` (drift) grow with the answers; `present` is the moment at
    which the vendor gave the last one, None where no answer said so.
    """

    def __init__(self, credentials: Credentials, connection: str, number: str) -> None:
        host = (credentials.host or HOST).rstrip("/")
        plain = host.startswith("http://")
        auth = GoogleServiceAccount(credentials.password, SCOPE, connection, plain=plain)
        self._connection, self._property = connection, number
        super().__init__(
            Service(
                "ga4",
                host,
                connection,
                auth=auth,
                statuses={404: ConfigurationError},
                retry=_RETRY,
                refusal=_refusal,
            )
        )
        self._consumed: dict[str, float] = {}
        self.quota: dict[str, float] = {}
        self.notes: set[str] = set()
        self.present: datetime | None = None

    def fields(self) -> set[str]:
        """The dimensions and metrics that the property offers (getMetadata)."""
        decoder = msgspec.json.Decoder(MetadataReply)
        path = f"/v1beta/properties/{self._property}/metadata"
        answer = self._client.request("GET", path, decode=decoder.decode)
        self.present = answered_at(answer.headers)
        reply = answer.value
        return {field.api_name for field in (*reply.dimensions, *reply.metrics)}

    def report(
        self, report: Report, first: date, last: date, offset: int, limit: int = ROWS_PER_PAGE
    ) -> ReportReply:
        """runReport over first <= day <= last, from row `offset` (0 is the first)."""
        body: dict[str, Any] = {
            "dateRanges": [{"startDate": first.isoformat(), "endDate": last.isoformat()}],
            "dimensions": [{"name": name} for name in report.dimensions],
            "metrics": [{"name": name} for name in report.metrics],
            "orderBys": [{"dimension": {"dimensionName": name}} for name in report.dimensions],
            "limit": str(limit),
            "offset": str(offset),
            "keepEmptyRows": False,
            "returnPropertyQuota": True,
        }
        answer = self._client.request(
            "POST",
            f"/v1beta/properties/{self._property}:runReport",
            decode=_decode,
            json=body,
        )
        self.present = answered_at(answer.headers)
        reply, drift = answer.value
        self.notes |= drift
        self._note_quota(reply)
        return reply

    def _note_quota(self, reply: ReportReply) -> None:
        """Remaining tokens as last told; consumed ones added up over this load."""
        for name, state in reply.property_quota.items():
            self._consumed[name] = self._consumed.get(name, 0) + state.consumed
            self.quota[f"{name}.consumed"] = self._consumed[name]
            self.quota[f"{name}.remaining"] = state.remaining


def answered_at(headers: Mapping[str, str]) -> datetime | None:
    """When the vendor answered by its own clock, None where it does not say.

    Source: RFC 9110, section 6.6.1 (Date). What Python reads as no zone, "-0000", is UTC.
    """
    try:
        said = parsedate_to_datetime(headers["Date"])
    except (KeyError, ValueError):
        return None
    return said.astimezone(UTC) if said.tzinfo else said.replace(tzinfo=UTC)


_decoder = msgspec.json.Decoder(ReportReply)


def _decode(body: bytes) -> tuple[ReportReply, set[str]]:
    """The answer, and the names of fields in it that nobody expected."""
    return _decoder.decode(body), unknown_fields(msgspec.json.decode(body), ReportReply)
