"""Google service accounts: a signed statement is exchanged for an access token of an hour.

Source: developers.google.com/identity/protocols/oauth2/service-account (HTTP/REST): a JWT signed
with RS256, {iss, scope, aud, iat, exp}, sent as a form to the key's token_uri.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime, timedelta

import httpx
import jwt
import msgspec

from tributary.errors import AuthenticationFailed, ConfigurationError, VendorUnavailable
from tributary.transport import status
from tributary.transport.redaction import redact, remember_secret
from tributary.transport.wire import current_wire

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFETIME = timedelta(hours=1)
_EARLY = timedelta(minutes=5)


class ServiceAccountKey(msgspec.Struct):
    """The parts used of the JSON key file that Google gives for a service account."""

    client_email: str
    private_key: str
    token_uri: str = "https://oauth2.googleapis.com/token"
    project_id: str = ""
    private_key_id: str = ""


class _Token(msgspec.Struct):
    access_token: str
    expires_in: int


class GoogleServiceAccount(httpx.Auth):
    """Signs requests with an access token that is fetched when it is first needed, and again five
    minutes before it ends or once when a request is refused with 401."""

    requires_response_body = True

    def __init__(self, key_file: str, scope: str, connection: str, *, plain: bool = False) -> None:
        """`plain`: the API itself is asked by http (the sandbox), so its tokens may be, too."""
        self._scope, self._connection = scope, connection
        self._key = _read(key_file, connection, plain)
        remember_secret(key_file)
        remember_secret(self._key.private_key)
        self._token = ""
        self._good_until: datetime | None = None

    @property
    def project_id(self) -> str:
        """The project the service account belongs to."""
        return self._key.project_id

    def __repr__(self) -> str:
        return f"GoogleServiceAccount({self._scope!r})"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        now, fresh = current_wire().clock.now(), False
        if self._good_until is None or now >= self._good_until:
            self._take((yield self._exchange(now)), now)
            fresh = True
        request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == 401 and not fresh:
            self._take((yield self._exchange(now)), now)
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _exchange(self, now: datetime) -> httpx.Request:
        key = self._key
        claims = {
            "iss": key.client_email,
            "scope": self._scope,
            "aud": key.token_uri,
            "iat": round(now.timestamp()),
            "exp": round((now + _LIFETIME).timestamp()),
        }
        headers = {"kid": key.private_key_id} if key.private_key_id else None
        try:
            signed = jwt.encode(claims, key.private_key, algorithm="RS256", headers=headers)
        except (ValueError, TypeError, jwt.PyJWTError):
            raise _no_key(self._connection, "its private_key is not an RSA key in PEM") from None
        form = {"grant_type": GRANT, "assertion": signed}
        return httpx.Request("POST", key.token_uri, data=form)

    def _take(self, response: httpx.Response, now: datetime) -> None:
        """Keep the token of an exchange; what went wrong is said without it."""
        if response.status_code != 200:
            said = redact(" ".join(response.text.split()))[:200].rstrip(".")
            kind = status.class_of(response.status_code)
            if kind is None or response.status_code in (400, 403):
                kind = AuthenticationFailed  # 400 invalid_grant: key deleted, clock wrong
            raise status.make_error(
                kind,
                f"google gave connection {self._connection!r} no access token"
                f" ({response.status_code}): {said}",
                status.retry_after(response.headers, now),
            )
        try:
            token = msgspec.json.decode(response.content, type=_Token)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise status.make_error(
                VendorUnavailable,
                f"google's token endpoint gave connection {self._connection!r} no token",
            ) from None
        remember_secret(token.access_token)
        self._token = token.access_token
        self._good_until = now + timedelta(seconds=token.expires_in) - _EARLY


def _read(key_file: str, connection: str, plain: bool) -> ServiceAccountKey:
    if not key_file:
        raise AuthenticationFailed(
            f"connection {connection!r} holds no service account key. Paste the key file's JSON"
            " into its password field, then clear the task."
        )
    try:
        key = msgspec.json.decode(key_file, type=ServiceAccountKey)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _no_key(connection, "it is not the JSON of a service account's key") from None
    if not key.token_uri.startswith("https://") and not plain:
        raise ConfigurationError(
            f"the key in connection {connection!r} names a token_uri without https; nothing was"
            " sent there. Paste the key file as Google gives it."
        )
    return key


def _no_key(connection: str, why: str) -> AuthenticationFailed:
    return AuthenticationFailed(
        f"the password of connection {connection!r} cannot be used: {why}. Paste the whole key"
        " file (IAM > Service accounts > Keys > JSON), then clear the task."
    )
