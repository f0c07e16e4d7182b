"""Which window and mode a load gets: what the run says, else its data interval, never the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Literal

from tributary.connectors.spec import Mode
from tributary.errors import ConfigurationError
from tributary.window import Window

Cadence = Literal["daily", "hourly"]


@dataclass(frozen=True)
class Asked:
    """What a Dag run says about its window: the params, and the data interval if it has one.

    `is_backfill` is set for the runs of `airflow backfill create`.
    """

    start: date | None = None
    end: date | None = None
    mode: Mode | None = None
    interval_start: datetime | None = None
    interval_end: datetime | None = None
    is_backfill: bool = False

    @classmethod
    def of(cls, params: Mapping[str, Any], run: Any) -> Asked:
        """Read a run's params and Airflow's DagRun; ConfigurationError for what is not a date."""
        mode = params.get("mode") or None
        if mode not in (None, "incremental", "backfill"):
            raise ConfigurationError(
                f"param mode is {mode!r}; say incremental, backfill or nothing"
            )
        return cls(
            _day("start", params.get("start")),
            _day("end", params.get("end")),
            mode,
            run.data_interval_start,
            run.data_interval_end,
            str(getattr(run.run_type, "value", run.run_type)) == "backfill",
        )


def choose(
    asked: Asked,
    cadence: Cadence,
    *,
    restate_days: int,
    zone: str,
    covered_until: datetime | None = None,
) -> tuple[Window, Mode]:
    """The window and mode of one load.

    Params win: whole days of the account's `zone`, `end` exclusive, read as a backfill unless
    the run says otherwise. Else the data interval; a daily backfill reads its days as the account
    counts them, so that days read one by one are the days of a range. After a pause (catchup is
    off) an incremental run starts where the landed loads end, at `covered_until`. It re-reads
    `restate_days` more when it is daily or was behind: what was read last had not settled. Raises
    ConfigurationError when the run says nothing.
    """
    is_daily = cadence == "daily"
    if asked.start is not None or asked.end is not None:
        window, mode = _of_params(asked.start, asked.end, zone), asked.mode or "backfill"
        return window.widened(restate_days if is_daily and mode == "incremental" else 0), mode
    if asked.interval_start is None or asked.interval_end is None:
        raise ConfigurationError(
            "this run has no window: say start and end. Trigger it again with the params start"
            " and end (dates; end is exclusive), or with a logical date."
        )
    if asked.interval_end <= asked.interval_start:
        raise ConfigurationError(
            f"the run's data interval at {asked.interval_start:%Y-%m-%d %H:%M} is empty: say start"
            " and end"
        )
    window = Window(asked.interval_start, asked.interval_end)
    mode = asked.mode or ("backfill" if asked.is_backfill else "incremental")
    if mode == "backfill":
        return _account_days(window, zone) if is_daily else window, mode
    was_behind = covered_until is not None and covered_until < window.start
    if covered_until is not None and was_behind:
        window = Window(covered_until, window.end)
    return window.widened(restate_days if is_daily or was_behind else 0), mode


def _account_days(window: Window, zone: str) -> Window:
    """The UTC days of a daily interval as days of `zone`; another interval is left as it is."""
    if window.start.time() != time() or window.end.time() != time():
        return window
    return Window.of_days(window.start.date(), window.end.date(), zone)


def _of_params(start: date | None, end: date | None, zone: str) -> Window:
    if start is None or end is None:
        missing = "start" if start is None else "end"
        raise ConfigurationError(f"param {missing} is missing: say start and end, or neither")
    if end <= start:
        raise ConfigurationError(
            f"params start {start} and end {end} hold no day: end is exclusive, so one day is"
            " start = that day, end = the day after"
        )
    return Window.of_days(start, end, zone)


def _day(name: str, value: object) -> date | None:
    if value in (None, ""):
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ConfigurationError(
            f"param {name} is {value!r}; write a date like 2026-08-31"
        ) from None
