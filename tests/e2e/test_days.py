"""A week through Airflow three ways: day by day, in one range, and torn; the same warehouse."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import pytest

from .installation import Local, kill

FIRST, DAYS = date(2026, 11, 2), 7
LAST = FIRST + timedelta(days=DAYS)


def started_at_first(folder: Path) -> Local:
    folder.mkdir()
    folder.chmod(0o711)
    local = Local(folder / "state")
    local.checked("up", "--once", as_of=str(FIRST))
    return local


def sums_of(local: Local) -> str:
    """Under models learned from all days, as after the daily refit."""
    local.checked("models", "refit", as_of=str(LAST))
    return local.checked("checksum", as_of=str(LAST))


@pytest.mark.prove
def test_a_week_by_day_in_one_range_and_torn_by_kills_is_the_same(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    by_day = started_at_first(tmp_path / "by_day")
    before = by_day.checked("checksum")
    for n in range(1, DAYS + 1):
        by_day.checked("up", "--once", as_of=str(FIRST + timedelta(days=n)))
    sums = sums_of(by_day)
    assert sums != before
    by_day.checked("grade", as_of=str(LAST))

    at_once = started_at_first(tmp_path / "at_once")
    assert at_once.checked("checksum") == before
    at_once.checked("up", "--once", as_of=str(LAST))
    assert sums_of(at_once) == sums

    torn = started_at_first(tmp_path / "torn")
    for n, seconds in ((2, 25), (3, None), (5, 40), (7, 32)):
        day = str(FIRST + timedelta(days=n))
        if seconds is None:
            torn.checked("up", "--once", as_of=day)
            continue
        running = torn.start("up", "--once", as_of=day)
        with suppress(subprocess.TimeoutExpired):
            running.wait(seconds)
        kill(running)
        torn.run("down")
    torn.checked("up", "--once", as_of=str(LAST))
    assert sums_of(torn) == sums
    assert torn.left_over() == []
