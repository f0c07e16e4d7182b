"""Nothing answers before Airflow's user is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.routing import BaseRoute, Mount

from tributary.warehouse.connection import Connection

MakeApp = Callable[[str], FastAPI]


def walk(routes: list[BaseRoute], prefix: str = "") -> Iterator[tuple[str, BaseRoute]]:
    """Every route of an app and of whatever is mounted in it."""
    for route in routes:
        path = prefix + getattr(route, "path", "")
        yield path, route
        if isinstance(route, Mount):
            yield from walk(list(route.routes), path)


def requests(app: FastAPI) -> list[tuple[str, str]]:
    """(method, path) of every route; only an APIRoute is guarded by the app's dependency."""
    found = []
    for path, route in walk(app.routes):
        assert isinstance(route, APIRoute), f"{path} is not guarded by the app's dependency"
        found += [(method, path.replace("{path:path}", "any/thing")) for method in route.methods]
    return found


def test_every_route_asks_for_the_user(
    make_app: MakeApp, warehouse: Connection, warehouse_url: str
) -> None:
    app = make_app(warehouse_url)
    asked = requests(app)
    assert {path for _, path in asked} >= {"/", "/api/summary", "/any/thing"}
    client = TestClient(app)
    for method, path in asked:
        assert client.request(method, path).status_code == 401, f"{method} {path}"


def test_a_known_user_sees_page_and_api(warehouse: Connection, alice: TestClient) -> None:
    assert alice.get("/").status_code == 200
    assert alice.get("/api/summary").status_code == 200


def test_no_documentation_of_the_api_is_served(warehouse: Connection, alice: TestClient) -> None:
    for path in ("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"):
        assert alice.get(path).status_code == 404
