"""Re-reading what has not changed: its WAL and its time against the first time.

    python -m bench.restate [--records 1000000]

Lands orders in Shopify's shape and unifies them in a PostgreSQL of its own (fsync on), then VACUUMs
as autovacuum would, and reads and unifies the same records again. Writes bench/README.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bench import orders
from tributary.clock import Clock, SystemClock
from tributary.connectors.spec import Connector, Credentials, all_connectors
from tributary.local.postgres import Cluster, free_port
from tributary.pipeline import unify
from tributary.pipeline.ingest import ingest
from tributary.settings import Account, AccountConfig, StoreConfig
from tributary.warehouse import migrate, stores
from tributary.warehouse.connection import Connection, connect
from tributary.window import Window

README = Path(__file__).with_name("README.md")
WAL_LIMIT, LANDING_LIMIT, UNIFY_LIMIT = 1_000_000, 0.4, 0.25
_STORE = StoreConfig("shop", "Shop", "UTC", "EUR", [AccountConfig("shopify", "shop")])
_ACCOUNT = Account("shop", "shopify", "shop", "UTC", "EUR")


@dataclass(frozen=True)
class Step:
    """Seconds and bytes of WAL that something took."""

    seconds: float
    wal: int


@dataclass(frozen=True)
class Result:
    """`rebuilt`: everything built, checked and published anew although nothing changed, as after a
    lost publication; None where it was not asked for.
    """

    records: int
    landed: Step
    unified: Step
    read_again: Step
    unified_again: Step
    phases: dict[str, float]
    rebuilt: Step | None = None

    @property
    def wal_again(self) -> int:
        return self.read_again.wal + self.unified_again.wal

    @property
    def landing_ratio(self) -> float:
        return self.read_again.seconds / self.landed.seconds

    @property
    def unify_ratio(self) -> float:
        return self.unified_again.seconds / self.unified.seconds

    @property
    def is_kept(self) -> bool:
        return (
            self.wal_again < WAL_LIMIT
            and self.landing_ratio <= LANDING_LIMIT
            and self.unify_ratio <= UNIFY_LIMIT
        )


def measure(
    conn: Connection,
    records: int,
    clock: Clock,
    say: Callable[[str], None],
    *,
    rebuild: bool = False,
) -> Result:
    """Everything once and again, in a migrated warehouse."""
    connector = _connector(records)
    stores.sync(conn, [_STORE], [connector])

    def land(run_id: str) -> None:
        counts = ingest(
            conn,
            _ACCOUNT,
            connector,
            connector.streams[0],
            Credentials(),
            Window.of_days(orders.FIRST, orders.FIRST.replace(year=orders.FIRST.year + 1)),
            "backfill",
            run_id,
            clock,
        ).counts
        say(f"{run_id}: {counts.rows_new:,} new, {counts.rows_unchanged:,} unchanged")

    def timed(what: str, step: Callable[[], object]) -> Step:
        conn.execute("checkpoint")
        start, lsn = clock.monotonic(), _wal(conn)
        step()
        found = Step(clock.monotonic() - start, _wal(conn) - lsn)
        say(f"{what}: {found.seconds:.1f} s, {found.wal:,} bytes of WAL")
        return found

    landed = timed("first landing", lambda: land("first"))
    unified = timed("first unify", lambda: unify.unify(conn, "first", clock))
    phases = _phases(conn, "first")
    say(f"unify by phase: {phases}")
    conn.execute("vacuum")
    read_again = timed("landing again", lambda: land("again"))
    unified_again = timed("unify again", lambda: unify.unify(conn, "again", clock))
    rebuilt = None
    if rebuild:
        conn.execute("update ops.load set publication_id = null where publication_id > 0")
        rebuilt = timed("everything rebuilt", lambda: unify.unify(conn, "rebuild", clock))
        say(f"rebuild by phase: {_phases(conn, 'rebuild')}")
    return Result(records, landed, unified, read_again, unified_again, phases, rebuilt)


def _connector(records: int) -> Connector:
    """Shopify's connector, its vendor replaced by made-up orders."""
    shopify = all_connectors()["shopify"]
    stream = replace(shopify.stream("order"), extract=partial(orders.pages, records))
    return replace(shopify, streams=(stream,))


def _wal(conn: Connection) -> int:
    row = conn.execute("select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')").fetchone()
    assert row is not None
    return int(row[0])


def _phases(conn: Connection, run_id: str) -> dict[str, float]:
    row = conn.execute(
        "select phase_seconds from ops.unify_run where run_id = %s", (run_id,)
    ).fetchone()
    assert row is not None
    return dict(sorted(row[0].items()))


def report(result: Result) -> str:
    """The table of bench/README.md."""

    def line(what: str, step: Step, ratio: str, limit: str) -> str:
        return f"| {what} | {step.seconds:.1f} | {step.wal / 1e6:.2f} | {ratio} | {limit} |"

    lines = [
        "# Measurements",
        "",
        "Written by `make bench` (`python -m bench.restate`). Ratios travel between machines,"
        " seconds do not.",
        "",
        f"{result.records:,} orders in Shopify's shape over {orders.DAYS} days, one run, PostgreSQL"
        f" with fsync on, {os.cpu_count()} cores ({platform.machine()}), Python"
        f" {platform.python_version()}; VACUUM between first and second time.",
        "",
        "| step | seconds | WAL, MB | of the first time | limit |",
        "|---|---|---|---|---|",
        line("first landing", result.landed, "", ""),
        line("first unify", result.unified, "", ""),
        line(
            "the same records landed again", result.read_again, f"{result.landing_ratio:.3f}", "0.4"
        ),
        line("unified again", result.unified_again, f"{result.unify_ratio:.3f}", "0.25"),
    ]
    if result.rebuilt is not None:
        ratio = result.rebuilt.seconds / result.unified.seconds
        lines.append(
            line("all rebuilt and published, nothing changed", result.rebuilt, f"{ratio:.3f}", "")
        )
    phases = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in result.phases.items())
    lines += [
        "",
        f"WAL of reading and unifying again: {result.wal_again:,} bytes (limit 1,000,000).",
        f"First unify by phase: {phases}.",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rebuild", action="store_true", help="measure a full rebuild, too")
    given = parser.parse_args()
    clock = SystemClock()

    def say(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    with tempfile.TemporaryDirectory(prefix="tributary-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        cluster = Cluster(folder, free_port())
        cluster.start()
        try:
            with connect(cluster.url("postgres")) as conn:
                conn.execute("alter system set autovacuum to off")  # its WAL is not ours
                conn.execute("select pg_reload_conf()")
                conn.execute("create database bench")
            with connect(cluster.url("bench")) as conn:
                migrate.migrate(conn, clock)
                result = measure(conn, given.records, clock, say, rebuild=given.rebuild)
        finally:
            cluster.stop()
            cluster.remove()
    text = report(result)
    README.write_text(text)
    say(text)
    return 0 if result.is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
