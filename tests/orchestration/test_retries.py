"""What Airflow does after each class of error."""

from __future__ import annotations

import psycopg
import pytest

from tributary import errors

RETRY = [
    (errors.RateLimited("wait", wait_seconds=400), 1, 400.0),
    (errors.RateLimited("wait", wait_seconds=7200), 3, 7200.0),
    (errors.RateLimited("wait"), 1, 30.0),
    (errors.VendorUnavailable("503"), 1, 30.0),
    (errors.VendorUnavailable("503"), 2, 60.0),
    (errors.VendorUnavailable("503"), 3, 120.0),
    (errors.VendorUnavailable("503"), 12, 900.0),
    (errors.VendorUnavailable("503", wait_seconds=0), 1, 1.0),
    (psycopg.OperationalError("the server restarts"), 2, 60.0),
    (psycopg.errors.DeadlockDetected("deadlock"), 1, 30.0),
    (ConnectionResetError(), 1, 30.0),
]
FAIL = [
    errors.AuthenticationFailed("401"),
    errors.RequestRejected("400"),
    errors.SchemaDrift("total is gone"),
    errors.ConfigurationError("no folder"),
    errors.CheckFailed("two keys"),
    errors.Superseded("another run"),
    psycopg.errors.UniqueViolation("key"),
    KeyError("a bug"),
]


@pytest.mark.parametrize(("error", "try_number", "seconds"), RETRY, ids=lambda v: repr(v)[:40])
def test_what_can_cure_itself_is_retried_after_the_vendors_hint_or_doubling(
    airflow: None, error: Exception, try_number: int, seconds: float
) -> None:
    from airflow.sdk import RetryAction

    from tributary.orchestration.retries import ByErrorClass

    decision = ByErrorClass().evaluate(error, try_number, 5)
    assert decision.action is RetryAction.RETRY
    assert decision.retry_delay is not None
    assert decision.retry_delay.total_seconds() == seconds


@pytest.mark.parametrize("error", FAIL, ids=lambda e: type(e).__name__)
def test_what_waiting_does_not_cure_fails_at_once(airflow: None, error: Exception) -> None:
    from airflow.sdk import RetryAction

    from tributary.orchestration.retries import ByErrorClass

    assert ByErrorClass().evaluate(error, 1, 5).action is RetryAction.FAIL


def test_every_error_class_is_in_the_table(airflow: None) -> None:
    """A new error class has to be thought about here."""
    listed = {type(error) for error, *_ in RETRY} | {type(error) for error in FAIL}
    skipped = {errors.AccountSkipped}  # never reaches the policy: a skip, not a failure
    bases = {errors.TributaryError, errors.Retryable}
    every = {c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, Exception)}
    assert every - bases - skipped - listed == set()


def test_the_policy_survives_serialization(airflow: None) -> None:
    from tributary.orchestration.retries import ByErrorClass

    policy = ByErrorClass.deserialize(ByErrorClass(base_seconds=5, cap_seconds=60).serialize())
    assert (policy.base_seconds, policy.cap_seconds) == (5, 60)
