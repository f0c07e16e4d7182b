"""How each vendor's bad day looks: statuses and bodies after the vendors' contracts.

Sources: the vendor pages, shopify section 3 and ga4 section A4; BigQuery's error messages
(cloud.google.com/bigquery/docs/error-messages);
developers.google.com/identity/protocols/oauth2/service-account (invalid_grant).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
Answer = tuple[int, Json]
NEW_FIELD = "brandNewField"


@dataclass(frozen=True)
class Dialect:
    """One vendor API. `answers`: what is sent instead of an answer, by kind of fault.

    `rows`: where a reply holds its records; `columns`: where it describes them, if it does.
    `renamed`: a field's old and new name; `ended`: what an empty reply says besides; `shares_path`:
    different questions go to one address, so the answer before is no page before.
    """

    name: str
    prefix: str
    answers: Mapping[str, Answer]
    rows: tuple[str, ...]
    renamed: tuple[str, str]
    columns: tuple[str, ...] = ()
    token_path: str = ""
    ended: Mapping[tuple[str, ...], Any] = field(default_factory=dict)
    shares_path: bool = False

    def records(self, reply: Any) -> list[Json] | None:
        """The records of a reply, to be changed in place; None when it is not a page of records."""
        return _list_at(reply, self.rows)

    def fits(self, kind: str, reply: Any) -> bool:
        """Whether a reply holds what this kind of fault spoils."""
        described = kind in ("renamed_field", "new_field") and self.columns
        return _list_at(reply, self.columns if described else self.rows) is not None

    def spoil(self, kind: str, reply: Json, before: list[Json]) -> None:
        """Change a fitting reply; `before` are the records of the page before it."""
        rows = self.records(reply)
        fields = _list_at(reply, self.columns) if self.columns else None
        if kind == "duplicate_page" and rows is not None:
            rows[:0] = (not self.shares_path and before) or list(rows)
        elif kind == "empty" and rows is not None:
            rows.clear()
            for path, value in self.ended.items():
                holder = _at(reply, path[:-1])
                if isinstance(holder, dict):
                    holder[path[-1]] = value
        elif kind == "renamed_field":
            for item in (fields if self.columns else rows) or ():
                _rename(item, *self.renamed)
        elif kind == "new_field" and fields is not None:
            fields.append({"name": NEW_FIELD, "type": "STRING", "mode": "NULLABLE"})
        elif kind == "new_field":
            for item in rows or ():
                item[NEW_FIELD] = "nobody knows it yet"


def _rename(item: Json, old: str, new: str) -> None:
    if item.get("name") == old:
        item["name"] = new
    elif old in item:
        item[new] = item.pop(old)


def _list_at(reply: Any, path: tuple[str, ...]) -> list[Json] | None:
    found = _at(reply, path)
    return found if isinstance(found, list) else None


def _at(reply: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        reply = reply.get(name) if isinstance(reply, dict) else None
    return reply


def _bigquery(code: int, status: str, reason: str, message: str) -> Answer:
    part = {"message": message, "domain": "global", "reason": reason}
    return code, {"error": {"code": code, "message": message, "errors": [part], "status": status}}


def _google(code: int, status: str, message: str) -> Answer:
    return code, {"error": {"code": code, "status": status, "message": message}}


_SHOPIFY = Dialect(
    name="shopify",
    prefix="/shopify/",
    answers={
        "throttled": (429, {"errors": "Too Many Requests"}),
        "unavailable": (503, {"errors": "Service Unavailable"}),
        "error_in_body": (
            200,
            {
                "errors": [
                    {
                        "message": "Internal error. Looks like something went wrong on our end.",
                        "extensions": {"code": "INTERNAL_SERVER_ERROR"},
                    }
                ]
            },
        ),
        "token_expired": (401, {"errors": "[API] Invalid API key or access token"}),
        "token_revoked": (401, {"errors": "[API] Invalid API key or access token"}),
    },
    rows=("data", "orders", "nodes"),
    renamed=("processedAt", "processed_at"),
    ended={("data", "orders", "pageInfo", "hasNextPage"): False},
)
_TOKEN_PATH = "/google/token"
_NO_TOKEN = "Request had invalid authentication credentials."
_BAD_TOKEN = _bigquery(401, "UNAUTHENTICATED", "authError", _NO_TOKEN)
_NO_GRANT: Answer = (
    400,
    {"error": "invalid_grant", "error_description": "Invalid grant: account not found"},
)
_INTERNAL = _bigquery(500, "INTERNAL", "internalError", "An internal error occurred")
_BIGQUERY = Dialect(
    name="bigquery",
    prefix="/bigquery/",
    answers={
        "throttled": _bigquery(
            403, "PERMISSION_DENIED", "rateLimitExceeded", "Exceeded rate limits"
        ),
        "unavailable": _bigquery(503, "UNAVAILABLE", "backendError", "Error encountered"),
        "error_in_body": (200, _INTERNAL[1]),
        "token_expired": _BAD_TOKEN,
        "token_revoked": _BAD_TOKEN,
        "token_refused": _NO_GRANT,
    },
    rows=("rows",),
    columns=("schema", "fields"),
    renamed=("event_timestamp", "event_time"),
    token_path=_TOKEN_PATH,
    ended={("totalRows",): "0", ("pageToken",): None},
)
_GA4 = Dialect(
    name="ga4",
    prefix="/analyticsdata/",
    answers={
        "throttled": _google(429, "RESOURCE_EXHAUSTED", "Exhausted concurrent requests quota."),
        "unavailable": _google(503, "UNAVAILABLE", "The service is currently unavailable."),
        "error_in_body": (200, _google(500, "INTERNAL", "Internal error encountered.")[1]),
        "token_expired": _google(401, "UNAUTHENTICATED", _NO_TOKEN),
        "token_revoked": _google(401, "UNAUTHENTICATED", _NO_TOKEN),
        "token_refused": _NO_GRANT,
    },
    rows=("rows",),
    renamed=("metricValues", "metrics"),
    token_path=_TOKEN_PATH,
    ended={("rowCount",): 0},
    shares_path=True,
)
DIALECTS = {dialect.name: dialect for dialect in (_SHOPIFY, _BIGQUERY, _GA4)}
