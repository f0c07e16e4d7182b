"""How often a vendor may be asked, and how long to wait before asking again."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tributary.clock import Clock


@dataclass(frozen=True)
class Rate:
    """At most `per_second` requests in the long run, `burst` at once."""

    per_second: float
    burst: int = 1


class RateLimiter:
    """A token bucket; waits on the clock until the next request is allowed."""

    def __init__(self, rate: Rate | None, clock: Clock) -> None:
        self._rate, self._clock = rate, clock
        self._tokens = float(rate.burst) if rate else 0.0
        self._at = clock.monotonic()

    def wait(self) -> None:
        if self._rate is None:
            return
        self._refill(self._rate)
        if self._tokens < 1:
            self._clock.sleep((1 - self._tokens) / self._rate.per_second)
            self._refill(self._rate)
        self._tokens -= 1

    def _refill(self, rate: Rate) -> None:
        now = self._clock.monotonic()
        self._tokens = min(rate.burst, self._tokens + (now - self._at) * rate.per_second)
        self._at = now


@dataclass(frozen=True)
class RetryPolicy:
    """Waits double from `base_seconds` to `cap_seconds`, shortened by chance to spread callers.

    A vendor's own hint is never shortened. When all waits of one call would exceed
    `budget_seconds` the call gives up, and the caller (Airflow) tries again later.
    """

    attempts: int = 6
    base_seconds: float = 1.0
    cap_seconds: float = 60.0
    budget_seconds: float = 300.0

    def delay(self, attempt: int, hint: float | None, random: Random) -> float:
        """Seconds to wait after failed attempt number `attempt` (1 is the first)."""
        if hint is not None:
            return hint + random.uniform(0, min(1.0, hint / 10))
        full = min(self.cap_seconds, self.base_seconds * 2.0 ** (attempt - 1))
        return full * random.uniform(0.5, 1.0)
