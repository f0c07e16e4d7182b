"""A value that cannot become a row, and keys of persons."""

from __future__ import annotations

import hashlib
import hmac

from tributary.settings import required


class BadValue(Exception):
    """This line cannot become a row; the text is the reason shown in quarantine."""


def person_key(text: str) -> str:
    """An e-mail address as user key becomes a keyed hash; other keys stay."""
    if "@" not in text:
        return text
    key = required("TRIBUTARY_KEY").encode()
    return "h" + hmac.new(key, text.strip().lower().encode(), hashlib.sha256).hexdigest()[:32]
