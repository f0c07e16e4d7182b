"""`tributary attribute`: no installation, only files."""

from __future__ import annotations

from pathlib import Path

import click

from tributary.cli.current import printed_as


@click.command()
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
@printed_as("table", "csv", "json", explained="csv and json are not rounded.")
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
    type=click.Choice(["ignore-if-other", "ignore-if-last", "as-any"]),
    help="Direct touches: default ignore-if-other for events, as-any for path files.",
)
@click.option(
    "--direct-channel", multiple=True, metavar="NAME", help="What direct is called (repeatable)."
)
@click.option(
    "--path-transform",
    type=click.Choice(["unique", "exposure", "first", "frequency"]),
    default="unique",
    show_default=True,
    help="Repeated channels: every touch, the first in a row, the first of all, or a(2) > b(1).",
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
