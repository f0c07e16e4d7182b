"""Pages of connections: `first`, `after`, `last`, `reverse`, and cursors nobody should read."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from graphql import GraphQLError

PAGE_MAXIMUM = 250
Json = dict[str, Any]


def inner_page(values: list[Any], args: Json) -> Json:
    size = page_size(args)
    if args.get("reverse"):
        values = values[::-1]
    start = 0
    if args.get("after"):
        start = int(decode(args["after"])[0]) + 1
    elif args.get("last") is not None:
        start = max(0, len(values) - size)
    page = values[start : start + size]
    cursors = [encode([start + i]) for i in range(len(page))]
    return connection(page, cursors, start + size < len(values), start > 0)


def connection(nodes: list[Any], cursors: list[str], more: bool, before: bool) -> Json:
    return {
        "nodes": nodes,
        "edges": [{"cursor": c, "node": n} for c, n in zip(cursors, nodes, strict=True)],
        "pageInfo": {
            "hasNextPage": more,
            "hasPreviousPage": before,
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
        },
    }


def page_size(args: Json) -> int:
    size = args.get("first") if args.get("first") is not None else args.get("last")
    if size is None:
        raise GraphQLError("you must provide one of first or last")
    if not 0 < size <= PAGE_MAXIMUM:
        raise GraphQLError(f"first and last must be between 1 and {PAGE_MAXIMUM}")
    return int(size)


def encode(parts: list[Any]) -> str:
    return base64.b64encode(json.dumps(parts).encode()).decode()


def decode(cursor: str) -> list[Any]:
    try:
        parts = json.loads(base64.b64decode(cursor, validate=True))
    except (binascii.Error, ValueError) as error:
        raise GraphQLError("Invalid cursor for current pagination sort.") from error
    if not isinstance(parts, list) or not parts:
        raise GraphQLError("Invalid cursor for current pagination sort.")
    return parts
