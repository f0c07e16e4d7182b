"""What a client touches outside the process: the network, time and chance. Tests replace it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from random import Random

import httpx

from tributary.clock import Clock, SystemClock


@dataclass(frozen=True)
class Wire:
    """`http` None is the real network; `random` only spreads waits."""

    clock: Clock = field(default_factory=SystemClock)
    random: Random = field(default_factory=Random)
    http: httpx.BaseTransport | None = None


_current: ContextVar[Wire | None] = ContextVar("wire", default=None)


def current_wire() -> Wire:
    """The wire clients made now will use."""
    return _current.get() or Wire()


@contextmanager
def using_wire(wire: Wire) -> Iterator[Wire]:
    """Clients made inside the block use `wire`."""
    token = _current.set(wire)
    try:
        yield wire
    finally:
        _current.reset(token)
