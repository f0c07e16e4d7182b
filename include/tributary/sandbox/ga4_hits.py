"""The events of the export as GA4's reports count them: each once, with its report dimensions.

Source: vendor page, sections A and C; default channel grouping as in Google's help page 9756891.
Events without a user (no consent) are in the export only. A purchase that is loaded again is one
purchase when it has a transaction id.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from tributary.sandbox import ga4
from tributary.sandbox.catalog import Store
from tributary.sandbox.world import World

NOT_SET = "(not set)"
_DIRECT = ("(direct)", "(none)", "(direct)")
# The property's list of unwanted referrals: payment pages start no session of their own source.
_UNWANTED = {"paypal.com", "www.paypal.com"}
_SEARCH = {"google", "bing", "duckduckgo"}
_SOCIAL = {"facebook", "fb", "ig", "instagram", "instagram.com", "tiktok"}
_SOCIAL_MEDIA = {"social", "social-network", "social-media", "sm", "social network", "social media"}
_PAID = re.compile(r"^(.*cp.*|ppc|retargeting|paid.*)$")
_EMAIL = {"email", "e-mail", "e_mail", "e mail"}


@dataclass(frozen=True)
class Hit:
    """One event. `dimensions` are those of its session and its own, by the vendor's names."""

    name: str
    user: str
    dimensions: Mapping[str, str]
    is_engaged: bool
    is_new_user: bool
    revenue: int  # minor units of the property's currency


def hits(world: World, store: Store) -> dict[date, list[Hit]]:
    """Every day's events."""
    days = {day: _counted(rows) for day, rows in sorted(ga4.days(world, store).items())}
    sessions: dict[tuple[str, int], list[ga4.Row]] = {}
    for rows in days.values():
        for row in rows:
            sessions.setdefault(_session(row), []).append(row)
    about = {key: _about(rows) for key, rows in sessions.items()}
    engaged = {key for key, rows in sessions.items() if _is_engaged(rows)}
    return {
        day: [_hit(row, about[_session(row)], _session(row) in engaged) for row in rows]
        for day, rows in days.items()
    }


def _counted(rows: list[ga4.Row]) -> list[ga4.Row]:
    found: dict[tuple[Any, ...], ga4.Row] = {}
    for row in rows:
        if not row["user_pseudo_id"]:
            continue
        order = _param(row, "transaction_id")
        key = (row["user_pseudo_id"], row["event_name"], row["event_timestamp"])
        if order not in ("", NOT_SET):
            key = (row["user_pseudo_id"], row["event_name"], order)
        found.setdefault(key, row)
    return list(found.values())


def _session(row: ga4.Row) -> tuple[str, int]:
    return row["user_pseudo_id"], int(_param(row, "ga_session_id"))


def _param(row: ga4.Row, name: str) -> str:
    for param in row["event_params"]:
        if param["key"] == name:
            return str(next(iter(param["value"].values())))
    return ""


def _is_engaged(rows: list[ga4.Row]) -> bool:
    names = [row["event_name"] for row in rows]
    return names.count("page_view") > 1 or "purchase" in names


def _about(rows: list[ga4.Row]) -> dict[str, str]:
    """The dimensions of a session."""
    source, medium, campaign = _source(rows)
    return {
        "sessionSource": source,
        "sessionMedium": medium,
        "sessionCampaignName": campaign,
        "sessionDefaultChannelGroup": channel_group(source, medium),
        "deviceCategory": rows[0]["device"]["category"],
        "country": rows[0]["geo"]["country"],
    }


def _source(rows: list[ga4.Row]) -> tuple[str, str, str]:
    """Source, medium and campaign: what an event names, else its click id, else where it came
    from."""
    for row in rows:
        source, medium = _param(row, "source"), _param(row, "medium")
        if source == "(direct)" or source in _UNWANTED:
            return _DIRECT
        if source:
            unnamed = f"({medium})" if medium in ("organic", "referral") else NOT_SET
            return source, medium, _param(row, "campaign") or unnamed
    for row in rows:
        if (row.get("collected_traffic_source") or {}).get("gclid"):
            return "google", "cpc", NOT_SET
    site = urlsplit(_param(rows[0], "page_location")).hostname
    host = urlsplit(_param(rows[0], "page_referrer")).hostname
    if host and host != site and host not in _UNWANTED:
        return host, "referral", "(referral)"
    return _DIRECT


def channel_group(source: str, medium: str) -> str:
    """The default channel group, as far as the sandbox's traffic needs it."""
    source, medium = source.lower(), medium.lower()
    if source == "(direct)":
        return "Direct"
    if _PAID.match(medium):
        kinds = ((_SOCIAL, "Paid Social"), (_SEARCH, "Paid Search"))
        return next((group for sites, group in kinds if source in sites), "Paid Other")
    if source in _SOCIAL or medium in _SOCIAL_MEDIA:
        return "Organic Social"
    if source in _SEARCH or medium == "organic":
        return "Organic Search"
    if medium in _EMAIL:
        return "Email"
    named = {"affiliate": "Affiliates", "referral": "Referral"}
    return named.get(medium, "Unassigned")


def _hit(row: ga4.Row, about: Mapping[str, str], is_engaged: bool) -> Hit:
    name, ecommerce = row["event_name"], row.get("ecommerce") or {}
    own = {
        "date": row["event_date"],
        "pagePath": urlsplit(_param(row, "page_location")).path,
        "transactionId": _param(row, "transaction_id") or NOT_SET,
    }
    return Hit(
        name=name,
        user=row["user_pseudo_id"],
        dimensions={**about, **own},
        is_engaged=is_engaged,
        is_new_user=_param(row, "ga_session_number") == "1",
        revenue=round(ecommerce.get("purchase_revenue", 0) * 100) if name == "purchase" else 0,
    )
