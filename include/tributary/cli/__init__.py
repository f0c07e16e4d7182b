"""`tributary`: the command for people and scripts. Each module has the commands of one subject;
what a command needs is imported when it runs, so that every help is there at once.
"""

from __future__ import annotations

import sys

import click

from tributary.cli.asking import checksum, explain, grade, sql
from tributary.cli.attributing import attribute
from tributary.cli.installation import down, env, reset, status, up
from tributary.cli.people import forget
from tributary.cli.reading import backfill, faults, quarantine, refresh
from tributary.cli.server import backup, migrate, new_connector, restore, sandbox, setup
from tributary.cli.versions import models
from tributary.errors import TributaryError

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_COMMANDS = (
    *(up, down, reset, status, env),
    *(refresh, backfill, quarantine, faults),
    *(sql, grade, checksum, explain),
    *(attribute, models, forget),
    *(migrate, setup, sandbox, backup, restore, new_connector),
)


def main() -> None:
    """The console script: errors become a sentence and an exit code, never a traceback."""
    try:
        cli(prog_name="tributary")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        from tributary.local import failures

        click.echo(f"tributary: {failures.explain(error)}", err=True)
        sys.exit(2 if isinstance(error, TributaryError) else 1)


@click.group(context_settings=_CONTEXT)
@click.version_option(package_name="tributary", message="%(prog)s %(version)s")
def cli() -> None:
    """Every marketing channel into one PostgreSQL warehouse: unified, checked, attributed.

    \b
    tributary up              start everything and load the sandbox; Ctrl-C stops it
    tributary up --data DIR   the same with your own CSV or Parquet files
    tributary status          what is fresh, how the last run ended
    tributary sql "..."       ask the warehouse

    Commands mean the installation that was used last. Everything listens on 127.0.0.1 only.
    """


for command in _COMMANDS:
    cli.add_command(command)
