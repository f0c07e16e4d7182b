from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from tributary.clock import SystemClock
from tributary.connectors.spec import all_connectors
from tributary.local.grade_seed import run, sandbox
from tributary.local.grade_world import grade_world
from tributary.pipeline.ingest import ingest
from tributary.pipeline.unify import unify
from tributary.sandbox import truth
from tributary.sandbox.truth import MARKOV
from tributary.sandbox.world import World
from tributary.settings import accounts
from tributary.warehouse.connection import Connection
from tributary.window import Window


def test_the_whole_loop_is_exact_and_stays_exact_when_the_clock_moves(
    warehouse: Connection, tmp_path: Path
) -> None:
    """Two weeks of a world, then three days more: with refunds, edits and late events."""
    clock = SystemClock()
    first = World.at(3, date(2026, 11, 2), date(2026, 10, 20))
    later = World(3, first.as_of + timedelta(days=3), first.first_day)
    with sandbox(first, tmp_path, clock) as served:
        assert run(warehouse, served, first, clock)
        assert_exact(warehouse, first)
        served.move_clock(later.as_of)
        assert run(warehouse, served, later, clock, since=first.as_of)
        assert_exact(warehouse, later)
        assert not run(warehouse, served, later, clock)


def test_a_week_is_not_over_before_the_vendor_says_so(
    warehouse: Connection, tmp_path: Path
) -> None:
    """Midnight of Monday in UTC is Sunday evening at prairie; the windows end a day later."""
    clock = SystemClock()
    world = World.at(3, date(2026, 11, 2), date(2026, 10, 24))
    ga4 = all_connectors()["ga4"]
    window = Window(world.moment - timedelta(days=9), world.moment + timedelta(days=1))
    with sandbox(world, tmp_path, clock) as served:
        assert run(warehouse, served, world, clock)
        for account in accounts(served.stores(), "ga4"):
            stream, key = ga4.stream("user_count"), served.credentials(account)
            ingest(warehouse, account, ga4, stream, key, window, "backfill", "again", clock)
    unify(warehouse, "again", clock)
    weeks = warehouse.execute(
        "select store_id, first_day from core.site_user_count where period = 'week'"
    ).fetchall()
    ended = [("nordlicht", date(2026, 10, day)) for day in (19, 26)]
    assert sorted(weeks) == [*ended, ("prairie", date(2026, 10, 19))]
    assert_exact(warehouse, world)


def assert_exact(warehouse: Connection, world: World) -> None:
    assert len(truth.cells(world)) > 800
    report = grade_world(warehouse, world)
    assert report.is_exact, report.to_text()
    assert report.notes == ()
    assert MARKOV in {measure.measure for measure in report.measures}
