"""Takes secrets and e-mail addresses out of text on its way to a log line or an error."""

from __future__ import annotations

import logging
import re

HIDDEN = "[hidden]"
EMAIL = "[e-mail]"
_SHORTEST_SECRET = 6

# Names whose values are secret, wherever they stand: header, query string, JSON, Python repr.
_NAMES = (
    r"(?:proxy-)?authorization|x-[a-z-]*(?:token|key|secret|hmac[a-z0-9-]*)|set-cookie|cookie"
    r"|api[-_]?key|(?:access|refresh|id|auth|session|bearer)[-_]?token|client[-_]?secret"
    r"|app[-_]?secret|private[-_]?key|passwd|password|secret|token|signature|hmac"
)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # 'name': 'value', "name": "value", (b'name', b'value')
    (
        re.compile(rf"""(?i)(["'](?:{_NAMES})["']\s*[:,]\s*b?)(["'])(?:\\.|(?!\2).)*\2"""),
        rf"\1\2{HIDDEN}\2",
    ),
    # name=value, also inside a query string
    (re.compile(rf"(?i)\b({_NAMES})(\s?=\s?)[^\s&,;\"')\]}}]+"), rf"\1\2{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{6,}"), rf"\1 {HIDDEN}"),
    # Name: value; a short plain word after a colon is prose, not a secret
    (re.compile(rf"(?i)\b({_NAMES})(:\s*)(?!\[)[^\s,;\"']{{12,}}"), rf"\1\2{HIDDEN}"),
    # https://user:password@host
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), rf"\1{HIDDEN}@"),
    # Vendors' own shapes: Shopify, Google, Meta, Klaviyo, Amazon, JWT
    (
        re.compile(
            r"\bshp(?:at|ca|pa|ss|ua|tka|rt)_\w{8,}|\bya29\.[\w.-]{8,}|\bAIza[\w-]{20,}"
            r"|\bEAA[A-Za-z0-9]{20,}|\bpk_[0-9a-f]{20,}|\bAtz[ar]\|[\w|+/=-]{8,}"
            r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
        ),
        HIDDEN,
    ),
    (
        re.compile(
            r"[A-Za-z0-9][A-Za-z0-9._%+-]*(?:@|%40)[A-Za-z0-9](?:[A-Za-z0-9-]*\.)+[A-Za-z]{2,}"
        ),
        EMAIL,
    ),
)
_known: set[str] = set()


def remember_secret(value: str) -> None:
    """From now on `value` is hidden wherever it appears, whatever its shape."""
    if len(value) >= _SHORTEST_SECRET:
        _known.add(value)


def redact(text: str) -> str:
    """`text` with secrets replaced by [hidden] and e-mail addresses by [e-mail]."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class RedactingFilter(logging.Filter):
    """Cleans a record's message and traceback; put it on a logger or a handler."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        return True


_FILTER = RedactingFilter()
_HTTP_LOGGERS = (
    "tributary.transport",
    "httpx",
    "httpcore.connection",
    "httpcore.proxy",
    "httpcore.http11",
    "httpcore.http2",
)


def redact_http_logs() -> None:
    """Clean our own and the HTTP library's log lines; safe to call again."""
    for name in _HTTP_LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)
