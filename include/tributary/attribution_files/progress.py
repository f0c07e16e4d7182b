"""Tells people on standard error how far long work is, and what they should know."""

from __future__ import annotations

from collections.abc import Callable

from tributary.clock import Clock

_FIRST_SECONDS = 3.0
_EVERY_SECONDS = 2.0


class Progress:
    """Silent for the first seconds; then a line now and then. Notes are said at once, once."""

    def __init__(self, clock: Clock, write: Callable[[str], None]) -> None:
        self._clock, self._write = clock, write
        self._next = clock.monotonic() + _FIRST_SECONDS
        self._rows: dict[str, int] = {}
        self._said: set[str] = set()

    def rows(self, more: int, what: str) -> None:
        """So many more of these were read."""
        self._rows[what] = self._rows.get(what, 0) + more
        self._tell(f"read {self._rows[what]:,} {what}")

    def step(self, done: int, of: int, what: str) -> None:
        """One of several equal steps is done."""
        self._tell(f"{what} {done:,} of {of:,}")

    def say(self, note: str) -> None:
        """Something people should know about the answer."""
        if note not in self._said:
            self._said.add(note)
            self._write(f"note: {note}")

    def _tell(self, text: str) -> None:
        now = self._clock.monotonic()
        if now >= self._next:
            self._next = now + _EVERY_SECONDS
            self._write(f"{text} ...")
