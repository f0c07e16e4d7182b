"""GA4's Data API v1beta over a store's property: runReport, getMetadata, quota, errors.

Source: discovery document analyticsdata v1beta; vendor page, sections A2 to A4. Properties are
those of the stores; property 0 has the common metadata.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from tributary.clock import Clock
from tributary.sandbox.catalog import Store
from tributary.sandbox.ga4_hits import hits
from tributary.sandbox.ga4_report import DIMENSIONS, METRICS, Hits, Question, answer
from tributary.sandbox.world import World

Json = dict[str, Any]
Answer = tuple[int, Json]

_SCHEMA = "https://developers.google.com/analytics/devguides/reporting/data/v1/api-schema"
_FIELDS = {
    "dateRanges",
    "dimensions",
    "keepEmptyRows",
    "limit",
    "metrics",
    "offset",
    "orderBys",
    "returnPropertyQuota",
}
_MOST_DIMENSIONS, _MOST_METRICS, _MOST_ROWS = 9, 10, 250_000
_STATES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    429: "RESOURCE_EXHAUSTED",
}


class Invalid(Exception):
    """A request the vendor refuses; the text is its message."""


class Quota:
    """A property's tokens. A request costs more for long ranges and many rows."""

    DAY, HOUR, PROJECT_HOUR = 200_000, 40_000, 14_000

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._hour: datetime | None = None
        self._day: date | None = None
        self._of_hour = self._of_day = 0

    def refusal(self) -> str:
        """Why nothing more is answered now; '' if it is."""
        self._turn()
        if self._of_day >= self.DAY:
            return (
                "Exhausted property tokens per day. These quota tokens will return in under 24"
                " hours. To learn more, see"
                " https://developers.google.com/analytics/devguides/reporting/data/v1/quotas"
            )
        if self._of_hour >= self.PROJECT_HOUR:
            return "Exhausted property tokens for a project per hour."
        return ""

    def spend(self, days: int, rows: int) -> Json:
        """Take what a request costs; the propertyQuota of its answer."""
        self._turn()
        cost = 1 + days // 30 + rows // 500
        self._of_hour, self._of_day = self._of_hour + cost, self._of_day + cost
        left = {
            "tokensPerDay": self.DAY - self._of_day,
            "tokensPerHour": self.HOUR - self._of_hour,
            "tokensPerProjectPerHour": self.PROJECT_HOUR - self._of_hour,
        }
        fixed = {
            "concurrentRequests": 10,
            "serverErrorsPerProjectPerHour": 10,
            "potentiallyThresholdedRequestsPerHour": 120,
        }
        return {
            **{name: {"consumed": cost, "remaining": max(0, n)} for name, n in left.items()},
            **{name: {"consumed": 0, "remaining": n} for name, n in fixed.items()},
        }

    def _turn(self) -> None:
        now = self._clock.now().replace(minute=0, second=0, microsecond=0)
        if now != self._hour:
            self._hour, self._of_hour = now, 0
        if now.date() != self._day:
            self._day, self._of_day = now.date(), 0


class Property:
    """One store's property at the world's moment."""

    def __init__(self, store: Store, world: World, quota: Quota) -> None:
        self._store, self._world, self._quota = store, world, quota

    @cached_property
    def _hits(self) -> Hits:
        return hits(self._world, self._store)

    @property
    def _today(self) -> date:
        return self._world.moment.astimezone(ZoneInfo(self._store.timezone)).date()

    def run_report(self, body: Any) -> Answer:
        """runReport"""
        try:
            question = read(body, self._today)
        except Invalid as invalid:
            return error(400, str(invalid))
        if refusal := self._quota.refusal():
            return error(429, refusal)
        reply = answer(self._store, self._hits, question)
        days = (question.last - question.first).days + 1
        quota = self._quota.spend(days, len(reply.get("rows", ())))
        return 200, reply | ({"propertyQuota": quota} if body.get("returnPropertyQuota") else {})


def metadata(number: str) -> Answer:
    """getMetadata; 0 is what all properties have in common."""
    return 200, {
        "name": f"properties/{number}/metadata",
        "dimensions": [
            {"apiName": name, "uiName": shown, "description": f"{shown}.", "category": "Other"}
            for name, shown in DIMENSIONS.items()
        ],
        "metrics": [
            {"apiName": name, "uiName": shown, "description": f"{shown}.", "type": kind}
            for name, (shown, kind, _) in METRICS.items()
        ],
    }


def read(body: Any, today: date) -> Question:
    """The request; Invalid says what the vendor refuses."""
    if not isinstance(body, dict):
        raise Invalid("Invalid JSON payload received.")
    for name in body:
        if name not in _FIELDS:
            raise Invalid(
                f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.'
            )
    dimensions = _names(body, "dimensions", DIMENSIONS, _MOST_DIMENSIONS, "dimension")
    metrics = _names(body, "metrics", METRICS, _MOST_METRICS, "metric")
    if not metrics and not dimensions:
        raise Invalid("At least one dimension or metric is required.")
    ranges = body.get("dateRanges")
    if not isinstance(ranges, list) or len(ranges) != 1:
        raise Invalid("The sandbox reads one dateRange of the vendor's four.")
    first, last = (_day(ranges[0].get(name), today) for name in ("startDate", "endDate"))
    if last < first:
        raise Invalid(f"startDate {first} is after endDate {last}.")
    limit = _whole(body.get("limit", "10000"), "limit")
    if not 0 < limit <= _MOST_ROWS:
        raise Invalid(f"The limit must be between 1 and {_MOST_ROWS}.")
    return Question(
        first=first,
        last=last,
        dimensions=dimensions,
        metrics=metrics,
        order_by=tuple(_order(part, dimensions, metrics) for part in body.get("orderBys", ())),
        limit=limit,
        offset=_whole(body.get("offset", "0"), "offset"),
        keeps_empty_rows=body.get("keepEmptyRows") is True,
    )


def _names(body: Json, field: str, known: Any, most: int, what: str) -> tuple[str, ...]:
    given = tuple(str(part.get("name")) for part in body.get(field, ()))
    for name in given:
        if name not in known:
            raise Invalid(
                f"Field {name} is not a valid {what}. For a list of valid dimensions and metrics,"
                f" see {_SCHEMA}"
            )
    if len(given) > most:
        raise Invalid(f"Requests are limited to {most} {field}.")
    return given


def _day(text: Any, today: date) -> date:
    relative: dict[str, Callable[[], date]] = {
        "today": lambda: today,
        "yesterday": lambda: today - timedelta(days=1),
    }
    if text in relative:
        return relative[text]()
    if isinstance(text, str) and text.endswith("daysAgo") and text[:-7].isdecimal():
        return today - timedelta(days=int(text[:-7]))
    try:
        if not isinstance(text, str) or len(text) != 10:
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(
            f"Invalid date {text!r}: use YYYY-MM-DD, NdaysAgo, yesterday or today."
        ) from None


def _whole(value: Any, name: str) -> int:
    """int64 in JSON: text, or a number."""
    if isinstance(value, bool) or not str(value).isdecimal():
        raise Invalid(f"Invalid value at '{name}' (TYPE_INT64), {value!r}")
    return int(value)


def _order(part: Json, dimensions: tuple[str, ...], metrics: tuple[str, ...]) -> tuple[str, bool]:
    dimension = (part.get("dimension") or {}).get("dimensionName")
    metric = (part.get("metric") or {}).get("metricName")
    if dimension in dimensions or metric in metrics:
        return str(dimension or metric), part.get("desc") is True
    raise Invalid("OrderBys must name a dimension or metric of the request.")


def error(code: int, message: str) -> Answer:
    """google.rpc.Status"""
    return code, {"error": {"code": code, "message": message, "status": _STATES[code]}}
