"""The page inside Airflow and its JSON twin. Every path asks for the user first; the only thing
written is what people decide about findings, and only by those who may."""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import psycopg
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tributary.clock import Clock, SystemClock
from tributary.errors import ConfigurationError, TributaryError
from tributary.reports import numbers
from tributary.reports.summary import MODELS, Summary, read_summary
from tributary.warehouse.connection import Connection
from tributary.web import decisions, view
from tributary.web.decisions import Editing

log = logging.getLogger(__name__)

_READ = ["GET", "HEAD"]
_WRITE = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_HERE = Path(__file__).resolve().parent
_CSS = (_HERE / "templates" / "page.css").read_text()
_CSS_HASH = base64.b64encode(hashlib.sha256(_CSS.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_CSS_HASH}'; frame-ancestors 'self'; "
        "base-uri 'none'; form-action 'self'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Unavailable(Exception):
    """The warehouse cannot be read; the message is a sentence for people without any address."""


def create_app(
    require_user: Callable[..., Any],
    connect: Callable[[], Connection],
    clock: Clock | None = None,
    editing: Editing | None = None,
) -> FastAPI:
    """The app; `require_user` is a FastAPI dependency that raises for anonymous requests, and
    without `editing` nobody decides about findings.

    The dependency hangs on the app itself and a last route takes every other path, so that nothing
    answers, not even 404, before the user is known. Mount no sub-app: dependencies do not reach
    into one.
    """
    app = FastAPI(
        dependencies=[Depends(require_user)], docs_url=None, redoc_url=None, openapi_url=None
    )
    time, known_user = clock or SystemClock(), Depends(require_user)

    @app.api_route("/", methods=_READ, response_class=HTMLResponse)
    def page(store: str = "", model: str = view.DEFAULT_MODEL, user: Any = known_user) -> Response:
        try:
            summary = _read(connect)
        except Unavailable as problem:
            return _problem("The warehouse cannot be shown", str(problem), 503)
        stores = view.store_names(summary)
        if model not in MODELS:
            return _problem("No such model", f"Choose one of: {', '.join(MODELS)}.", 404)
        if store and store not in stores:
            return _problem("No such store", "It may have been renamed. Start again.", 404)
        chosen = store or next(iter(stores), "")
        return _html(
            "page.html",
            summary=summary,
            stores=stores,
            store=chosen,
            model=model,
            models=MODELS,
            sections=view.sections(summary, chosen, model),
            insights=view.insight_cards(summary, chosen, _tokens(editing, user)),
            streams=view.stream_lines(summary, chosen, time.now()),
            n=numbers,
        )

    @app.api_route("/api/summary", methods=_READ)
    def api_summary() -> Response:
        try:
            body, status = msgspec.json.encode(_read(connect)), 200
        except Unavailable as problem:
            body, status = msgspec.json.encode({"error": str(problem)}), 503
        return Response(body, status, _HEADERS, "application/json")

    @app.post("/insights/{insight_id}")
    async def decide(insight_id: int, request: Request, user: Any = known_user) -> Response:
        body = await request.body()
        return await run_in_threadpool(
            lambda: _decide(editing, user, insight_id, body, request.headers, time)
        )

    @app.api_route("/{path:path}", methods=[*_READ, *_WRITE])
    def nothing_here(request: Request) -> Response:
        raise HTTPException(404 if request.method in _READ else 405)

    return app


def _read(connect: Callable[[], Connection]) -> Summary:
    try:
        with connect() as conn:
            return read_summary(conn)
    except (psycopg.Error, TributaryError) as error:
        raise Unavailable(_told(error)) from None


def _decide(
    editing: Editing | None,
    user: Any,
    insight_id: int,
    body: bytes,
    headers: Mapping[str, str],
    clock: Clock,
) -> Response:
    """Take a decision sent by a form (back to the page) or as JSON (the new status)."""
    is_json = headers.get("content-type", "").startswith(decisions.JSON)
    try:
        wish = decisions.asked(body, headers)
        status = decisions.decide(editing, user, insight_id, wish, is_form=not is_json, clock=clock)
    except decisions.Refused as refused:
        return _refusal(refused.status, str(refused), is_json)
    except (psycopg.Error, TributaryError) as error:
        return _refusal(503, _told(error), is_json)
    if is_json:
        return Response(msgspec.json.encode({"status": status}), 200, _HEADERS, decisions.JSON)
    back = urlencode({"store": wish.store, "model": wish.model or view.DEFAULT_MODEL})
    return RedirectResponse(f"../?{back}#insights", 303, _HEADERS)


def _told(error: Exception) -> str:
    """What people read about an error of the warehouse; its class and code go to the log."""
    code = getattr(error, "sqlstate", None)
    log.warning("the warehouse refused the page: %s %s", type(error).__name__, code or "")
    return _sentence(error)


def _tokens(editing: Editing | None, user: Any) -> Callable[[int], str] | None:
    """The tokens of this user's forms; None for users who may not decide."""
    if editing is None or not editing.may_edit(user):
        return None
    return lambda insight_id: editing.token(user, insight_id)


def _refusal(status: int, sentence: str, is_json: bool) -> Response:
    if is_json:
        body = msgspec.json.encode({"error": sentence})
        return Response(body, status, _HEADERS, decisions.JSON)
    return _problem("Nothing was changed", sentence, status, back="../")


def _sentence(error: Exception) -> str:
    """What to tell people; never the error's own text, which may hold addresses and user names."""
    match error:
        case psycopg.errors.QueryCanceled():
            return "The warehouse is too busy to answer in time. Reload in a minute."
        case (
            psycopg.errors.UndefinedTable()
            | psycopg.errors.UndefinedColumn()
            | psycopg.errors.InvalidSchemaName()
            | psycopg.errors.UndefinedFunction()
        ):
            return (
                "The warehouse answers, but its tables are missing or older than this page. "
                "Run `tributary migrate`, then reload."
            )
        case psycopg.errors.InsufficientPrivilege():
            return (
                "The warehouse answers, but this connection may not read the schemas mart and ops."
            )
        case ConfigurationError():
            return (
                "The warehouse is not set up or refuses the login. Check TRIBUTARY_WAREHOUSE_URL "
                "or the Airflow connection `warehouse`."
            )
        case TributaryError() | psycopg.OperationalError() | psycopg.InterfaceError():
            return (
                "The warehouse does not answer. Check that Postgres runs (`tributary status`) and "
                "reload; nothing is lost, loads go on when it is back."
            )
    return "The warehouse gave an unexpected answer; the api-server's log has its class and code."


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


_TEMPLATES = _environment()


def _html(template: str, status: int = 200, **values: Any) -> Response:
    body = _TEMPLATES.get_template(template).render(css=_CSS, **values)
    return HTMLResponse(body, status, _HEADERS)


def _problem(title: str, sentence: str, status: int, back: str = "?") -> Response:
    return _html("problem.html", status, title=title, sentence=sentence, back=back)
