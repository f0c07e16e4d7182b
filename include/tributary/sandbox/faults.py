"""Faults on request: what a vendor does on a bad day, asked for by whoever tests or tries.

POST   /control/faults {"kind": "throttled", "vendor": "shopify", "times": 3}   the next 3 answers
GET    /control/faults    the kinds in words, and those still to come
DELETE /control/faults    back to good days

`times`: how many answers it spoils; `skip`: how many matching answers stay good before; `account`:
only requests whose path names it; `seconds`: how long `slow` waits, or the wait a throttled answer
asks for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import msgspec
from fastapi import Request, Response

from tributary.clock import Clock
from tributary.sandbox.fault_shapes import DIALECTS, Dialect, Json

KINDS = {
    "throttled": "429: too many requests, wait `seconds`",
    "unavailable": "503: the vendor is down",
    "truncated": "status 200, the body cut off in the middle",
    "error_in_body": "status 200, and the body says that it failed",
    "renamed_field": "a field of every record has another name",
    "new_field": "every record has a field nobody knows",
    "duplicate_page": "a page holds the records of the page before it once more",
    "slow": "the answer takes `seconds` longer",
    "token_expired": "401: the access token is no longer good",
    "token_revoked": "the credentials are refused, at the token endpoint too",
    "clock_moved": "the world is a day on, from this answer: orders came, changed, went back",
    "empty": "a complete answer without any record, as on a day without data",
}
_INSTEAD = {"throttled", "unavailable", "error_in_body", "token_expired", "token_revoked"}
_OF_RECORDS = {"renamed_field", "new_field", "duplicate_page", "empty"}
Next = Callable[[Request], Awaitable[Response]]


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """One fault to come. `done` counts the answers it has spoiled."""

    kind: str
    vendor: str
    account: str = ""
    times: int = 1
    skip: int = 0
    seconds: float = 1.0
    done: int = 0

    def __post_init__(self) -> None:
        for name, value, known in (
            ("kind", self.kind, KINDS),
            ("vendor", self.vendor, DIALECTS),
        ):
            if value not in known:
                raise ValueError(f"{name} {value!r} is not one of {', '.join(known)}")
        if self.times < 1 or self.skip < 0 or not 0 <= self.seconds <= 600:
            raise ValueError("times is at least 1, skip at least 0, seconds from 0 to 600")


class Faults:
    """The faults to come, and the middleware that lets them happen."""

    def __init__(self, clock: Clock, a_day_on: Callable[[], None]) -> None:
        """`a_day_on` moves the world."""
        self._clock, self._a_day_on = clock, a_day_on
        self._coming: list[Fault] = []
        self._last_page: dict[str, list[Json]] = {}

    def add(self, body: Json) -> None:
        """Raises ValueError (msgspec.ValidationError is one) with a sentence for people."""
        self._coming.append(msgspec.convert(body, Fault))

    def clear(self) -> None:
        self._coming.clear()

    def to_json(self) -> Json:
        return {
            "kinds": KINDS,
            "vendors": list(DIALECTS),
            "coming": [msgspec.to_builtins(fault) for fault in self._coming],
        }

    async def middleware(self, request: Request, call_next: Next) -> Response:
        path = request.url.path
        revoked = self._revoked_token(path)
        if revoked is not None:
            return revoked
        dialect = next((d for d in DIALECTS.values() if path.startswith(d.prefix)), None)
        if dialect is None:
            return await call_next(request)
        fault = self._due(dialect, path, _INSTEAD)
        if fault is not None:
            return _made(*dialect.answers[fault.kind], wait=fault)
        if self._due(dialect, path, {"clock_moved"}) is not None:
            await anyio.to_thread.run_sync(self._a_day_on)
        response = await call_next(request)
        body = b"".join([chunk async for chunk in response.body_iterator])  # type: ignore[attr-defined]
        if response.status_code == 200:
            body = await self._spoil(dialect, path, body)
        headers = {k: v for k, v in response.headers.items() if k != "content-length"}
        return Response(body, response.status_code, headers)

    async def _spoil(self, dialect: Dialect, path: str, body: bytes) -> bytes:
        """The body as the faults of a whole answer leave it."""
        reply = msgspec.json.decode(body)
        slow = self._due(dialect, path, {"slow"})
        if slow is not None:
            await anyio.to_thread.run_sync(self._clock.sleep, slow.seconds)
        before = self._last_page.get(path, [])
        self._last_page[path] = list(dialect.records(reply) or ())
        fitting = {kind for kind in (*_OF_RECORDS, "truncated") if dialect.fits(kind, reply)}
        fault = self._due(dialect, path, fitting)
        if fault is None:
            return body
        if fault.kind == "truncated":
            return body[: len(body) // 2]
        dialect.spoil(fault.kind, reply, before)
        return msgspec.json.encode(reply)

    def _revoked_token(self, path: str) -> Response | None:
        for fault in self._coming:
            dialect = DIALECTS[fault.vendor]
            if fault.kind == "token_revoked" and dialect.token_path and path == dialect.token_path:
                return _made(*dialect.answers["token_refused"])
        return None

    def _due(self, dialect: Dialect, path: str, kinds: set[str]) -> Fault | None:
        """The first fault of these kinds whose turn this answer is; its count moves."""
        for fault in self._coming:
            if fault.kind not in kinds or fault.vendor != dialect.name:
                continue
            if fault.account and f"/{fault.account}" not in path:
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.done += 1
            if fault.done >= fault.times:
                self._coming.remove(fault)
            return fault
        return None


def _made(status: int, content: Json, wait: Fault | None = None) -> Response:
    headers = {}
    if wait is not None and wait.kind == "throttled":
        headers["Retry-After"] = f"{wait.seconds:g}"
    return Response(msgspec.json.encode(content), status, headers, "application/json")
