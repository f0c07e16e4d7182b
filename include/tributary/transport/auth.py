"""Ways to sign a request. The secret never shows in a repr and is hidden from then on in logs."""

from __future__ import annotations

from collections.abc import Generator

import httpx

from tributary.transport.redaction import remember_secret


class HeaderAuth(httpx.Auth):
    """A constant secret in a header of its own, such as X-Shopify-Access-Token."""

    def __init__(self, header: str, secret: str) -> None:
        remember_secret(secret)
        self._header, self._secret = header, secret

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers[self._header] = self._secret
        yield request

    def __repr__(self) -> str:
        return f"HeaderAuth({self._header!r})"
