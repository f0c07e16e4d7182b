"""What commands share: the installation they mean, and how they print rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tributary.local.state import Installation


def current() -> Installation:
    """The one that was used last; imported only now, for it needs much."""
    from tributary.local import state

    return state.current()


def printed_as(*styles: str, explained: str = "") -> Callable[[Any], Any]:
    """The option --format, a parameter `style`: one of the styles, by default the first."""
    return click.option(
        "--format",
        "style",
        type=click.Choice(styles or ("table", "csv", "json")),
        default=styles[0] if styles else "table",
        show_default=True,
        help=explained or "How to print the rows.",
    )
