"""`tributary`: the command for people and scripts. Imports what a command needs when it runs."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tributary.errors import TributaryError

if TYPE_CHECKING:
    from tributary.local.state import Installation

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def main() -> None:
    """The console script: errors become a sentence and an exit code, never a traceback."""
    try:
        cli(prog_name="tributary")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        from tributary.local.failures import explain

        click.echo(f"tributary: {explain(error)}", err=True)
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


@cli.command()
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


@cli.command()
def down() -> None:
    """Stop what `up` started, from any terminal, and clean up after a killed one."""
    from tributary.local.commands import run_down

    click.echo(run_down(_current()))


@cli.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> None:
    """Delete the installation: its warehouse, Airflow's history, keys and logs."""
    from tributary.local.commands import run_reset

    found = _current()
    if not yes:
        click.confirm(f"Delete {found.folder} with everything in it?", abort=True)
    run_reset(found)
    click.echo(f"deleted {found.folder}")


@cli.command()
def status() -> None:
    """What is fresh per store, account and stream, and how the last unify run ended."""
    from tributary.local.commands import run_status

    click.echo(run_status(_current()), nl=False)


@cli.command()
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

    sys.exit(run_refresh(_current(), feeds, daily))


@cli.command()
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


@cli.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATHS]...")
@click.option(
    "--touches",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Touch events.",
)
@click.option(
    "--conversions",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Conversion events.",
)
@click.option("--models", default="", metavar="LIST", help="Comma list; default all below.")
@click.option(
    "--order",
    type=click.Choice(["1", "2", "3", "4", "auto"]),
    default="1",
    show_default=True,
    help="Order of the Markov chain; auto: by held-out likelihood.",
)
@click.option(
    "--bootstrap",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Draw the journeys N times for p05 and p95 of each share.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of bootstrap and order auto.")
@click.option("--removal-effects", is_flag=True, help="Print the channels' removal effects.")
@click.option("--transition-matrix", is_flag=True, help="Print the Markov chain's steps.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="csv and json are not rounded.",
)
@click.option(
    "--per-touch",
    type=click.Path(path_type=Path),
    metavar="OUT.parquet",
    help="Write each touch's share under each model.",
)
@click.option(
    "--plot", type=click.Path(path_type=Path), metavar="OUT.svg", help="Draw paths and shares."
)
@click.option("--path-column", metavar="NAME", help="Path files: the column of the path.")
@click.option("--conversions-column", metavar="NAME", help="Of the conversions.")
@click.option("--value-column", metavar="NAME", help="Of their value.")
@click.option("--null-column", metavar="NAME", help="Of the journeys that did not convert.")
@click.option(
    "--separator", metavar="TEXT", help="Between the channels, blanks aside.  [default: >]"
)
@click.option(
    "--columns",
    multiple=True,
    metavar="NAME=COLUMN,...",
    help="Event files: user_id, time, channel, value, ...; repeat a NAME where files differ.",
)
@click.option("--zone", default="UTC", show_default=True, help="Of times that do not say theirs.")
@click.option(
    "--lookback",
    default="",
    metavar="30d",
    help="How far back a touch counts; 30d,view=1d by type. Default 30d, e-mail 5d, view 1d.",
)
@click.option("--half-life", default="7d", show_default=True, help="Of time decay.")
@click.option(
    "--position", default="0.4,0.2,0.4", show_default=True, help="Weights of first, middle, last."
)
@click.option(
    "--direct",
    type=click.Choice(["ignore-if-other", "as-any"]),
    help="Direct touches: default ignore-if-other for events, as-any for path files.",
)
@click.option(
    "--direct-channel", multiple=True, metavar="NAME", help="What direct is called (repeatable)."
)
@click.option(
    "--paid",
    multiple=True,
    metavar="LIST",
    help="Channels that are paid: adds first and last paid.",
)
def attribute(**options: object) -> None:
    """Attribute conversions to channels, from files alone: CSV, CSV.gz or Parquet.

    \b
    tributary attribute paths.csv
    tributary attribute paths.csv --models markov,shapley --bootstrap 200 --format csv
    tributary attribute --touches touches.csv --conversions orders.csv --lookback 30d

    Path files have a path (a > b > c), conversions, and if known value and nulls, the journeys
    that did not convert. Event files have user_id, time, channel and user_id, time, value.

    \b
    Models: first, last, last_non_direct, linear, time_decay, position_based, markov, shapley;
    also markov_per_order, and with --paid first_paid, last_paid. See docs/attribution.md.
    """
    from tributary.attribution_files.command import run_attribute
    from tributary.clock import SystemClock

    run_attribute(options, SystemClock())


@cli.command()
@click.argument("query")
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="How to print the rows.",
)
def sql(query: str, style: str) -> None:
    """Ask the warehouse, as the read-only role `analyst` (schema mart).

    \b
    tributary sql "select * from mart.revenue_waterfall limit 5"
    tributary sql --format csv "select * from mart.channel_performance" > channels.csv
    """
    from tributary.local.commands import run_sql

    click.echo(run_sql(_current(), query, style), nl=False)


@cli.command()
@click.option(
    "--seed", type=int, help="Another seed: run the whole loop for it aside, and grade that."
)
@click.option("--as-of", "as_of", type=str, metavar="DAY", help="With --seed: the world's day.")
@click.option("--json", "as_json", is_flag=True, help="All cells and mismatches as JSON.")
def grade(seed: int | None, as_of: str | None, as_json: bool) -> None:
    """Compare the warehouse with the sandbox world's truth, cell by cell.

    Exit 0 only when every cell is exact. Works whether or not `up` runs.
    """
    from tributary.local.commands import run_grade

    report = run_grade(seed, date.fromisoformat(as_of) if as_of else None, _say_aside)
    click.echo(report.to_json() if as_json else report.to_text())
    sys.exit(report.exit_code)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help='{"core.<table>": "<rows> <sum>"}')
def checksum(as_json: bool) -> None:
    """One checksum per core table over its facts: equal tables, equal sums."""
    from tributary.local.commands import run_checksum

    click.echo(run_checksum(_current(), as_json))


@cli.group()
def explain() -> None:
    """Why a number is what it is: what it was made from, by which rule and run."""


@explain.command("order")
@click.argument("order", metavar="ID")
@click.option("--store", default="", metavar="STORE", help="Only this store's.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="json has every column of mart.explain_order.",
)
def explain_order(order: str, store: str, style: str) -> None:
    """The touches of an order's buyer, why each counts or not, and what each model gives it.

    ID is the order's number (#1001 or 1001) or the shop's own id.
    """
    from tributary.local.explain import run_explain_order

    click.echo(run_explain_order(_current(), order, store, style), nl=False)


@cli.command()
@click.option("--email", "emails", multiple=True, metavar="ADDRESS", help="An e-mail address.")
@click.option("--customer-id", "customers", multiple=True, metavar="ID", help="The shop's id.")
@click.option("--user-id", "users", multiple=True, metavar="ID", help="A user key of files or GA4.")
@click.option("--client-id", "clients", multiple=True, metavar="ID", help="A browser's GA4 id.")
@click.option("--store", default="", metavar="STORE", help="Only in this store; default: in all.")
@click.option("--dry-run", is_flag=True, help="Say what would be replaced, and change nothing.")
def forget(
    emails: tuple[str, ...],
    customers: tuple[str, ...],
    users: tuple[str, ...],
    clients: tuple[str, ...],
    store: str,
    dry_run: bool,
) -> None:
    """Forget a person in every layer of the warehouse; all totals stay. Every option may repeat.

    What is given is looked up with all that is known to belong to it, and replaced by random words
    that lead nowhere. Read again, the person does not come back. Order numbers stay: they are the
    shop's books. Your own files and backups are not touched: delete the person there, too.
    """
    from tributary.local.forget import run_forget

    given = {"emails": emails, "customers": customers, "users": users, "clients": clients}
    text, code = run_forget(_current(), given, store, dry_run)
    click.echo(text, nl=False)
    sys.exit(code)


@cli.group()
def models() -> None:
    """Versions of the data-driven models: list, compare, learn again, go back."""


_STYLE = click.option(
    "--format",
    "style",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
)


@models.command("list")
@_STYLE
def list_models(style: str) -> None:
    """Every version of every store: what it was learned from, and which one people see."""
    from tributary.local.models import run_list

    click.echo(run_list(_current(), style), nl=False)


@models.command("compare")
@click.argument("store", metavar="STORE")
@click.argument("version_a", metavar="[A]", default="")
@click.argument("version_b", metavar="[B]", default="")
@click.option("--model", default="markov", show_default=True, metavar="MODEL")
@_STYLE
def compare_models(store: str, version_a: str, version_b: str, model: str, style: str) -> None:
    """Each channel's share under two versions; by default the last two."""
    from tributary.local.models import run_compare

    click.echo(run_compare(_current(), store, version_a, version_b, model, style), nl=False)


@models.command("rollback")
@click.argument("store", metavar="STORE")
@click.argument("version", metavar="[VERSION]", default="")
def rollback_models(store: str, version: str) -> None:
    """Credit with an earlier version until the next refit; by default the one before."""
    from tributary.local.models import run_rollback

    click.echo(run_rollback(_current(), store, version), nl=False)


@models.command("refit")
def refit_models() -> None:
    """Learn from the newest journeys now, and publish the credits."""
    from tributary.local.models import run_refit

    click.echo(run_refit(_current()), nl=False)


@cli.group()
def quarantine() -> None:
    """Records that did not fit: see them, and land them after a fix."""


@quarantine.command("list")
def list_quarantine() -> None:
    """What waits, by store, stream and reason."""
    from tributary.local.quarantine import run_list

    click.echo(run_list(_current()), nl=False)


@quarantine.command("show")
@click.argument("number", metavar="ID", type=int)
def show_quarantine(number: int) -> None:
    """One record: why it waits, where it stands, what to do."""
    from tributary.local.quarantine import run_show

    click.echo(run_show(_current(), number), nl=False)


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

    text, code = run_replay(_current(), connector, stream, ids, dry_run, SystemClock())
    click.echo(text, nl=False)
    sys.exit(code)


@cli.command()
@click.option("--show-secrets", is_flag=True, help="Print passwords and keys, too.")
def env(show_secrets: bool) -> None:
    """URLs, login and data sources of the installation, as shell variables."""
    from tributary.local.commands import run_env

    click.echo(run_env(_current(), show_secrets))


@cli.command()
def migrate() -> None:
    """Bring the warehouse to this checkout's tables, views and comments.

    `up` does it by itself; use this for TRIBUTARY_WAREHOUSE_URL, a server of your own.
    """
    from tributary.local.commands import run_migrate

    applied = run_migrate(_current())
    click.echo("\n".join(applied) if applied else "the warehouse is up to date")


@cli.command(name="new-connector")
@click.argument("name")
@click.option("--feed", default="ads", show_default=True, help="The ingest Dag that shall read it.")
def new_connector(name: str, feed: str) -> None:
    """Write the stubs of one more vendor API into this checkout (docs/adding-a-vendor.md)."""
    from tributary.local.new_connector import report, write_stubs

    click.echo(report(name, write_stubs(name, feed)))


@cli.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
def backup(file: Path, dry_run: bool) -> None:
    """Write the warehouse, Airflow's own database and the stores file into one FILE.

    Runs beside everything else. Keys are not in it: keep TRIBUTARY_KEY and Airflow's Fernet key
    elsewhere (`tributary env --show-secrets`, or .env of a server).
    """
    from tributary.clock import SystemClock
    from tributary.local.backup import run_backup

    click.echo("\n".join(run_backup(_current(), file, SystemClock(), dry_run)))


@cli.command()
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

    click.echo("\n".join(run_restore(_current(), file, SystemClock(), dry_run, force)))


@cli.command()
def setup() -> None:
    """Make a server ready from its environment: databases, migrations, pools, connections.

    The service `init` of docker-compose.yaml runs it at every start. Running it again changes
    nothing, but passwords that were changed in the environment.
    """
    from tributary.clock import SystemClock
    from tributary.local.deployment import setup as run

    run(SystemClock(), click.echo)


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8765, show_default=True, help="The port to listen on.")
def sandbox(host: str, port: int) -> None:
    """Serve the sandbox's vendors alone, for a server without accounts (docker-compose.yaml)."""
    from tributary.clock import SystemClock
    from tributary.local.deployment import serve_sandbox

    serve_sandbox(host, port, SystemClock())


@cli.command()
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
        click.echo(ask(_current(), "DELETE" if clear else "GET"))
        return
    chosen = {"kind": kind, "vendor": vendor, "account": account}
    counts = {"times": times, "skip": skip, "seconds": seconds}
    click.echo(ask(_current(), "POST", {**chosen, **counts}))


def _current() -> Installation:
    from tributary.local.state import current

    return current()


def _say_aside(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
