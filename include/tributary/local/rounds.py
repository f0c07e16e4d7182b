"""Lets Airflow load and publish, tells each finished task in a line, and says how it ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from tributary.clock import Clock
from tributary.errors import ConfigurationError, TributaryError
from tributary.local.airflow import Api, Run
from tributary.warehouse.connection import Connection

Say = Callable[[str], None]
UNIFY = "unify"
REFIT = "refit"
_POLL_SECONDS = 1.0
_DAGS_SECONDS = 180.0
_STALL_SECONDS = 1800.0
_WAKE_SECONDS = 3.0
_ENDED = {"success", "failed", "upstream_failed", "skipped", "removed"}
# What ends as it should when all is well is not worth a line.
_SILENT = {"report_failures", "insights"}


@dataclass(frozen=True)
class Range:
    """Days first <= day < end to read; `mode` '' leaves it to the Dag (backfill)."""

    first: date
    end: date
    mode: str = ""

    def conf(self) -> dict[str, str]:
        days = {"start": self.first.isoformat(), "end": self.end.isoformat()}
        return days | ({"mode": self.mode} if self.mode else {})


@dataclass
class Rounds:
    """The Dag runs since this object was made, whoever started them."""

    api: Api
    warehouse: Connection
    dag_ids: frozenset[str]
    logs: Path
    say: Say
    clock: Clock
    alive: Callable[[], None]
    before: set[tuple[str, str]] = field(default_factory=set)
    _told: set[tuple[str, str, str, int]] = field(default_factory=set)
    _done: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._wait_for_dags()
        self.before = {run.key for run in self.api.runs(self.dag_ids) if run.is_finished}

    def load(self, feeds: Iterable[str], wanted: Range) -> None:
        """Have every feed read the range, and wait until no ingest run is left.

        The run stands for yesterday's scheduled one, too: the range holds that day.
        """
        today = datetime.combine(self.clock.now().date(), time(), UTC)
        for feed in feeds:
            dag_id = f"ingest_{feed}"
            self.api.trigger(
                dag_id,
                wanted.conf(),
                note="started by tributary up",
                interval=(today - timedelta(days=1), today),
            )
            self.api.unpause(dag_id)
            last = wanted.end - timedelta(days=1)
            self.say(f"{dag_id}: reading {wanted.first} to {last}")
        self.settle()

    def publish(self) -> None:
        """Have unify take everything pending, and wait until no run is left."""
        self.api.unpause(UNIFY)
        self.api.unpause(REFIT)
        patience = self.clock.monotonic() + _WAKE_SECONDS
        while not self._running() and self.clock.monotonic() < patience:
            self.clock.sleep(_POLL_SECONDS)  # the first unpause, or an ingest run, may wake it
        self.settle()
        if self.pending() and not self.failed():
            self.api.trigger(UNIFY, note="started by tributary up")
            self.settle()

    def settle(self) -> None:
        """Wait until no run of our Dags is queued or running."""
        moved, state = self.clock.monotonic(), ""
        while True:
            self.alive()
            runs = self._runs()
            for run in runs:
                self._tell(run)
            if all(run.is_finished for run in runs):
                return
            now = json.dumps([[run.key, run.state] for run in runs]) + str(len(self._told))
            if now != state:
                moved, state = self.clock.monotonic(), now
            elif self.clock.monotonic() - moved > _STALL_SECONDS:
                stuck = ", ".join(f"{r.dag_id} ({r.state})" for r in runs if not r.is_finished)
                raise TributaryError(
                    f"nothing has moved for {_STALL_SECONDS / 60:.0f} minutes: {stuck}."
                    f" Open these runs at {self.api.base_url}."
                )
            self.clock.sleep(_POLL_SECONDS)

    def pending(self) -> int:
        """Landed loads that no publication holds yet."""
        row = self.warehouse.execute(
            "select count(*) from ops.load where status = 'landed' and publication_id is null"
        ).fetchone()
        return int(row[0]) if row else 0

    def failed(self) -> list[Run]:
        return [run for run in self._runs() if run.state == "failed"]

    def succeeded(self) -> list[Run]:
        return [run for run in self._runs() if run.state == "success"]

    def _runs(self) -> list[Run]:
        found = [run for run in self.api.runs(self.dag_ids) if run.key not in self.before]
        return list(reversed(found))

    def _running(self) -> bool:
        return any(not run.is_finished for run in self._runs())

    def _tell(self, run: Run) -> None:
        if run.state == "queued" or (run.is_finished and run.key in self._done):
            return
        for task in self.api.tasks(run):
            key = (*run.key, str(task["task_id"]), int(task["map_index"]))
            if task["state"] in _ENDED and key not in self._told:
                self._told.add(key)
                self._tell_task(run, task)
        if run.is_finished:
            self._done.add(run.key)
            if run.state == "failed":
                self.say(f"{run.dag_id}: the run {run.run_id} FAILED")

    def _tell_task(self, run: Run, task: Mapping[str, Any]) -> None:
        state, name = str(task["state"]), str(task["task_id"])
        if state == "skipped" or (name.split(".")[-1] in _SILENT and state != "failed"):
            return
        label = task["rendered_map_index"] or ""
        seconds = f" in {task['duration']:.1f} s" if task["duration"] else ""
        shown = "ok" if state == "success" else state
        self.say(
            " ".join(part for part in (f"{run.dag_id}: {name}", label, shown) if part) + seconds
        )
        if state == "failed":
            reason = last_error(self.logs, run, task)
            if reason:
                self.say(f"    {reason}")

    def _wait_for_dags(self) -> None:
        deadline = self.clock.monotonic() + _DAGS_SECONDS
        while missing := self.dag_ids - self.api.dag_ids():
            self.alive()
            if errors := self.api.import_errors():
                raise ConfigurationError("a Dag file does not load: " + "; ".join(errors))
            if self.clock.monotonic() > deadline:
                raise TributaryError(
                    f"Airflow has not read these Dags: {', '.join(sorted(missing))}"
                )
            self.clock.sleep(_POLL_SECONDS)


def last_error(logs: Path, run: Run, task: Mapping[str, Any]) -> str:
    """What the task's log says last about an error: its type and message, in one line."""
    folder = logs / f"dag_id={run.dag_id}" / f"run_id={run.run_id}" / f"task_id={task['task_id']}"
    if int(task["map_index"]) >= 0:
        folder = folder / f"map_index={task['map_index']}"
    found = ""
    try:
        lines = (folder / f"attempt={task['try_number']}.log").read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        for detail in entry.get("error_detail") or []:
            found = f"{detail.get('exc_type', '')}: {detail.get('exc_value', '')}".strip(": ")
    return found
