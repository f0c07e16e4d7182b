"""HTTP status and network failure -> the error class that says what to do next. The only place."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from tributary.errors import (
    AccountSkipped,
    AuthenticationFailed,
    ConfigurationError,
    RateLimited,
    RequestRejected,
    Retryable,
    TributaryError,
    VendorUnavailable,
)

_CLASSES: Mapping[int, type[TributaryError]] = {
    401: AuthenticationFailed,
    402: AccountSkipped,  # plan or bill
    403: AccountSkipped,  # scope or permission
    408: VendorUnavailable,
    423: AccountSkipped,  # locked
    425: VendorUnavailable,
    429: RateLimited,
}
_NEXT_STEP: Mapping[type[TributaryError], str] = {
    AuthenticationFailed: "Renew the credentials in the connection, then clear the task.",
    AccountSkipped: "Give the app the permission or plan it lacks; other accounts go on.",
    ConfigurationError: "Correct the host of the connection.",
    RateLimited: "It is tried again after the wait the vendor asked for.",
    VendorUnavailable: "It is tried again.",
    RequestRejected: "This is a bug in the connector; trying again does not help.",
}


def class_of(
    status: int, overrides: Mapping[int, type[TributaryError]] | None = None
) -> type[TributaryError] | None:
    """The error class of an HTTP status, None for success; `overrides` are the vendor's own."""
    if 200 <= status < 300:
        return None
    if overrides and status in overrides:
        return overrides[status]
    if status in _CLASSES:
        return _CLASSES[status]
    if status >= 500:
        return VendorUnavailable
    if 300 <= status < 400:
        return ConfigurationError
    return RequestRejected


def next_step(kind: type[TributaryError]) -> str:
    """The sentence that ends a message of this class."""
    return _NEXT_STEP.get(kind, "")


def make_error(
    kind: type[TributaryError], what: str, wait_seconds: float | None = None
) -> TributaryError:
    """An error of class `kind`: what happened and where, then the next step."""
    message = f"{what}. {next_step(kind)}".rstrip()
    if issubclass(kind, Retryable):
        return kind(message, wait_seconds)
    return kind(message)


def retry_after(headers: httpx.Headers, now: datetime) -> float | None:
    """Seconds to wait by the Retry-After header: a number or an HTTP date; None when absent."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())


def network_error(error: httpx.HTTPError | httpx.InvalidURL, where: str) -> TributaryError:
    """What a failure below HTTP means; certificates and addresses are the user's to correct."""
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return ConfigurationError(f"{where} is not an address that can be asked: {error}")
    if _certificate_refused(error):
        return ConfigurationError(
            f"the certificate of {where} is not trusted by the certificate bundle in use. Behind a"
            " company proxy set SSL_CERT_FILE to the company's PEM bundle; if SSL_CERT_FILE is"
            " set already, it names the wrong one"
        )
    kind = type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        return VendorUnavailable(f"{where} did not answer in time ({kind})")
    return VendorUnavailable(f"{where} cannot be reached, or the answer was cut off ({kind})")


def _certificate_refused(error: BaseException) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY" in str(seen):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
