"""What people decide about findings on the page: dismissed, done, or open again.

A browser sends Airflow's cookie along with any request, so a form also carries a token that only
our own page could show this user, and a request that the browser says comes from another site is
refused. JSON needs no token: no other site can send it without asking first (CORS preflight).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import msgspec
import psycopg

from tributary.clock import Clock
from tributary.warehouse.connection import Connection

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MOST_BYTES = 10_000
# The button's word -> the function that is called.
_FUNCTIONS: dict[str, str] = {
    "dismiss": "select ops.dismiss_insight(%s::bigint, %s, %s, %s)",
    "done": "select ops.action_insight(%s::bigint, %s, %s, %s)",
    "reopen": "select ops.restore_insight(%s::bigint, %s, %s, %s)",
}


@dataclass(frozen=True)
class Editing:
    """Who may decide, under which name, over which connection; `key` signs the forms' tokens and
    is the same in every api-server."""

    may_edit: Callable[[Any], bool]
    name_of: Callable[[Any], str]
    connect: Callable[[], Connection]
    key: bytes

    def token(self, user: Any, insight_id: int) -> str:
        """What a form of this user about this finding must carry."""
        text = f"{self.name_of(user)}\x1f{insight_id}"
        return hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()


class Refused(Exception):
    """A decision that is not taken: HTTP status and a sentence for people."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Wish(msgspec.Struct, frozen=True):
    """What was asked for; `store` and `model` say which page to go back to."""

    decision: str
    note: str = ""
    store: str = ""
    model: str = ""
    token: str = ""


def asked(body: bytes, headers: Mapping[str, str]) -> Wish:
    """The wish in a request's body; Refused if it is none, or may come from another site."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Refused(403, "This came from another site. Decide on the page itself.")
    if len(body) > MOST_BYTES:
        raise Refused(413, "The note is too long.")
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    try:
        if kind == JSON:
            return msgspec.json.decode(body, type=Wish)
        if kind == FORM:
            form = {k: v[0] for k, v in parse_qs(body.decode(), max_num_fields=10).items()}
            return msgspec.convert(form, Wish)
    except (msgspec.DecodeError, ValueError):
        raise Refused(400, "This is no decision. Reload the page and try again.") from None
    raise Refused(415, f"Send {JSON} or {FORM}.")


def decide(
    editing: Editing | None,
    user: Any,
    insight_id: int,
    wish: Wish,
    *,
    is_form: bool,
    clock: Clock,
) -> str:
    """Take the decision in the user's name; the status after it. Raises Refused and psycopg's."""
    if editing is None or not editing.may_edit(user):
        raise Refused(403, "You may look, and not decide. Ask for the right to edit the Dag unify.")
    if is_form and not hmac.compare_digest(wish.token, editing.token(user, insight_id)):
        raise Refused(403, "This page is old or not yours. Reload it and try again.")
    if wish.decision not in _FUNCTIONS:
        raise Refused(400, f"Choose one of: {', '.join(_FUNCTIONS)}.")
    values = (insight_id, editing.name_of(user), wish.note.strip(), clock.now())
    try:
        with editing.connect() as conn:
            row = conn.execute(_FUNCTIONS[wish.decision].encode(), values).fetchone()
    except (psycopg.errors.NoDataFound, psycopg.errors.NumericValueOutOfRange):
        raise Refused(404, "There is no such finding.") from None
    except psycopg.errors.ObjectNotInPrerequisiteState:
        raise Refused(409, "This finding is resolved: there is nothing to decide.") from None
    assert row is not None
    return str(row[0])
