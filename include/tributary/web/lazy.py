"""An ASGI app that is built on its first request.

Every Airflow component imports the plugin file; only the api-server ever serves the page. Until the
first request nothing of FastAPI, Jinja or Postgres is imported, and no request passes unbuilt.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from functools import cached_property
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class LazyApp:
    """Hands every request to the app that `build` returns, built once."""

    def __init__(self, build: Callable[[], App]) -> None:
        self._build = build

    @cached_property
    def app(self) -> App:
        return self._build()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)
