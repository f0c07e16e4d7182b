from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from tributary.clock import SystemClock
from tributary.local.grade import grade
from tributary.local.grade_seed import run, sandbox
from tributary.sandbox import truth
from tributary.sandbox.world import World
from tributary.warehouse.connection import Connection


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


def assert_exact(warehouse: Connection, world: World) -> None:
    cells = truth.cells(world)
    assert len(cells) > 800
    report = grade(warehouse, cells, world.seed)
    assert report.is_exact, report.to_text()
