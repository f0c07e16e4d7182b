"""Start, stop, look: the commands of one installation."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tributary.cli.current import current


@click.command()
@click.option(
    "--once", is_flag=True, help="Stop after the summary; exit 0 only if all runs succeeded."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Your own files (a folder, or one file) instead of the sandbox's shops.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="The summary as JSON; progress goes to stderr."
)
def up(once: bool, data: Path | None, as_json: bool) -> None:
    """Start PostgreSQL, Airflow and the sandbox; load, check, attribute, publish; serve.

    The first start builds everything, later ones go on with the kept state. Progress is told line
    by line; at the end comes a summary. Ctrl-C stops every process that was started.

    \b
    Environment:
      TRIBUTARY_PORT           port of the Airflow page (default 8080, or the next free one)
      TRIBUTARY_SEED           the sandbox's random seed (default 7)
      TRIBUTARY_AS_OF          the sandbox's day, YYYY-MM-DD (default today, UTC)
      TRIBUTARY_WAREHOUSE_URL  your own PostgreSQL instead of the embedded one
      TRIBUTARY_CONFIG         your own stores file
      TRIBUTARY_STATE          where installations live (default .tributary in the checkout)
      AIRFLOW__*               Airflow's own settings win over ours
    """
    from tributary.local.commands import run_up

    sys.exit(run_up(once, data, as_json))


@click.command()
def down() -> None:
    """Stop what `up` started, from any terminal, and clean up after a killed one."""
    from tributary.local.commands import run_down

    click.echo(run_down(current()))


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> None:
    """Delete the installation: its warehouse, Airflow's history, keys and logs."""
    from tributary.local.commands import run_reset

    found = current()
    if not yes:
        click.confirm(f"Delete {found.folder} with everything in it?", abort=True)
    run_reset(found)
    click.echo(f"deleted {found.folder}")


@click.command()
def status() -> None:
    """What is fresh per store, account and stream, and how the last unify run ended."""
    from tributary.local.commands import run_status

    click.echo(run_status(current()), nl=False)


@click.command()
@click.option("--show-secrets", is_flag=True, help="Print passwords and keys, too.")
def env(show_secrets: bool) -> None:
    """URLs, login and data sources of the installation, as shell variables."""
    from tributary.local.commands import run_env

    click.echo(run_env(current(), show_secrets))
