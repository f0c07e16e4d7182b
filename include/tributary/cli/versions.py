"""`tributary models`."""

from __future__ import annotations

import click

from tributary.cli.current import current, printed_as


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
@click.option("--model", default="markov", show_default=True, metavar="MODEL")
@printed_as()
def compare_models(store: str, version_a: str, version_b: str, model: str, style: str) -> None:
    """Each channel's share under two versions; by default the last two."""
    from tributary.local.models import run_compare

    click.echo(run_compare(current(), store, version_a, version_b, model, style), nl=False)


@models.command("rollback")
@click.argument("store", metavar="STORE")
@click.argument("version", metavar="[VERSION]", default="")
def rollback_models(store: str, version: str) -> None:
    """Credit with an earlier version until the next refit; by default the one before."""
    from tributary.local.models import run_rollback

    click.echo(run_rollback(current(), store, version), nl=False)


@models.command("refit")
def refit_models() -> None:
    """Learn from the newest journeys now, and publish the credits."""
    from tributary.local.models import run_refit

    click.echo(run_refit(current()), nl=False)
