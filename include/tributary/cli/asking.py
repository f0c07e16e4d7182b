"""Commands that ask the warehouse."""

from __future__ import annotations

import sys

import click

from tributary.cli.current import current, printed_as


@click.command()
@click.argument("query")
@printed_as()
def sql(query: str, style: str) -> None:
    """Ask the warehouse, as the read-only role `analyst` (schema mart).

    \b
    tributary sql "select * from mart.revenue_waterfall limit 5"
    tributary sql --format csv "select * from mart.channel_performance" > channels.csv
    """
    from tributary.local.commands import run_sql

    click.echo(run_sql(current(), query, style), nl=False)


@click.command()
@click.option(
    "--seed", type=int, help="Another seed: run the whole loop for it aside, and grade that."
)
@click.option("--as-of", "as_of", default="", metavar="DAY", help="With --seed: the world's day.")
@click.option("--json", "as_json", is_flag=True, help="All cells and mismatches as JSON.")
def grade(seed: int | None, as_of: str, as_json: bool) -> None:
    """Compare the warehouse with the sandbox world's truth, cell by cell.

    Exit 0 only when every cell is exact. Works whether or not `up` runs.
    """
    from tributary.local.commands import run_grade

    if as_of and seed is None:
        raise click.UsageError("--as-of goes with --seed: what is loaded is graded as of its day")
    report = run_grade(seed, as_of, _say_aside)
    click.echo(report.to_json() if as_json else report.to_text())
    sys.exit(report.exit_code)


@click.command()
@click.option("--json", "as_json", is_flag=True, help='{"core.<table>": "<rows> <sum>"}')
def checksum(as_json: bool) -> None:
    """One checksum per core table over its facts: equal tables, equal sums."""
    from tributary.local.commands import run_checksum

    click.echo(run_checksum(current(), as_json))


@click.group()
def explain() -> None:
    """Why a number is what it is: what it was made from, by which rule and run."""


@explain.command("order")
@click.argument("order", metavar="ID")
@click.option("--store", default="", metavar="STORE", help="Only this store's.")
@printed_as("table", "json", explained="json has every column of mart.explain_order.")
def explain_order(order: str, store: str, style: str) -> None:
    """The touches of an order's buyer, why each counts or not, and what each model gives it.

    ID is the order's number (#1001 or 1001) or the shop's own id.
    """
    from tributary.local.explain import run_explain_order

    click.echo(run_explain_order(current(), order, store, style), nl=False)


def _say_aside(text: str) -> None:
    click.echo(text, err=True)
