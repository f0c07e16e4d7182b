"""Attribution in the warehouse by all models: all at once, then a refund, a late touch, a merge.

    python -m bench.pipeline_attribution [--touches 10000000] [--conversions 300000]

Fills core in a PostgreSQL of its own (fsync on) and runs the attribute, check_credits and publish
steps of unify on it: first with a model fit, then for one changed row each. Prints seconds by part.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from tributary.clock import SystemClock
from tributary.local.postgres import Cluster, free_port
from tributary.pipeline import attribute, credits, identity, model_state
from tributary.quality.credits import check_credits
from tributary.warehouse import candidates, migrate, publish
from tributary.warehouse.connection import Connection, connect

CLOCK = SystemClock()
AT = datetime(2026, 6, 1, tzinfo=UTC)
CHANNELS = "{affiliate,direct,email,organic_search,organic_social,paid_search,paid_social,referral}"
# What a change touches: the day whose rows build would have left in work, by connector.
DAY = date(2026, 5, 15)

_PARTS = (
    (identity, "find_people", "people"),
    (model_state, "journeys", "fit: fetch journeys"),
    (model_state, "fit_models", "fit: models and bootstrap"),
    (credits, "_select", "credits: select touches"),
    (credits, "_conversions", "credits: fetch conversions"),
    (credits, "_touches", "credits: fetch touches"),
    (credits, "attribute_arrays", "credits: compute"),
    (credits, "_write", "credits: write"),
)


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
    conn.execute("analyze core.touch; analyze core.conversion; analyze core.identity_edge")


@contextmanager
def timed(parts: dict[str, float]) -> Iterator[None]:
    """Add the seconds of each of _PARTS to `parts`."""
    kept: list[tuple[Any, str, Callable[..., Any]]] = []
    for module, name, label in _PARTS:
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
    """Attribute, check and publish after `change`, SQL on the candidate rows; seconds by part."""
    parts: dict[str, float] = {}
    with conn.transaction():
        candidates.open_run(conn, run_id, [])
        conn.execute("insert into work.scope values ('shop', 'nobody', '', '2020-01-01')")
        if change:
            conn.execute(
                "insert into work.scope values ('shop', 'shopify', 'shop', %(day)s),"
                " ('shop', 'files', 'main', %(day)s)",
                {"day": DAY},
            )
            for table in ("conversion", "touch", "identity_edge"):
                conn.execute(
                    f"insert into work.{table} select * from core.{table}"
                    " where source_day = %s".encode(),
                    (DAY,),
                )
            conn.execute(change.encode())
            conn.execute("analyze work.touch; analyze work.conversion; analyze work.identity_edge")
    started = CLOCK.monotonic()
    with timed(parts), conn.transaction():
        attribute.attribute(conn, AT)
    parts["attribute in all"] = CLOCK.monotonic() - started
    started = CLOCK.monotonic()
    check_credits(conn, run_id, CLOCK)
    parts["check credits"] = CLOCK.monotonic() - started
    started = CLOCK.monotonic()
    moved = publish.publish(conn, run_id, AT)
    parts["publish"] = CLOCK.monotonic() - started
    parts["credits moved"] = float(moved["credit"])
    return parts


CHANGES = {
    "one refund": "update work.conversion set value_amount = value_amount - 5 where conversion_id ="
    " (select min(conversion_id) from work.conversion)",
    "one late touch": "insert into work.touch select v.store_id, -1, 'files', 'main', 'click',"
    " v.converted_at - interval '1 second', v.conversion_day, e.identifier_a, '', '', '', 's', 'm',"
    " '', '', 'email', '', '', null, v.source_day, 1 from work.conversion as v"
    " join work.identity_edge as e on e.identifier_b = v.identifier order by 2 limit 1",
    "one merge": "insert into work.identity_edge select store_id, connector, account_id,"
    " min(identifier_a), max(identifier_a), source_day, 1 from work.identity_edge"
    " group by store_id, connector, account_id, source_day",
}


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
                say("all at once", run(conn, "all"))
                for name, change in CHANGES.items():
                    say(name, run(conn, name, change))
        finally:
            cluster.stop()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"peak memory of the Python process: {peak:,.0f} MB\n")


def say(title: str, parts: dict[str, float]) -> None:
    sys.stdout.write(f"\n{title}\n")
    for part, seconds in parts.items():
        shown = f"{seconds:,.0f}" if part == "credits moved" else f"{seconds:.2f} s"
        sys.stdout.write(f"  {part:<28}{shown:>12}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
