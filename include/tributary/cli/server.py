"""Commands of a server and of a checkout: databases, backups, stubs."""

from __future__ import annotations

from pathlib import Path

import click

from tributary.cli.current import current


@click.command()
def migrate() -> None:
    """Bring the warehouse to this checkout's tables, views and comments.

    `up` does it by itself; use this for TRIBUTARY_WAREHOUSE_URL, a server of your own.
    """
    from tributary.local.commands import run_migrate

    applied = run_migrate(current())
    click.echo("\n".join(applied) if applied else "the warehouse is up to date")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
def backup(file: Path, dry_run: bool) -> None:
    """Write the warehouse, Airflow's own database and the stores file into one FILE.

    Runs beside everything else. Keys are not in it: keep TRIBUTARY_KEY and Airflow's Fernet key
    elsewhere (`tributary env --show-secrets`, or .env of a server).
    """
    from tributary.clock import SystemClock
    from tributary.local.backup import run_backup

    click.echo("\n".join(run_backup(current(), file, SystemClock(), dry_run)))


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@click.option("--force", is_flag=True, help="Replace a warehouse that holds data.")
def restore(file: Path, dry_run: bool, force: bool) -> None:
    """Put the databases of a backup FILE in the place of what is there.

    Stop Tributary and Airflow first. Refuses a warehouse that holds data, and other keys than the
    backup's, unless --force is given. Each database is replaced whole or left as it was.
    """
    from tributary.clock import SystemClock
    from tributary.local.restore import run_restore

    click.echo("\n".join(run_restore(current(), file, SystemClock(), dry_run, force)))


@click.command()
def setup() -> None:
    """Make a server ready from its environment: databases, migrations, pools, connections.

    The service `init` of docker-compose.yaml runs it at every start. Running it again changes
    nothing, but passwords that were changed in the environment.
    """
    from tributary.clock import SystemClock
    from tributary.local.deployment import setup as run

    run(SystemClock(), click.echo)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8765, show_default=True, help="The port to listen on.")
def sandbox(host: str, port: int) -> None:
    """Serve the sandbox's vendors alone, for a server without accounts (docker-compose.yaml)."""
    from tributary.clock import SystemClock
    from tributary.local.deployment import serve_sandbox

    serve_sandbox(host, port, SystemClock())


@click.command("new-connector")
@click.argument("name")
@click.option("--feed", default="ads", show_default=True, help="The ingest Dag that shall read it.")
def new_connector(name: str, feed: str) -> None:
    """Write the stubs of one more vendor API into this checkout (docs/adding-a-vendor.md)."""
    from tributary.local.new_connector import report, write_stubs

    click.echo(report(name, write_stubs(name, feed)))
