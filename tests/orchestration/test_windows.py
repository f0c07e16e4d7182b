"""The window of a load: what the run says, else its data interval, never the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from tributary.errors import ConfigurationError
from tributary.orchestration.windows import Asked, Cadence, choose

DAY = datetime(2026, 8, 10, tzinfo=UTC)
NEXT = datetime(2026, 8, 11, tzinfo=UTC)
HOUR = {"interval_start": DAY.replace(hour=9), "interval_end": DAY.replace(hour=10)}
WHOLE_DAY = {"interval_start": DAY, "interval_end": NEXT}
RANGE = {"start": date(2026, 8, 1), "end": date(2026, 8, 3)}


@pytest.mark.parametrize(
    ("asked", "cadence", "zone", "window", "mode"),
    [
        (WHOLE_DAY, "daily", "UTC", "[2026-08-03T00:00:00Z, 2026-08-11T00:00:00Z)", "incremental"),
        (HOUR, "hourly", "UTC", "[2026-08-10T09:00:00Z, 2026-08-10T10:00:00Z)", "incremental"),
        (
            {**WHOLE_DAY, "is_backfill": True},
            "daily",
            "UTC",
            "[2026-08-10T00:00:00Z, 2026-08-11T00:00:00Z)",
            "backfill",
        ),
        (
            {**WHOLE_DAY, "is_backfill": True},
            "daily",
            "America/Chicago",
            "[2026-08-10T05:00:00Z, 2026-08-11T05:00:00Z)",
            "backfill",
        ),
        (
            {**HOUR, "mode": "backfill"},
            "hourly",
            "America/Chicago",
            "[2026-08-10T09:00:00Z, 2026-08-10T10:00:00Z)",
            "backfill",
        ),
        (RANGE, "daily", "UTC", "[2026-08-01T00:00:00Z, 2026-08-03T00:00:00Z)", "backfill"),
        (
            {**RANGE, **WHOLE_DAY},
            "hourly",
            "America/Chicago",
            "[2026-08-01T05:00:00Z, 2026-08-03T05:00:00Z)",
            "backfill",
        ),
        (
            {**RANGE, "mode": "incremental"},
            "daily",
            "UTC",
            "[2026-07-25T00:00:00Z, 2026-08-03T00:00:00Z)",
            "incremental",
        ),
        (
            {**RANGE, "mode": "incremental"},
            "hourly",
            "UTC",
            "[2026-08-01T00:00:00Z, 2026-08-03T00:00:00Z)",
            "incremental",
        ),
        (
            {**WHOLE_DAY, "mode": "backfill"},
            "daily",
            "UTC",
            "[2026-08-10T00:00:00Z, 2026-08-11T00:00:00Z)",
            "backfill",
        ),
    ],
)
def test_params_win_over_the_interval_and_only_daily_incremental_runs_are_widened(
    asked: dict[str, Any], cadence: Cadence, zone: str, window: str, mode: str
) -> None:
    chosen, chosen_mode = choose(Asked(**asked), cadence, restate_days=7, zone=zone)
    assert (str(chosen), chosen_mode) == (window, mode)


@pytest.mark.parametrize(
    ("asked", "cadence", "covered_until", "start"),
    [
        (WHOLE_DAY, "daily", datetime(2026, 7, 20, 5, tzinfo=UTC), "[2026-07-13T05:00:00Z"),
        (WHOLE_DAY, "daily", datetime(2026, 8, 9, tzinfo=UTC), "[2026-08-02T00:00:00Z"),
        (WHOLE_DAY, "daily", NEXT, "[2026-08-03T00:00:00Z"),
        (HOUR, "hourly", DAY, "[2026-08-03T00:00:00Z"),
        (HOUR, "hourly", NEXT, "[2026-08-10T09:00:00Z"),
        (HOUR, "hourly", None, "[2026-08-10T09:00:00Z"),
        (RANGE, "daily", datetime(2026, 7, 20, tzinfo=UTC), "[2026-08-01T00:00:00Z"),
        (
            {**WHOLE_DAY, "is_backfill": True},
            "daily",
            datetime(2026, 7, 20, tzinfo=UTC),
            "[2026-08-10T00:00:00Z",
        ),
    ],
)
def test_after_a_pause_an_incremental_run_starts_where_what_is_settled_ends(
    asked: dict[str, Any], cadence: Cadence, covered_until: datetime | None, start: str
) -> None:
    chosen, _ = choose(
        Asked(**asked), cadence, restate_days=7, zone="UTC", covered_until=covered_until
    )
    assert str(chosen).startswith(start)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "say start and end"),
        ({"interval_start": DAY, "interval_end": DAY}, "empty: say start and end"),
        ({"start": date(2026, 8, 1)}, "param end is missing"),
        ({"end": date(2026, 8, 1), **WHOLE_DAY}, "param start is missing"),
        ({"start": date(2026, 8, 1), "end": date(2026, 8, 1)}, "end is exclusive"),
    ],
)
def test_a_run_without_a_window_is_an_error_that_says_what_to_do(
    asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        choose(Asked(**asked), "daily", restate_days=7, zone="UTC")


def test_a_run_is_read_as_airflow_gives_it() -> None:
    run = SimpleNamespace(
        data_interval_start=DAY, data_interval_end=NEXT, run_type=SimpleNamespace(value="backfill")
    )
    asked = Asked.of({"start": None, "end": "", "mode": None}, run)
    assert asked == Asked(interval_start=DAY, interval_end=NEXT, is_backfill=True)


@pytest.mark.parametrize("params", [{"start": "1.8.2026"}, {"end": "soon"}, {"mode": "all"}])
def test_a_param_that_means_nothing_is_named(params: dict[str, str]) -> None:
    run = SimpleNamespace(data_interval_start=None, data_interval_end=None, run_type="manual")
    with pytest.raises(ConfigurationError, match=f"param {next(iter(params))}"):
        Asked.of(params, run)
