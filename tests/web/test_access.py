"""Nothing answers before Airflow's user is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Mount, Route

from tributary.warehouse.connection import Connection

MakeApp = Callable[[str], FastAPI]


def walk(routes: list[BaseRoute], prefix: str = "") -> Iterator[tuple[str, BaseRoute]]:
    """Every route of an app and of whatever is mounted in it."""
    for route in routes:
        path = prefix + getattr(route, "path", "")
        yield path, route
        if isinstance(route, Mount):
            yield from walk(list(route.routes), path)


def unguarded(app: FastAPI) -> list[str]:
    """What answers somebody unknown with anything but 401; only an APIRoute has the guard."""
    client, found, asked = TestClient(app), [], set()
    for path, route in walk(app.routes):
        if not isinstance(route, APIRoute):
            found.append(f"{path} is not guarded by the app's dependency")
            continue
        for method in sorted(route.methods):
            asked.add(path)
            answer = client.request(method, path.replace("{path:path}", "any/thing"))
            if answer.status_code != 401:
                found.append(f"{method} {path} answers {answer.status_code} to anybody")
    assert asked >= {"/", "/api/summary", "/{path:path}"}
    return found


def test_every_route_asks_for_the_user(
    make_app: MakeApp, warehouse: Connection, warehouse_url: str
) -> None:
    assert unguarded(make_app(warehouse_url)) == []


def test_a_route_without_the_guard_is_named(
    make_app: MakeApp, warehouse: Connection, warehouse_url: str
) -> None:
    inner = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @inner.get("/secret")
    def secret() -> str:
        return "anybody may read this"

    app = make_app(warehouse_url)
    plain = Route("/plain", lambda request: PlainTextResponse("and this"))
    app.router.routes[:0] = [Mount("/inner", inner), plain, *inner.routes]
    assert unguarded(app) == [
        "/inner is not guarded by the app's dependency",
        "GET /inner/secret answers 200 to anybody",
        "/plain is not guarded by the app's dependency",
        "GET /secret answers 200 to anybody",
    ]


def test_a_known_user_sees_page_and_api(warehouse: Connection, alice: TestClient) -> None:
    assert alice.get("/").status_code == 200
    assert alice.get("/api/summary").status_code == 200


def test_no_documentation_of_the_api_is_served(warehouse: Connection, alice: TestClient) -> None:
    for path in ("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"):
        assert alice.get(path).status_code == 404
