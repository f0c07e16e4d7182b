"""Answers one runReport request over a property's events: rows, totals of rows, quality.

Source: vendor page, sections A2 and A3; discovery document analyticsdata v1beta.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from tributary.sandbox import ga4_quality as quality
from tributary.sandbox.catalog import Store
from tributary.sandbox.ga4_hits import Hit

Json = dict[str, Any]
Hits = Mapping[date, list[Hit]]

DIMENSIONS = {
    "country": "Country",
    "date": "Date",
    "deviceCategory": "Device category",
    "pagePath": "Page path",
    "sessionCampaignName": "Session campaign",
    "sessionDefaultChannelGroup": "Session default channel group",
    "sessionMedium": "Session medium",
    "sessionSource": "Session source",
    "transactionId": "Transaction ID",
}


def _count(name: str) -> Callable[[list[Hit]], int]:
    return lambda hits: sum(hit.name == name for hit in hits)


def _money(hits: list[Hit]) -> str:
    cents = sum(hit.revenue for hit in hits)
    return f"{cents // 100}.{cents % 100:02d}".rstrip("0").rstrip(".")


# name -> the name for people, the vendor's type, and how it is counted.
METRICS: dict[str, tuple[str, str, Callable[[list[Hit]], int | str]]] = {
    "ecommercePurchases": ("Ecommerce purchases", "TYPE_INTEGER", _count("purchase")),
    "engagedSessions": (
        "Engaged sessions",
        "TYPE_INTEGER",
        lambda hits: sum(hit.name == "session_start" and hit.is_engaged for hit in hits),
    ),
    "keyEvents": ("Key events", "TYPE_FLOAT", _count("purchase")),
    "newUsers": (
        "New users",
        "TYPE_INTEGER",
        lambda hits: sum(hit.name == "session_start" and hit.is_new_user for hit in hits),
    ),
    "purchaseRevenue": ("Purchase revenue", "TYPE_CURRENCY", _money),
    "screenPageViews": ("Views", "TYPE_INTEGER", _count("page_view")),
    "sessions": ("Sessions", "TYPE_INTEGER", _count("session_start")),
    "totalUsers": ("Total users", "TYPE_INTEGER", lambda hits: len({hit.user for hit in hits})),
}


@dataclass(frozen=True)
class Question:
    """A checked request: days first <= day <= last."""

    first: date
    last: date
    dimensions: tuple[str, ...]
    metrics: tuple[str, ...]
    order_by: tuple[tuple[str, bool], ...]  # dimension or metric, whether from the highest
    limit: int
    offset: int
    keeps_empty_rows: bool


def answer(store: Store, hits: Hits, question: Question) -> Json:
    """The response without its quota."""
    days = [
        question.first + timedelta(days=n) for n in range((question.last - question.first).days + 1)
    ]
    rows = _rows(store, hits, question, days)
    page = rows[question.offset : question.offset + question.limit]
    reply: Json = {
        "dimensionHeaders": [{"name": name} for name in question.dimensions],
        "metricHeaders": [{"name": name, "type": METRICS[name][1]} for name in question.metrics],
        "rows": [
            {
                "dimensionValues": [{"value": value} for value in values],
                "metricValues": [{"value": str(number)} for number in numbers],
            }
            for values, numbers in page
        ],
        "rowCount": len(rows),
        "metadata": _metadata(store, question, days),
        "kind": "analyticsData#runReport",
    }
    # proto3 JSON leaves out what is empty.
    return {name: part for name, part in reply.items() if part not in ([], 0)}


Cells = tuple[tuple[str, ...], tuple[int | str, ...]]


def _rows(store: Store, hits: Hits, question: Question, days: list[date]) -> list[Cells]:
    groups: dict[tuple[str, ...], list[Hit]] = {}
    for day in days:
        pages = _kept_pages(store, hits, day) if "pagePath" in question.dimensions else None
        for hit in hits.get(day, ()):
            values = tuple(
                quality.OTHER
                if name == "pagePath" and pages is not None and hit.dimensions[name] not in pages
                else hit.dimensions[name]
                for name in question.dimensions
            )
            groups.setdefault(values, []).append(hit)
    rows: list[Cells] = []
    for values, group in groups.items():
        if _is_withheld(store, question, values, group):
            continue
        numbers = tuple(METRICS[name][2](group) for name in question.metrics)
        if len(days) > quality.LONGEST_EXACT:
            numbers = tuple(_estimate(number) for number in numbers)
        if question.keeps_empty_rows or any(str(number) != "0" for number in numbers):
            rows.append((values, numbers))
    return _sorted(rows, question)


def _kept_pages(store: Store, hits: Hits, day: date) -> set[str] | None:
    """The pages that keep their own row on a day that has an (other) row; None: all do."""
    if not quality.folds_pages(store, day):
        return None
    views: dict[str, int] = {}
    for hit in hits.get(day, ()):
        page = hit.dimensions["pagePath"]
        views[page] = views.get(page, 0) + (hit.name == "page_view")
    ranked = sorted(views, key=lambda page: (-views[page], page))
    return set(ranked[: quality.KEPT_PAGES])


def _is_withheld(
    store: Store, question: Question, values: tuple[str, ...], group: list[Hit]
) -> bool:
    if "country" not in question.dimensions:
        return False
    few = len({hit.user for hit in group}) < quality.LEAST_USERS
    return few and quality.withholds_countries(store, _day(group[0]))


def _day(hit: Hit) -> date:
    return date.fromisoformat(hit.dimensions["date"])


def _estimate(number: int | str) -> int | str:
    """From a sample of one in ten."""
    return int(float(number)) // 10 * 10


def _sorted(rows: list[Cells], question: Question) -> list[Cells]:
    """By the order asked for; rows that are equal in it by their dimensions."""
    rows = sorted(rows)
    for name, from_highest in reversed(question.order_by):
        if name in question.dimensions:
            place = question.dimensions.index(name)
            rows.sort(key=lambda row: row[0][place], reverse=from_highest)
        else:
            place = question.metrics.index(name)
            rows.sort(key=lambda row: float(row[1][place]), reverse=from_highest)
    return rows


def _metadata(store: Store, question: Question, days: list[date]) -> Json:
    meta: Json = {"currencyCode": store.currency, "timeZone": store.timezone}
    asked = question.dimensions
    if "pagePath" in asked and any(quality.folds_pages(store, day) for day in days):
        meta["dataLossFromOtherRow"] = True
    if "country" in asked and any(quality.withholds_countries(store, day) for day in days):
        meta["subjectToThresholding"] = True
    if len(days) > quality.LONGEST_EXACT:
        meta["samplingMetadatas"] = [{"samplesReadCount": "1000", "samplingSpaceSize": "10000"}]
    elif "deviceCategory" in asked and any(quality.samples(store, day) for day in days):
        meta["samplingMetadatas"] = [{"samplesReadCount": "5000", "samplingSpaceSize": "8000"}]
    return meta
