"""Progress of what a person waits for: lines with the seconds since now in front."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from tributary.clock import Clock

Say = Callable[[str], None]


def progress(clock: Clock, stream: TextIO) -> Say:
    """Says lines on a stream; one that was closed is no error."""
    started = clock.monotonic()

    def say(text: str) -> None:
        for line in text.splitlines():
            stream.write(f"{clock.monotonic() - started:6.1f} s  {line}\n")
        with suppress(ValueError):
            stream.flush()

    return say


class _Said(logging.Handler):
    def __init__(self, say: Say) -> None:
        super().__init__(logging.INFO)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(record.getMessage())


@contextmanager
def told(clock: Clock) -> Iterator[None]:
    """Inside the block, what the pipeline logs is said on stderr."""
    logger, said = logging.getLogger("tributary.pipeline"), _Said(progress(clock, sys.stderr))
    before = logger.level
    logger.addHandler(said)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(said)
