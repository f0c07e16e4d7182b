"""Speaks GraphQL with one shop: cost throttling, errors in a body of status 200, versions."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from tributary.connectors.shopify import queries
from tributary.connectors.spec import Credentials
from tributary.errors import (
    AccountSkipped,
    AuthenticationFailed,
    ConfigurationError,
    RateLimited,
    RequestRejected,
    SchemaDrift,
    TributaryError,
    VendorUnavailable,
)
from tributary.transport.auth import HeaderAuth
from tributary.transport.client import Service, Speaker
from tributary.transport.redaction import redact
from tributary.transport.status import make_error

T = TypeVar("T")

_PATH = f"/admin/api/{queries.VERSION}/graphql.json"
_VERSION_HEADER = "X-Shopify-API-Version"
_CODES: dict[str, type[TributaryError]] = {
    "THROTTLED": RateLimited,
    "MAX_COST_EXCEEDED": RequestRejected,
    "ACCESS_DENIED": AccountSkipped,
    "SHOP_INACTIVE": AccountSkipped,
    "UNAUTHORIZED": AuthenticationFailed,
    "INTERNAL_SERVER_ERROR": VendorUnavailable,
    "TIMEOUT": VendorUnavailable,
}


_NOTHING = msgspec.Raw(b"null")


class _Extensions(msgspec.Struct):
    code: str = ""


class _Error(msgspec.Struct):
    message: str
    extensions: _Extensions = msgspec.field(default_factory=_Extensions)


class _Throttle(msgspec.Struct, rename="camel"):
    maximum_available: float
    currently_available: float
    restore_rate: float


class _Cost(msgspec.Struct, rename="camel"):
    requested_query_cost: float
    throttle_status: _Throttle
    actual_query_cost: float | None = None


class _Meta(msgspec.Struct):
    cost: _Cost | None = None


class _Reply(msgspec.Struct):
    data: msgspec.Raw = _NOTHING
    errors: list[_Error] | str | None = None
    extensions: _Meta | None = None


class Api(Speaker):
    """One shop. `quota` and `notes` (drift) grow with the answers."""

    def __init__(self, credentials: Credentials, connection: str) -> None:
        if not credentials.password:
            raise AuthenticationFailed(
                f"connection {connection!r} holds no Admin API access token. Put it in the"
                " password field, then clear the task."
            )
        self._connection = connection
        super().__init__(
            Service(
                "shopify",
                credentials.host.rstrip("/"),
                connection,
                auth=HeaderAuth("X-Shopify-Access-Token", credentials.password),
                statuses={404: ConfigurationError},
            )
        )
        self.quota: dict[str, float] = {}
        self.notes: set[str] = set()

    def ask(self, query: str, variables: dict[str, Any], kind: type[T]) -> T:
        """The `data` of a query as `kind`; every error inside the body is raised."""
        answer = self._client.request(
            "POST",
            _PATH,
            json={"query": query, "variables": variables},
            decode=msgspec.json.Decoder(_Reply).decode,
            check=self._check,
        )
        served = answer.headers.get(_VERSION_HEADER, "")
        if served and served != queries.VERSION:
            self.notes.add(f"API version {served} served, {queries.VERSION} asked")
        reply = answer.value
        if reply.extensions and reply.extensions.cost:
            throttle = reply.extensions.cost.throttle_status
            self.quota = {
                "points_left": throttle.currently_available,
                "points_maximum": throttle.maximum_available,
                "points_per_second": throttle.restore_rate,
            }
        try:
            return msgspec.json.decode(reply.data, type=kind)
        except msgspec.ValidationError as error:
            raise SchemaDrift(
                f"shopify answered connection {self._connection!r} in another shape than version"
                f" {queries.VERSION}: {error}. The stream stops; compare the vendor's change log"
                " with the connector, then clear the task."
            ) from None

    def _check(self, reply: _Reply) -> None:
        """Status 200 says nothing: errors may stand beside data, or instead of it."""
        if not reply.errors:
            if bytes(reply.data) == b"null":
                raise VendorUnavailable("shopify answered with neither data nor errors")
            return
        if isinstance(reply.errors, str):
            code, said = "", reply.errors
        else:
            codes = [error.extensions.code for error in reply.errors]
            known = [i for i, code in enumerate(codes) if code in _CODES]
            first = reply.errors[known[0] if known else 0]
            code, said = first.extensions.code, first.message
        kind = _CODES.get(code, RequestRejected)
        raise make_error(
            kind,
            f"shopify refused a query of connection {self._connection!r}"
            f" ({code or 'no code'}): {redact(said).rstrip('.')}",
            _wait(reply) if kind is RateLimited else None,
        )


def _wait(reply: _Reply) -> float | None:
    """Seconds until the bucket holds what the query asked for."""
    cost = reply.extensions.cost if reply.extensions else None
    if cost is None or cost.throttle_status.restore_rate <= 0:
        return None
    missing = cost.requested_query_cost - cost.throttle_status.currently_available
    return max(0.0, missing / cost.throttle_status.restore_rate)
