"""The one HTTP client: timeouts, retries with jitter, rate limit, body checks, clean errors."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from tributary.errors import (
    ConfigurationError,
    Retryable,
    SchemaDrift,
    TributaryError,
    VendorUnavailable,
)
from tributary.transport import status
from tributary.transport.limits import Rate, RateLimiter, RetryPolicy
from tributary.transport.redaction import redact, redact_http_logs
from tributary.transport.wire import Wire, current_wire

logger = logging.getLogger("tributary.transport")
T = TypeVar("T")

TIMEOUT = httpx.Timeout(connect=10.0, read=60.0, write=30.0, pool=10.0)
_BODY_EXCERPT = 200
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Refusal:
    """What the body of an error status means, in the vendor's own words; `wait_seconds` where the
    vendor's documents name a wait."""

    kind: type[TributaryError]
    said: str
    wait_seconds: float | None = None


@dataclass(frozen=True)
class Service:
    """One vendor API as one connection sees it. `connection` names it in errors for people.

    `statuses` are the vendor's own meanings of an HTTP status, before the common ones. `refusal`
    reads the body of an error status where the status alone does not say what to do next; None
    leaves it to the status.
    """

    name: str
    base_url: str
    connection: str
    auth: httpx.Auth | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    rate: Rate | None = None
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeout: httpx.Timeout = field(default_factory=lambda: TIMEOUT)
    statuses: Mapping[int, type[TributaryError]] = field(default_factory=dict)
    refusal: Callable[[int, bytes], Refusal | None] | None = None


@dataclass(frozen=True)
class Answer(Generic[T]):
    """A checked answer: its decoded body and its headers."""

    value: T
    headers: Mapping[str, str]


class Client:
    """Asks one vendor API; use it as a context manager. `calls` counts requests really sent."""

    def __init__(self, service: Service, wire: Wire | None = None) -> None:
        redact_http_logs()
        self._service = service
        self._wire = wire or current_wire()
        self._limiter = RateLimiter(service.rate, self._wire.clock)
        self._http = _open(service, self._wire)
        self.calls = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._http.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        decode: Callable[[bytes], T],
        check: Callable[[T], None] = lambda value: None,
        json: Any = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer[T]:
        """Ask until there is a whole, well-formed answer that `check` accepts.

        `check` raises for errors inside a body of status 200. Retryable errors are tried again
        within the service's retry policy, then raised; all others are raised at once.
        """
        content = None if json is None else msgspec.json.encode(json)
        policy, waited, attempt = self._service.retry, 0.0, 1
        while True:
            try:
                return self._once(method, path, content, params, decode, check)
            except Retryable as error:
                wait = policy.delay(attempt, error.wait_seconds, self._wire.random)
                if attempt >= policy.attempts or waited + wait > policy.budget_seconds:
                    raise
                logger.info("%s; attempt %d, next in %.1f s", error, attempt, wait)
            self._wire.clock.sleep(wait)
            waited, attempt = waited + wait, attempt + 1

    def _once(
        self,
        method: str,
        path: str,
        content: bytes | None,
        params: Mapping[str, str] | None,
        decode: Callable[[bytes], T],
        check: Callable[[T], None],
    ) -> Answer[T]:
        self._limiter.wait()
        where = f"{self._service.name} at {_host(self._service.base_url)}"
        headers = {"Content-Type": "application/json"} if content is not None else None
        self.calls += 1
        try:
            response = self._http.request(
                method, path, content=content, params=params, headers=headers
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise status.network_error(error, where) from None
        self._refuse(response)
        try:
            value = decode(response.content)
        except (msgspec.ValidationError, SchemaDrift) as error:
            self._refuse_body(response)
            if isinstance(error, SchemaDrift):
                raise
            raise SchemaDrift(
                f"{where} answered connection {self._service.connection!r} in another shape than"
                f" its contract: {error}. The stream stops; compare the vendor's change log with"
                " the connector, then clear the task."
            ) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise VendorUnavailable(
                f"{where} sent a body that is cut off or not JSON ({redact(str(error))})"
            ) from None
        check(value)
        return Answer(value, response.headers)

    def _refuse(self, response: httpx.Response) -> None:
        """Raise what a status other than success means."""
        kind = status.class_of(response.status_code, self._service.statuses)
        if kind is None:
            return
        self._refuse_body(response)
        raise self._error(response, Refusal(kind, response.text))

    def _refuse_body(self, response: httpx.Response) -> None:
        """Raise what the body says where it is the vendor's own error, whatever the status."""
        read = self._service.refusal
        refusal = read(response.status_code, response.content) if read else None
        if refusal is not None:
            raise self._error(response, refusal)

    def _error(self, response: httpx.Response, refusal: Refusal) -> TributaryError:
        said = redact(" ".join(refusal.said.split()))[:_BODY_EXCERPT]
        wait = status.retry_after(response.headers, self._wire.clock.now())
        return status.make_error(
            refusal.kind,
            f"{self._service.name} answered {response.status_code} to connection"
            f" {self._service.connection!r}" + (f": {said.rstrip('.')}" if said else ""),
            refusal.wait_seconds if wait is None else wait,
        )


class Speaker:
    """What every vendor's Api is: one client, open for a block; `calls` counts what was sent."""

    def __init__(self, service: Service) -> None:
        self._client = Client(service)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._client.__exit__(*error)

    @property
    def calls(self) -> int:
        return self._client.calls


def _host(base_url: str) -> str:
    try:
        return urlsplit(base_url).netloc.rpartition("@")[2] or redact(base_url)
    except ValueError:
        return "the given host"


def _open(service: Service, wire: Wire) -> httpx.Client:
    try:
        parts = urlsplit(service.base_url)
        host, scheme = parts.hostname or "", parts.scheme
    except ValueError:
        host, scheme = "", ""
    if scheme not in ("http", "https") or not host:
        raise ConfigurationError(
            f"connection {service.connection!r} needs a host like https://shop.example,"
            f" not {redact(service.base_url)!r}"
        )
    options: dict[str, Any] = {}
    if wire.http is not None:
        options["transport"] = wire.http
    elif scheme == "https":
        options["verify"] = _trusted_certificates()
    return httpx.Client(
        base_url=service.base_url,
        auth=service.auth,
        headers={"Accept": "application/json", "User-Agent": "tributary", **service.headers},
        timeout=service.timeout,
        follow_redirects=False,
        trust_env=host not in _LOOPBACK,
        **options,
    )


def _trusted_certificates() -> Any:
    """The TLS context: SSL_CERT_FILE or SSL_CERT_DIR where set, else the bundled list."""
    try:
        return httpx.create_ssl_context()
    except OSError as error:  # ssl.SSLError is one
        path = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR") or "in use"
        raise ConfigurationError(
            f"the certificate bundle {path} cannot be used ({error.strerror or error}). Point"
            " SSL_CERT_FILE to a readable PEM file, or unset it."
        ) from None
