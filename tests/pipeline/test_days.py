"""The same days read one by one as they pass, at once afterwards, or in any mixture with kills: one
and the same core.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

import pytest

from tributary.clock import SystemClock
from tributary.connectors.spec import all_connectors
from tributary.local.grade_seed import Served, sandbox
from tributary.pipeline.refit import refit
from tributary.pipeline.unify import unify
from tributary.sandbox.world import World
from tributary.warehouse import stores
from tributary.warehouse.connection import Connection
from tributary.window import Window

from .kills import UNIFY, Job, Plan, Worker, elapsed, run_with_kills, state
from .test_kills import midnight

FIRST = date(2026, 9, 20)
DAYS = int(os.environ.get("PROVE_DAYS", "60"))
CLOCK = SystemClock()
Fresh = Callable[[], Connection]


@dataclass(frozen=True)
class History:
    """The days from FIRST on of some stores, and how they are read."""

    served: Served
    worker: Worker
    days: int
    steps: tuple[str, ...]

    def job(self, conn: Connection, name: str, first: int, end: int, mode: str) -> Job:
        """Read days number `first` to `end` (exclusive) and unify."""
        window = Window(midnight(self.day(first)), midnight(self.day(end)))
        return Job(_url(conn), self.served, window, name, self.steps, mode)

    def day(self, number: int) -> date:
        return FIRST + timedelta(days=number)

    def sync(self, conn: Connection) -> None:
        stores.sync(conn, self.served.stores(), all_connectors().values())

    def day_by_day(self, conn: Connection) -> None:
        """Every day is read when it is over, as the daily run does."""
        self.sync(conn)
        for n in range(self.days):
            self.served.move_clock(self.day(n + 1))
            assert self.worker.run(self.job(conn, f"day {n}", n, n + 1, "incremental"))[0] == ""

    def at_once(self, conn: Connection) -> None:
        """A backfill of all days after the last; west of Greenwich the first began a day before."""
        self.sync(conn)
        self.served.move_clock(self.day(self.days))
        job = self.job(conn, "backfill", -1, self.days, "backfill")
        assert self.worker.run(job)[0] == ""

    def in_any_order(self, conn: Connection, random: Random) -> Counter[str]:
        """Daily runs, pauses that the next one makes up for, backfills in between, kills in any."""
        self.sync(conn)
        plan, done, read = Plan({}, random), Counter[str](), 0
        for n in range(self.days):
            self.served.move_clock(self.day(n + 1))
            if random.random() < 0.2 and n + 1 < self.days:
                done["pause"] += 1
                continue
            jobs = [self.job(conn, f"day {n}", read, n + 1, "incremental")]
            read = n + 1
            if random.random() < 0.3:
                first = random.randint(-1, n)
                last = random.randint(first + 1, n + 1)
                jobs.append(self.job(conn, f"backfill at {n}", first, last, "backfill"))
                random.shuffle(jobs)
                done["backfill"] += 1
            for job in jobs:
                kills = random.choice((0, 0, 1, 2))
                done["kill"] += run_with_kills(self.worker, job, plan, kills, lambda: None)
                done["run"] += 1
        return done


def _url(conn: Connection) -> str:
    info = conn.info
    return f"postgresql://{info.user}:{info.password}@{info.host}:{info.port}/{info.dbname}"


def facts(conn: Connection) -> dict[str, str]:
    """All of core and staging, under models learned from all of it, as after the daily refit; how
    often a value moved on the way is the ledger's business.
    """
    if refit(conn, CLOCK):
        assert unify(conn, "refitted", CLOCK)
    return {t: s for t, s in state(conn).items() if not t.startswith("ops.")}


def compare(history: History, fresh: Fresh, seed: int) -> tuple[dict[str, str], Counter[str]]:
    """The three ways to the same facts; what the interleaving did."""
    conn = fresh()
    history.day_by_day(conn)
    one_by_one = facts(conn)
    conn = fresh()
    history.at_once(conn)
    assert _differing(one_by_one, facts(conn)) == {}
    conn = fresh()
    done = history.in_any_order(conn, Random(seed))
    assert _differing(one_by_one, facts(conn)) == {}
    return one_by_one, done


def _differing(a: dict[str, str], b: dict[str, str]) -> dict[str, tuple[str, str]]:
    return {table: (a[table], b[table]) for table in a if a[table] != b[table]}


def steps_of(*stores: str, check: bool) -> tuple[str, ...]:
    loads = (
        ("shopify", "", "order"),
        ("files", "_files", "spend"),
        ("files", "_files", "ga4_event"),
    )
    return (
        *(f"load {c}__{store}{suffix} {stream}" for store in stores for c, suffix, stream in loads),
        *(step for step in UNIFY if check or step != "check"),
    )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    world = World(11, FIRST + timedelta(days=1), FIRST)
    with sandbox(world, tmp_path_factory.mktemp("sandbox"), CLOCK) as found:
        yield found


def test_two_days_one_by_one_at_once_and_mixed_are_the_same_days(
    killable: Worker, served: Served, fresh: Fresh
) -> None:
    history = History(served, killable, 2, steps_of("prairie", check=False))
    found, _ = compare(history, fresh, seed=2)
    assert int(found["core.sales_order"].split()[0]) > 10
    assert int(found["core.credit"].split()[0]) > 10


@pytest.mark.prove
def test_sixty_days_one_by_one_at_once_and_mixed_with_kills_are_the_same_days(
    killable: Worker, served: Served, fresh: Fresh
) -> None:
    history = History(served, killable, DAYS, steps_of("nordlicht", "prairie", check=True))
    killable.killed = Counter()
    found, done = compare(history, fresh, seed=3)
    assert int(found["core.sales_order"].split()[0]) > 10 * DAYS
    assert min(done["kill"], done["backfill"], done["pause"]) > 0
    sys.stdout.write(f"\n{DAYS} days: {dict(done)}; kills: {elapsed(killable.killed)}\n")
