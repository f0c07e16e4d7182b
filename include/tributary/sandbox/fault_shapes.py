"""How each vendor's bad day looks: statuses and bodies after the vendors' contracts.

Source: the vendor page of shopify, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
Answer = tuple[int, Json]


@dataclass(frozen=True)
class Dialect:
    """One vendor API. `answers`: what is sent instead of an answer, by kind of fault.

    `rows`: where a reply holds its records; `renamed`: the field that changes its name in each.
    """

    name: str
    prefix: str
    answers: Mapping[str, Answer]
    rows: tuple[str, ...]
    renamed: tuple[str, str]
    token_path: str = ""
    ended: Mapping[tuple[str, ...], Any] = field(default_factory=dict)

    def records(self, reply: Any) -> list[Json] | None:
        """The records of a reply, to be changed in place; None when it is not a page of records."""
        found = _at(reply, self.rows)
        return found if isinstance(found, list) else None

    def rename(self, reply: Json) -> None:
        old, new = self.renamed
        for record in self.records(reply) or ():
            if old in record:
                record[new] = record.pop(old)

    def extend(self, reply: Json) -> None:
        for record in self.records(reply) or ():
            record["brandNewField"] = "nobody knows it yet"

    def empty(self, reply: Json) -> None:
        """No record, and nothing more to come."""
        (self.records(reply) or []).clear()
        for path, value in self.ended.items():
            holder = _at(reply, path[:-1])
            if isinstance(holder, dict):
                holder[path[-1]] = value


def _at(reply: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        reply = reply.get(name) if isinstance(reply, dict) else None
    return reply


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
DIALECTS = {dialect.name: dialect for dialect in (_SHOPIFY,)}
