"""Page addresses of web events: hosts, campaign parameters, click ids; nothing else is kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit

from tributary.connectors.shared.values import OWN_CLICK_IDS

# Query parameter -> click id type, best evidence first.
CLICK_IDS = {
    "gclid": "gclid",
    "gbraid": "gbraid",
    "wbraid": "wbraid",
    "dclid": "dclid",
    "msclkid": "msclkid",
    "ttclid": "ttclid",
    "li_fat_id": "li_fat_id",
    "twclid": "twclid",
    "fbclid": "fbclid",
    "srsltid": "srsltid",
}
_SECOND_LEVEL = frozenset(["ac", "co", "com", "edu", "gov", "net", "or", "org"])


@dataclass(frozen=True)
class PageUrl:
    """What is kept of an address. `page` has no query, no fragment and no e-mail address;
    `click_id` is one click's own, for `click_key`.
    """

    page: str = ""
    host: str = ""
    source: str = ""
    medium: str = ""
    campaign: str = ""
    click_id_type: str = ""
    click_id: str = ""


@lru_cache(maxsize=50_000)
def parse(url: str) -> PageUrl:
    """Take an address apart; one that is none gives the empty PageUrl."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return PageUrl()
    if not host:
        return PageUrl()
    path = parts.path if "@" not in parts.path and "%40" not in parts.path else "/..."
    query: dict[str, str] = {}
    for key, value in parse_qsl(parts.query, max_num_fields=None):
        query.setdefault(key.lower(), value.strip())
    clicked = next((key for key in CLICK_IDS if query.get(key)), "")
    return PageUrl(
        page=f"{parts.scheme}://{parts.netloc.rsplit('@', 1)[-1]}{path}",
        host=host,
        source=query.get("utm_source", ""),
        medium=query.get("utm_medium", ""),
        campaign=query.get("utm_campaign", ""),
        click_id_type=CLICK_IDS.get(clicked, ""),
        click_id=query.get(clicked, "") if clicked in OWN_CLICK_IDS else "",
    )


@lru_cache(maxsize=50_000)
def domain(host: str) -> str:
    """The registrable part of a host, by rule of thumb: shop.example.co.uk -> example.co.uk."""
    labels = host.lower().strip(".").split(".")
    if len(labels) < 2:
        return host.lower()
    country = len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
    return ".".join(labels[-3 if country else -2 :])
