"""`tributary backfill`: has Airflow read days again, tells how far it is and how it ended.

Airflow is the running local installation's, or the one at AIRFLOW_URL (with AIRFLOW_USER,
AIRFLOW_PASSWORD and TRIBUTARY_WAREHOUSE_URL).
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

from tributary.clock import Clock, SystemClock
from tributary.errors import ConfigurationError, TributaryError
from tributary.local import airflow, backfill_plan, databases, processes
from tributary.local.airflow import AlreadyThere, Api, Run
from tributary.local.backfill_plan import Plan, counted
from tributary.local.progress import Say, progress
from tributary.local.state import Installation, current
from tributary.settings import required
from tributary.warehouse.connection import Connection, connect

UNIFY = "unify"
_POLL_SECONDS = 2.0
_WAKE_SECONDS = 6.0
_STALL_SECONDS = 1800.0
_NOTE = "started by tributary backfill"


@dataclass(frozen=True)
class Asked:
    """The command's options as given."""

    first: str
    last: str
    feeds: tuple[str, ...] = ()
    store: str = ""
    day_by_day: bool = False
    dry_run: bool = False


def run_backfill(asked: Asked) -> int:
    """Returns the exit code: 0 only if every run succeeded and everything read is published."""
    from tributary.connectors.spec import all_connectors

    clock = SystemClock()
    feeds = {c.feed for c in all_connectors().values()}
    with _installation(clock, asked.dry_run) as (api, conn, today):
        days = backfill_plan.days_of(asked.first, asked.last, today, day_by_day=asked.day_by_day)
        found = backfill_plan.plan(
            conn, days, asked.feeds, feeds, store=asked.store, day_by_day=asked.day_by_day
        )
        sys.stdout.write(backfill_plan.explain(found))
        if api is None:
            sys.stdout.write("Nothing was read: --dry-run.\n")
            return 0
        return Backfill(api, conn, found, clock, progress(clock, sys.stdout)).run()


@contextmanager
def _installation(clock: Clock, dry_run: bool) -> Iterator[tuple[Api | None, Connection, date]]:
    """Airflow's API (None for a dry run), the warehouse, and the last day there can be data for."""
    today = clock.now().date()
    if url := os.environ.get("AIRFLOW_URL"):
        user = os.environ.get("AIRFLOW_USER") or airflow.USER
        with connect(required("TRIBUTARY_WAREHOUSE_URL")) as conn:
            api = None if dry_run else Api(url.rstrip("/"), required("AIRFLOW_PASSWORD"), user)
            try:
                yield api, conn, today
            finally:
                if api is not None:
                    api.close()
        return
    found = current()
    record = found.record()
    if processes.same(record.supervisor) is None and not dry_run:
        raise ConfigurationError(
            "nothing runs: start `tributary up` (or `make run`) first, or set AIRFLOW_URL,"
            " AIRFLOW_USER, AIRFLOW_PASSWORD and TRIBUTARY_WAREHOUSE_URL for another Airflow"
        )
    with (
        databases.available(found, "backfill", clock) as data,
        databases.open_warehouse(data) as conn,
    ):
        api = None if dry_run else _api(found)
        try:
            yield api, conn, max(today, record.loaded_until or today)
        finally:
            if api is not None:
                api.close()


def _api(found: Installation) -> Api:
    port = found.record().airflow_port
    return Api(f"http://127.0.0.1:{port}", found.secrets.admin_password)


@dataclass
class Backfill:
    """A backfill at work: its runs in Airflow, its loads in the warehouse, then unify."""

    api: Api
    conn: Connection
    plan: Plan
    clock: Clock
    say: Say
    runs: dict[str, list[Run]] = field(default_factory=dict)
    _before: int = 0
    _told: dict[str, str] = field(default_factory=dict)
    _moved: float = 0.0

    def run(self) -> int:
        self._look()
        self._before = self._number("select coalesce(max(load_id), 0) from ops.load")
        self._moved = self.clock.monotonic()
        for feed in self.plan.feeds:
            self._start(f"ingest_{feed}")
        while True:
            self._refresh()
            self._tell_loads()
            if all(run.is_finished for runs in self.runs.values() for run in runs):
                break
            self._wait()
        published = self._publish()
        failed = [run for runs in self.runs.values() for run in runs if run.state != "success"]
        for run in failed:
            self.say(f"{run.dag_id}: the run {run.run_id} FAILED")
        self._tell_failures()
        self.say(self._summary(published))
        return 0 if published and not failed else 1

    def _look(self) -> None:
        """Everything that would leave the runs waiting for ever is said now."""
        wanted = {UNIFY, *(f"ingest_{feed}" for feed in self.plan.feeds)}
        if missing := sorted(wanted - self.api.dag_ids()):
            errors = "; ".join(self.api.import_errors())
            raise ConfigurationError(
                f"the Airflow at {self.api.base_url} has no Dag {', '.join(missing)}"
                + (f": {errors}" if errors else ". Is it this project's, and is it started?")
            )

    def _start(self, dag_id: str) -> None:
        days, conf = self.plan.days, {"mode": "backfill"}
        if self.plan.store:
            conf["store"] = self.plan.store
        self.api.unpause(dag_id)
        if not self.plan.day_by_day:
            conf |= {"start": days.first.isoformat(), "end": days.end.isoformat()}
            self.runs[dag_id] = [self.api.trigger(dag_id, conf, note=_NOTE)]
            self.say(f"{dag_id}: one run reads {days}")
            return
        first, last = backfill_plan.intervals(days)
        try:
            number = self.api.backfill(dag_id, first, last, conf)
        except AlreadyThere:
            raise ConfigurationError(
                f"Airflow is at work on another backfill of {dag_id}. Wait for it, or cancel it on"
                f" the Dag's page at {self.api.base_url}."
            ) from None
        self.runs[dag_id] = self.api.runs_between(dag_id, first, last)
        self.say(f"{dag_id}: backfill {number} has a run for each of {len(self.runs[dag_id])} days")

    def _refresh(self) -> None:
        for dag_id, runs in self.runs.items():
            if self.plan.day_by_day:
                self.runs[dag_id] = self.api.runs_between(
                    dag_id, *backfill_plan.intervals(self.plan.days)
                )
            else:
                self.runs[dag_id] = [self.api.run(dag_id, run.run_id) for run in runs]

    def _tell_loads(self) -> None:
        for dag_id, runs in self.runs.items():
            states = Counter(run.state for run in runs)
            text = f"{dag_id}: " + ", ".join(f"{n} {state}" for state, n in sorted(states.items()))
            self._tell(dag_id, f"{text}; {self._loads(runs)}")

    def _publish(self) -> bool:
        """Wait until unify has published what was read, waking it where nobody has."""
        waited, woken = self.clock.monotonic(), False
        self.api.unpause(UNIFY)
        while self._pending():
            row = self.conn.execute(
                "select status, message from ops.unify_run order by started_at desc limit 1"
            ).fetchone()
            if row is not None:
                self._tell(UNIFY, f"unify: {row[0]}")
            if any(not run.is_finished for run in self.api.runs({UNIFY})):
                waited = self.clock.monotonic()
            elif self.clock.monotonic() - waited > _WAKE_SECONDS:
                if woken:
                    reason = row[1].splitlines()[0] if row is not None and row[1] else "see its log"
                    self.say(f"unify did not publish it: {reason}")
                    return False
                self.api.trigger(UNIFY, note=_NOTE)
                waited, woken = self.clock.monotonic(), True
            self._wait()
        return True

    def _pending(self) -> int:
        return self._number(
            "select count(*) from ops.load where status = 'landed' and publication_id is null"
            f" and {self._ours()}",
            self._names(),
        )

    def _loads(self, runs: Sequence[Run]) -> str:
        """What these runs have landed, in words."""
        row = self.conn.execute(
            "select count(*) filter (where status = 'landed'),"
            " count(*) filter (where status = 'failed'),"
            " coalesce(sum(rows_new), 0), coalesce(sum(rows_changed + rows_deleted), 0),"
            " coalesce(sum(rows_unchanged), 0), coalesce(sum(rows_quarantined), 0),"
            " (select count(distinct (c.connector, c.account_id, c.day)) from ops.changed_day as c"
            f"  join ops.load using (load_id) where {self._ours()})"
            f" from ops.load where {self._ours()}",
            self._names(runs),
        ).fetchone()
        assert row is not None
        landed, failed, new, changed, same, bad, days = row
        parts = [
            f"{counted(landed, 'load')} landed",
            *([f"{failed} FAILED"] if failed else []),
            f"{new:,} rows new, {changed:,} changed, {same:,} unchanged",
            *([f"{bad:,} in quarantine"] if bad else []),
            f"{counted(days, 'day')} changed",
        ]
        return ", ".join(parts)

    def _tell_failures(self) -> None:
        for account, stream, error in self.conn.execute(
            "select connector || '__' || account_id, stream, error from ops.load"
            f" where status = 'failed' and {self._ours()} order by load_id",
            self._names(),
        ).fetchall():
            self.say(f"    {account} {stream}: {str(error).splitlines()[0] if error else '?'}")

    def _summary(self, published: bool) -> str:
        runs = [run for runs in self.runs.values() for run in runs]
        end = "published" if published else "NOT published"
        return f"{self.plan.days}: {self._loads(runs)}; {end}"

    def _ours(self) -> str:
        return "load_id > %(before)s and run_id = any(%(runs)s)"

    def _names(self, runs: Sequence[Run] | None = None) -> dict[str, object]:
        chosen = [r for of in self.runs.values() for r in of] if runs is None else runs
        return {"before": self._before, "runs": [f"{r.dag_id}/{r.run_id}" for r in chosen]}

    def _number(self, query: str, values: dict[str, object] | None = None) -> int:
        row = self.conn.execute(query, values).fetchone()
        assert row is not None
        return int(row[0])

    def _tell(self, subject: str, text: str) -> None:
        """Say what is new about a subject."""
        if self._told.get(subject) != text:
            self._told[subject] = text
            self._moved = self.clock.monotonic()
            self.say(text)

    def _wait(self) -> None:
        if self.clock.monotonic() - self._moved > _STALL_SECONDS:
            raise TributaryError(
                f"nothing has moved for {_STALL_SECONDS / 60:.0f} minutes; the runs are still in"
                f" Airflow: open {self.api.base_url} to see what they wait for"
            )
        self.clock.sleep(_POLL_SECONDS)
