"""Orders may carry personal data in their e-mail address and their visits' addresses; only what is
needed stays, as keyed hashes.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from tributary.connectors.shared.values import click_key, email_key
from tributary.transport.redaction import redact

_UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "utm_id")
# Click ids the vendors put in a landing page; all other parameters may hold anything and are cut.
CLICK_IDS = (
    "gclid",
    "gbraid",
    "wbraid",
    "dclid",
    "srsltid",
    "fbclid",
    "ttclid",
    "msclkid",
    "twclid",
    "li_fat_id",
    "epik",
    "ScCid",
    "rdt_cid",
    "yclid",
)
_KEPT_PARAMETERS = {name.lower() for name in (*_UTM, *CLICK_IDS)}


def scrub(payload: dict[str, Any]) -> None:
    """The e-mail address becomes a key; of visits' addresses campaign parameters and keys of click
    ids stay. A second time changes nothing.
    """
    if payload.get("email"):
        payload["email"] = email_key(payload["email"])
    journey = payload.get("customerJourneySummary") or {}
    for moment in (journey.get("moments") or {}).get("nodes", []):
        for name in ("landingPage", "referrerUrl"):
            if moment.get(name):
                moment[name] = scrubbed_url(moment[name])
        utm = moment.get("utmParameters") or {}
        for name, value in utm.items():
            if value:
                utm[name] = redact(value)


def scrubbed_url(url: str) -> str:
    """The address with campaign parameters and click ids, without the rest of its query.

    A click id that is one click's becomes its key."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    kept = [
        (k, click_key(v, k.lower()) or v)
        for k, v in parse_qsl(parts.query)
        if k.lower() in _KEPT_PARAMETERS
    ]
    return redact(urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(kept), "")))
