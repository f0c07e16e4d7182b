"""What Airflow does after each class of error: retry what can cure itself, fail the rest."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from airflow.sdk import RetryDecision, RetryPolicy

from tributary.errors import RateLimited, Retryable, TributaryError

if TYPE_CHECKING:
    from airflow.sdk import Context

RETRIES = 5


class ByErrorClass(RetryPolicy):
    """Retryable errors wait the vendor's hint, else `base_seconds` doubling up to `cap_seconds`.

    AuthenticationFailed, RequestRejected, SchemaDrift, ConfigurationError, CheckFailed,
    Superseded and errors we did not foresee fail at once: waiting does not cure them.
    """

    def __init__(self, base_seconds: float = 30, cap_seconds: float = 900) -> None:
        self.base_seconds = base_seconds
        self.cap_seconds = cap_seconds

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Context | None = None,
    ) -> RetryDecision:
        del max_tries, context  # Airflow counts the tries itself
        kind = type(exception).__name__
        if isinstance(exception, Retryable) and exception.wait_seconds is not None:
            wait = max(exception.wait_seconds, 1.0)
            what = "the vendor's limit" if isinstance(exception, RateLimited) else kind
            return RetryDecision.retry(
                timedelta(seconds=wait), f"{what}: the vendor asks to wait {wait:.0f} s"
            )
        if _can_cure_itself(exception):
            wait = min(self.cap_seconds, self.base_seconds * 2 ** (max(try_number, 1) - 1))
            return RetryDecision.retry(timedelta(seconds=wait), f"{kind}: again in {wait:.0f} s")
        if isinstance(exception, TributaryError):
            return RetryDecision.fail(f"{kind} is not cured by trying again")
        return RetryDecision.fail(f"{kind} was not foreseen: a bug, not cured by trying again")

    def serialize(self) -> dict[str, Any]:
        return {"base_seconds": self.base_seconds, "cap_seconds": self.cap_seconds}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Self:
        return cls(**data)


def _can_cure_itself(exception: BaseException) -> bool:
    """Ours, a lost network, or a warehouse that restarts, is full of sessions or deadlocked."""
    import psycopg

    return isinstance(
        exception, Retryable | ConnectionError | TimeoutError | psycopg.OperationalError
    )
