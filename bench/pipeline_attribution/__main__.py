"""Attribution in the warehouse by all models: all at once, then a refund, a late touch, a merge.

    python -m bench.pipeline_attribution [--touches 10000000] [--conversions 300000]

Fills core in a PostgreSQL of its own (fsync on) and runs the attribute, check_credits and publish
steps of unify on it: first with a model fit, then for one changed row each, of a day
that is built again. Prints seconds by part.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psutil

from tributary.clock import SystemClock
from tributary.local.postgres import Cluster, free_port
from tributary.pipeline import affected, attribute, credits, identity, model_state
from tributary.quality.credits import check_credits
from tributary.warehouse import candidates, migrate, publish
from tributary.warehouse.connection import Connection, connect

CLOCK = SystemClock()
AT = datetime(2026, 6, 1, tzinfo=UTC)
CHANNELS = "{affiliate,direct,email,organic_search,organic_social,paid_search,paid_social,referral}"
# What a change touches: the day whose rows build would have left in work, by connector.
DAY = date(2026, 5, 15)

# What is timed, and what it is: reading, arithmetic or writing.
_PARTS = (
    (identity, "find_people", "people", ""),
    (model_state, "journeys", "fit: journeys", "fetch"),
    (model_state, "fit_models", "fit: models and bootstrap", "compute"),
    (affected, "select_all", "whose credits: all", "fetch"),
    (affected, "select_changed", "whose credits: who changed", "fetch"),
    (affected, "select_touches", "credits: touches that count", "fetch"),
    (credits, "_conversions", "credits: conversions", "fetch"),
    (credits, "_touches", "credits: touches", "fetch"),
    (credits, "attribute_arrays", "credits: models", "compute"),
    (credits, "_write", "credits: candidate rows", "write"),
)
_KIND = {label: kind for *_, label, kind in _PARTS} | {"publish": "write"}
_SHOP, _FILES = ("shopify", "shop"), ("files", "main")
# A change: whose day is built again, and what is other in it.
CHANGES = {
    "one refund": (
        _SHOP,
        "update work.conversion set value_amount = value_amount - 5 where conversion_id ="
        " (select min(conversion_id) from work.conversion)",
    ),
    "one late touch": (
        _FILES,
        "insert into work.touch select v.store_id, -1, 'files', 'main', 'click',"
        " v.converted_at - interval '1 second', v.conversion_day, e.identifier_a, '', '', '', 's',"
        " 'm', '', '', 'email', '', '', null, v.source_day, 1 from core.conversion as v"
        " join core.identity_edge as e on e.identifier_b = v.identifier"
        " where v.source_day = %(day)s order by v.conversion_id limit 1",
    ),
    "one merge": (
        _SHOP,
        "insert into work.identity_edge select store_id, connector, account_id,"
        " min(identifier_a), max(identifier_a), source_day, 1 from work.identity_edge"
        " group by store_id, connector, account_id, source_day",
    ),
}
_TABLES = ("conversion", "touch", "identity_edge")


def fill(conn: Connection, touches: int, conversions: int) -> None:
    """A store with 150 days of clicks by people of 4 touches each; every so many of them buys."""
    conn.execute("insert into core.store values ('shop', 'Shop', 'UTC', 'EUR', 'auto', 'shop')")
    people = touches // 4
    conn.execute(
        "insert into core.touch select 'shop', n, 'files', 'main', 'click', at, at::date,"
        " 'client:' || n %% %(people)s, '', '', '', 's', 'm', '', '',"
        f" ('{CHANNELS}'::text[])[1 + abs(hashint8(n)) %% 8], '', '', null, at::date, 1"
        " from (select n, timestamptz '2026-01-01' + make_interval(secs => (n %% %(people)s)"
        "   * 12960000.0 / %(people)s - (n / %(people)s) * 100000) as at"
        "   from generate_series(1, %(touches)s) as n) as made",
        {"people": people, "touches": touches},
    )
    conn.execute(
        "insert into core.conversion select 'shop', 'purchase', n, 'shopify', 'shop', n::text, at,"
        " at::date, 'order:shopify:' || n, 19.99 + n %% 90, 'EUR', null, at::date, 1"
        " from (select n, timestamptz '2026-01-01 01:00' + make_interval(secs =>"
        "   (n * (%(people)s / %(conversions)s)) * 12960000.0 / %(people)s) as at"
        "   from generate_series(1, %(conversions)s) as n) as made",
        {"people": people, "conversions": conversions},
    )
    conn.execute(
        "insert into core.identity_edge select 'shop', 'shopify', 'shop', 'client:'"
        " || n * (%(people)s / %(conversions)s) %% %(people)s, 'order:shopify:' || n,"
        " conversion_day, 1 from (select conversion_id as n, conversion_day from core.conversion)"
        " as c",
        {"people": people, "conversions": conversions},
    )
    for table in _TABLES:
        conn.execute(f"vacuum (analyze) core.{table}".encode())
        # As publishing counts them.
        conn.execute(
            "insert into ops.day_count select store_id, connector, account_id, %s, source_day,"
            f" count(*) from core.{table} group by 1, 2, 3, 5".encode(),
            (table,),
        )


@contextmanager
def timed(parts: dict[str, float]) -> Iterator[None]:
    """Add the seconds of each of _PARTS to `parts`."""
    kept: list[tuple[Any, str, Callable[..., Any]]] = []
    for module, name, label, _ in _PARTS:
        if not hasattr(module, name):
            continue
        function = getattr(module, name)
        kept.append((module, name, function))

        def wrapped(*args: Any, call: Any = function, label: str = label, **more: Any) -> Any:
            started = CLOCK.monotonic()
            try:
                return call(*args, **more)
            finally:
                parts[label] = parts.get(label, 0.0) + CLOCK.monotonic() - started

        setattr(module, name, wrapped)
    try:
        yield
    finally:
        for module, name, function in kept:
            setattr(module, name, function)


def run(conn: Connection, run_id: str, change: str = "") -> dict[str, float]:
    """Attribute, check and publish after one of CHANGES, or everything; seconds by part."""
    parts: dict[str, float] = {}
    with conn.transaction():
        prepare(conn, run_id, change)
    processors = _processors(conn)
    started = CLOCK.monotonic()
    with timed(parts), conn.transaction():
        attribute.attribute(conn, AT)
    parts["attribute"] = CLOCK.monotonic() - started
    started = CLOCK.monotonic()
    check_credits(conn, run_id, CLOCK)
    parts["check credits"] = CLOCK.monotonic() - started
    started = CLOCK.monotonic()
    moved = publish.publish(conn, run_id, AT)
    parts["publish"] = CLOCK.monotonic() - started
    parts["of processors"] = _processors(conn) - processors
    parts["credits moved"] = float(moved["credit"])
    return parts


def _processors(conn: Connection) -> float:
    """Processor seconds so far, of this process and its server process: what a busy machine leaves
    of the seconds.
    """
    both = (psutil.Process(), psutil.Process(conn.info.backend_pid))
    return float(sum(t.user + t.system for t in (process.cpu_times() for process in both)))


def prepare(conn: Connection, run_id: str, change: str) -> None:
    """What build leaves in work: the changed day, all of its rows."""
    candidates.open_run(conn, run_id, [])
    conn.execute("insert into work.scope values ('shop', 'nobody', '', '2020-01-01')")
    if change:
        (connector, account), sql = CHANGES[change]
        conn.execute(
            "insert into work.scope values ('shop', %s, %s, %s)", (connector, account, DAY)
        )
        for table in _TABLES:
            conn.execute(
                f"insert into work.{table} select * from core.{table} where store_id = 'shop'"
                " and connector = %s and account_id = %s and source_day = %s".encode(),
                (connector, account, DAY),
            )
        conn.execute(sql.encode(), {"day": DAY})
    for table in ("scope", *_TABLES):
        conn.execute(f"analyze work.{table}".encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--touches", type=int, default=10_000_000)
    parser.add_argument("--conversions", type=int, default=300_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        cluster = Cluster(Path(folder) / "postgres", free_port())
        cluster.start()
        try:
            with connect(cluster.url("postgres")) as conn:
                migrate.migrate(conn, CLOCK)
                fill(conn, asked.touches, asked.conversions)
                say(
                    f"all of {asked.touches:,} touches and {asked.conversions:,} conversions",
                    run(conn, "all"),
                )
                for name in CHANGES:
                    say(name, run(conn, name, name))
        finally:
            cluster.stop()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"\npeak memory of the Python process: {peak:,.0f} MB\n")


def say(title: str, parts: dict[str, float]) -> None:
    """A table of Markdown."""
    moved, processors = parts.pop("credits moved"), parts.pop("of processors")
    whole = sum(parts[step] for step in ("attribute", "check credits", "publish"))
    kinds = dict.fromkeys(("fetch", "compute", "write"), 0.0)
    for part, seconds in parts.items():
        if kind := _KIND.get(part):
            kinds[kind] += seconds
    sys.stdout.write(
        f"\n**{title}**: {whole:.2f} s, {processors:.2f} s of processors"
        f" ({', '.join(f'{k} {s:.2f} s' for k, s in kinds.items())}),"
        f" {moved:,.0f} credits moved, load {os.getloadavg()[0]:.0f}\n\n"
        "| part | seconds |\n|---|---|\n"
    )
    for part, seconds in parts.items():
        sys.stdout.write(f"| {part} | {seconds:.2f} |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
