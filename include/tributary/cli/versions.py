"""`tributary models`."""

from __future__ import annotations

from typing import Any

import click

from tributary.cli.current import current, printed_as

# As in settings.ConversionType, which takes time to import.
TYPES = ("purchase", "registration", "lead")


def _of_type(command: Any) -> Any:
    """The option --type, a parameter `kind`."""
    option = click.option(
        "--type",
        "kind",
        type=click.Choice(TYPES),
        default=TYPES[0],
        show_default=True,
        help="Of which conversions.",
    )
    return option(command)


@click.group()
def models() -> None:
    """Versions of the data-driven models: list, compare, learn again, go back."""


@models.command("list")
@printed_as()
def list_models(style: str) -> None:
    """Every version of every store: what it was learned from, and which one people see."""
    from tributary.local.models import run_list

    click.echo(run_list(current(), style), nl=False)


@models.command("compare")
@click.argument("store", metavar="STORE")
@click.argument("version_a", metavar="[A]", default="")
@click.argument("version_b", metavar="[B]", default="")
@_of_type
@click.option("--model", default="markov", show_default=True, metavar="MODEL")
@printed_as()
def compare_models(
    store: str, version_a: str, version_b: str, kind: str, model: str, style: str
) -> None:
    """Each channel's share under two versions; by default the last two."""
    from tributary.local.models import run_compare

    click.echo(run_compare(current(), store, kind, version_a, version_b, model, style), nl=False)


@models.command("rollback")
@click.argument("store", metavar="STORE")
@click.argument("version", metavar="[VERSION]", default="")
@_of_type
def rollback_models(store: str, version: str, kind: str) -> None:
    """Credit with an earlier version until the next refit; by default the one before."""
    from tributary.local.models import run_rollback

    click.echo(run_rollback(current(), store, kind, version), nl=False)


@models.command("refit")
def refit_models() -> None:
    """Learn from the newest journeys now, and publish the credits."""
    from tributary.local.models import run_refit

    click.echo(run_refit(current()), nl=False)
