"""A value that cannot become a row, and keys of persons and clicks."""

from __future__ import annotations

import hashlib
import hmac
import re

from tributary.settings import required

# Click ids that one click has, and nobody else's. gbraid and wbraid stand for many clicks at once,
# srsltid is in the addresses that a search engine shows to everybody.
OWN_CLICK_IDS = ("gclid", "dclid", "msclkid", "ttclid", "li_fat_id", "twclid", "fbclid")
# Shorter or other texts ("{gclid}", "test") are a link's mistake.
_CLICK_ID = re.compile(r"[A-Za-z0-9_.~-]{10,}")
_KEY = re.compile(r"h[0-9a-f]{32}")
# Of an amount; credits split it in its smallest unit, as 64 bits.
MOST_DIGITS = 18


class BadValue(Exception):
    """This line cannot become a row; the text is the reason shown in quarantine."""


def person_key(text: str) -> str:
    """An e-mail address as user key becomes a keyed hash; other keys stay."""
    return _keyed(text.strip().lower()) if "@" in text else text


def is_key(text: str) -> bool:
    """Whether a text is a keyed hash made here."""
    return _KEY.fullmatch(text) is not None


def email_key(text: str) -> str:
    """The keyed hash of an e-mail address; '' for what is none. A key stays."""
    return person_key(text) if "@" in text or is_key(text) else ""


def click_key(value: str, kind: str = OWN_CLICK_IDS[0]) -> str:
    """The keyed hash of a click id; '' where it may be of many clicks, or is none. A key stays."""
    if kind not in OWN_CLICK_IDS or not _CLICK_ID.fullmatch(value):
        return ""
    return value if is_key(value) else _keyed(f"click {value}")


def _keyed(text: str) -> str:
    key = required("TRIBUTARY_KEY").encode()
    return "h" + hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]
