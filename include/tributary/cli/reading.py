"""Commands that have vendors and files read: now, a past range, what did not fit, bad days."""

from __future__ import annotations

import sys

import click

from tributary.cli.current import current


@click.command()
@click.option("--feed", "feeds", multiple=True, metavar="FEED", help="Only this feed (repeatable).")
@click.option(
    "--daily/--hourly",
    "daily",
    default=True,
    help="Yesterday and the days its vendors may still correct (default), or only the last hour.",
)
def refresh(feeds: tuple[str, ...], daily: bool) -> None:
    """Have the running Airflow load now, wait, and say how it ended.

    Exit 0 only if every run succeeded. `tributary up` must be running.
    """
    from tributary.local.commands import run_refresh

    sys.exit(run_refresh(current(), feeds, daily))


@click.command()
@click.option("--from", "first", required=True, metavar="DAY", help="First day, YYYY-MM-DD.")
@click.option(
    "--to", "last", required=True, metavar="DAY", help="Last day, YYYY-MM-DD; it is read, too."
)
@click.option("--feed", "feeds", multiple=True, metavar="FEED", help="Only this feed (repeatable).")
@click.option("--store", default="", metavar="STORE", help="Only this store.")
@click.option(
    "--day-by-day",
    is_flag=True,
    help="A run per day, by Airflow's own backfill, instead of one over the whole range.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be read and what it costs.")
def backfill(
    first: str, last: str, feeds: tuple[str, ...], store: str, day_by_day: bool, dry_run: bool
) -> None:
    """Read a range of days again through Airflow, publish it, and say how it ended.

    Both days are read, as each account's zone counts them. Reading twice changes nothing.
    A table first says what each stream can give for a past day. Exit 0 only if every run
    succeeded and everything read is published.

    \b
    tributary backfill --from 2026-08-01 --to 2026-08-31
    tributary backfill --from 2026-08-01 --to 2026-08-31 --feed sales --dry-run

    \b
    `tributary up` must be running, or for another Airflow:
      AIRFLOW_URL, AIRFLOW_USER, AIRFLOW_PASSWORD, TRIBUTARY_WAREHOUSE_URL
    """
    from tributary.local.backfill import Asked, run_backfill

    sys.exit(run_backfill(Asked(first, last, feeds, store, day_by_day, dry_run)))


@click.group()
def quarantine() -> None:
    """Records that did not fit: see them, and land them after a fix."""


@quarantine.command("list")
def list_quarantine() -> None:
    """What waits, by store, stream and reason."""
    from tributary.local.quarantine import run_list

    click.echo(run_list(current()), nl=False)


@quarantine.command("show")
@click.argument("number", metavar="ID", type=int)
def show_quarantine(number: int) -> None:
    """One record: why it waits, where it stands, what to do."""
    from tributary.local.quarantine import run_show

    click.echo(run_show(current(), number), nl=False)


@quarantine.command("replay")
@click.option("--connector", default="", help="Only records of this connector.")
@click.option("--stream", default="", help="Only records of this stream.")
@click.option("--id", "ids", type=int, multiple=True, help="Only this record (repeatable).")
@click.option("--dry-run", is_flag=True, help="Say what fits now, land nothing.")
def replay_quarantine(connector: str, stream: str, ids: tuple[int, ...], dry_run: bool) -> None:
    """Decode what waits with today's connectors and mappings, and land what fits now.

    Files that are still there are read again. Exit 0 when nothing that was tried still waits.
    """
    from tributary.clock import SystemClock
    from tributary.local.quarantine import run_replay

    text, code = run_replay(current(), connector, stream, ids, dry_run, SystemClock())
    click.echo(text, nl=False)
    sys.exit(code)


@click.command()
@click.argument("kind", required=False)
@click.option("--vendor", default="shopify", show_default=True, help="Whose answers are spoiled.")
@click.option("--account", default="", help="Only this account's answers; default: any.")
@click.option("--times", default=1, show_default=True, help="How many answers.")
@click.option("--skip", default=0, show_default=True, help="Good answers before the first.")
@click.option("--seconds", default=1.0, show_default=True, help="The wait of slow and throttled.")
@click.option("--clear", is_flag=True, help="Back to good days.")
def faults(
    kind: str | None,
    vendor: str,
    account: str,
    times: int,
    skip: int,
    seconds: float,
    clear: bool,
) -> None:
    """Give the running sandbox's vendors a bad day: KIND of fault; without it, list them.

    \b
    tributary faults throttled --times 50
    tributary refresh --daily            see what the run makes of it
    """
    from tributary.local.faults import ask

    if clear or not kind:
        click.echo(ask(current(), "DELETE" if clear else "GET"))
        return
    chosen = {"kind": kind, "vendor": vendor, "account": account}
    counts = {"times": times, "skip": skip, "seconds": seconds}
    click.echo(ask(current(), "POST", {**chosen, **counts}))
