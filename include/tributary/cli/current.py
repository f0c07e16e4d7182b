"""The installation that commands mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tributary.local.state import Installation


def current() -> Installation:
    """The one that was used last; imported only now, for it needs much."""
    from tributary.local import state

    return state.current()
