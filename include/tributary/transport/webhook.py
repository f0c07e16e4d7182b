"""Posts a JSON message to an address a person entered."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tributary.errors import ConfigurationError
from tributary.transport.auth import HeaderAuth
from tributary.transport.client import Client, Service
from tributary.transport.limits import RetryPolicy

_RETRY = RetryPolicy(attempts=3, budget_seconds=30.0)


def post(url: str, body: Any, *, token: str = "", connection: str) -> None:
    """Send `body` to `url`, with `token` as bearer if there is one; raises TributaryError.

    The path of such addresses is often a secret, so it is in no message.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"connection {connection!r}: its host is no http(s) address")
    auth = HeaderAuth("Authorization", f"Bearer {token}") if token else None
    origin = f"{parts.scheme}://{parts.netloc}"
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    with Client(Service("webhook", origin, connection, auth=auth, retry=_RETRY)) as client:
        client.request("POST", path, decode=len, json=body)
