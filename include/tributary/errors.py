"""Every error Tributary raises on purpose, grouped by what to do next.

TributaryError
├── Retryable            try again: the cause can cure itself
│   ├── RateLimited      after the wait the vendor asked for
│   └── VendorUnavailable
├── AuthenticationFailed renew the credentials, then clear the task
├── AccountSkipped       this account only: permission or scope is missing, others go on
├── RequestRejected      our request is wrong: a bug, never retried
├── SchemaDrift          the vendor changed a field we need: stop the stream
├── ConfigurationError   the user's setting, file or folder is wrong
├── CheckFailed          data broke a contract with severity stop: publish nothing
└── Superseded           another run took the candidate rows: start again from build

A message says what happened, where, and the next step, and never holds a secret or an address:
`transport.redaction` cleans what comes from a vendor before it gets here.
"""

from __future__ import annotations


class TributaryError(Exception):
    """Base of all errors raised on purpose."""


class Retryable(TributaryError):
    """The cause can cure itself; `wait_seconds` is the vendor's hint, or None."""

    def __init__(self, message: str, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class RateLimited(Retryable):
    """The vendor's quota is used up for now."""


class VendorUnavailable(Retryable):
    """Network failure, 5xx, or a body that was cut off."""


class AuthenticationFailed(TributaryError):
    """The vendor refused the credentials."""


class AccountSkipped(TributaryError):
    """This account cannot be read (scope, plan, permission); the others go on."""


class RequestRejected(TributaryError):
    """The vendor calls our request wrong: a bug in the connector."""


class SchemaDrift(TributaryError):
    """A field the connector needs is missing or has another type."""


class ConfigurationError(TributaryError):
    """A setting, file or folder given by the user cannot be used as it is."""


class CheckFailed(TributaryError):
    """A check of severity stop failed; nothing was published."""


class Superseded(TributaryError):
    """Another unify run replaced this run's candidate rows."""
