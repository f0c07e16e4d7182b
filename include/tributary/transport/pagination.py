"""Follows cursors to the end, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from tributary.errors import VendorUnavailable

T = TypeVar("T")


def follow(
    fetch: Callable[[str | None], T],
    next_cursor: Callable[[T], str | None],
    *,
    what: str,
    start: str | None = None,
) -> Iterator[T]:
    """Every page from `start` (None: the first) until `next_cursor` gives None.

    A cursor that comes twice would read the same pages for ever: VendorUnavailable, nothing lands.
    """
    seen = {start}
    cursor = start
    while True:
        page = fetch(cursor)
        yield page
        cursor = next_cursor(page)
        if cursor is None:
            return
        if cursor in seen:
            raise VendorUnavailable(
                f"Loop detected: {what} gave the same page cursor twice after {len(seen)} page(s)."
                " Nothing was landed; it is tried again."
            )
        seen.add(cursor)
