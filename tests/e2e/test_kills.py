"""`tributary up`, and SIGKILL to any one process of it, while it loads and publishes.

Each time the warehouse is made empty, everything is loaded, and one process is killed at a moment
that shows in the database. Airflow, the supervisor or a second `tributary up` go on from there, and
core must become what the undisturbed first start made of it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import psutil
import psycopg
import pytest

from tributary.clock import SystemClock
from tributary.connectors.spec import all_connectors
from tributary.errors import TributaryError
from tributary.local.airflow import Api
from tributary.local.databases import Databases, prepare_warehouse
from tributary.local.state import Installation, Record
from tributary.pipeline.refit import refit
from tributary.pipeline.unify import unify
from tributary.settings import load_stores
from tributary.warehouse.checksum import checksum
from tributary.warehouse.connection import connect

DAY = date(2026, 11, 2)
FIRST_DAY = DAY - timedelta(days=12)
# (what is killed, the task whose database session is seen at that moment)
KILLS = [
    ("scheduler", "load"),
    ("task", "load"),
    ("backend", "load"),
    ("api-server", "load"),
    ("sandbox", "load"),
    ("executor", "load"),
    ("task", "build"),
    ("dag-processor", "load"),
    ("api-server", "check"),
    ("backend", "check"),
    ("scheduler", "check"),
    ("triggerer", "load"),
    ("task", "check"),
    ("sandbox", "load"),
    ("supervisor", "load"),
    ("task", "attribute"),
    ("api-server", "build"),
    ("postmaster", "load"),
    ("backend", "build"),
    ("task", "publish"),
    ("dag-processor", "check"),
    ("scheduler", "build"),
    ("postmaster", "check"),
    ("supervisor", "check"),
    ("executor", "check"),
]
PATIENCE = 600.0


@dataclass
class Stack:
    """A running `tributary up` and the ways to it."""

    state: Path
    found: Installation = field(init=False)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.found = Installation("sandbox", self.state / "sandbox")

    @property
    def log(self) -> Path:
        return self.state / "up.log"

    @property
    def record(self) -> Record:
        return self.found.record()

    def url(self, database: str) -> str:
        return self.found.cluster(self.record.postgres_port).url(database)

    def environ(self) -> dict[str, str]:
        ours = ("AIRFLOW_", "TRIBUTARY_")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        # A killed task is given up as soon as docker-compose.yaml's.
        timeout = "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"
        soon = {timeout: "15", f"{timeout}_DETECTION_INTERVAL": "5"}
        state = {"TRIBUTARY_STATE": str(self.state), "TRIBUTARY_AS_OF": DAY.isoformat()}
        return {**kept, **soon, **state}

    @cached_property
    def feeds(self) -> list[str]:
        stores = load_stores(self.found.stores_file)
        used = {account.connector for store in stores for account in store.accounts}
        return sorted({c.feed for c in all_connectors().values() if c.name in used})

    def up(self) -> None:
        """Start it, and wait until it serves."""
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tributary.cli", "up"],
                env=self.environ(),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + PATIENCE
        while b"serving until" not in self.log.read_bytes():
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.2)

    def down(self) -> None:
        command = [sys.executable, "-m", "tributary.cli", "down"]
        subprocess.run(command, env=self.environ(), timeout=180, check=False)
        if self.process is not None:
            self.process.wait(60)

    def api(self) -> Api:
        url = f"http://127.0.0.1:{self.record.airflow_port}"
        return Api(url, self.found.secrets.admin_password)

    def make_empty(self) -> None:
        with connect(self.url("postgres")) as conn:
            conn.execute("drop database warehouse with (force)")
            conn.execute("create database warehouse template empty_warehouse")

    def sums(self) -> dict[str, str]:
        """Of core under the models of all that is published, as after the daily refit: which days
        were there when a model was first learned is chance.
        """
        with connect(self.url("warehouse")) as conn:
            if refit(conn, SystemClock()):
                assert unify(conn, f"refitted {time.monotonic()}", SystemClock())
            return checksum(conn)

    def pending(self) -> int:
        with connect(self.url("warehouse")) as conn:
            row = conn.execute(
                "select count(*) from ops.load where status = 'running' or status = 'landed' and"
                " publication_id is null"
            ).fetchone()
        return int(row[0]) if row else 0


@pytest.fixture
def stack() -> Iterator[Stack]:
    # Not pytest's folder: another session of pytest closes it to PostgreSQL's user.
    with tempfile.TemporaryDirectory(prefix="tributary-") as name:
        state = Path(name)
        state.chmod(0o711)
        found = Stack(state)
        found.found.create()
        found.found.save(Record(world=(7, FIRST_DAY)))  # a small world: it is built at every start
        found.up()
        try:
            yield found
        finally:
            found.down()


@pytest.mark.prove
def test_any_one_process_may_be_killed_at_any_moment(stack: Stack) -> None:
    undisturbed = stack.sums()
    assert int(undisturbed["core.credit"].split()[0]) > 200
    assert len(stack.feeds) >= 2
    with connect(stack.url("postgres")) as conn:
        conn.execute("create database empty_warehouse")
    url = stack.url("empty_warehouse")
    stores = load_stores(stack.found.stores_file)
    prepare_warehouse(_other(stack, url), stores, SystemClock())

    done: Counter[str] = Counter()
    for number, (victim, moment) in enumerate(KILLS, 1):
        started = time.monotonic()
        stack.make_empty()
        load(stack)
        told = kill_when(stack, victim, moment)
        if victim == "supervisor":
            stack.up()
        settle(stack)
        sums = stack.sums()
        differ = [table for table in undisturbed if sums.get(table) != undisturbed[table]]
        seconds = time.monotonic() - started
        print(f"{number:2} {told}: {'DIFFERENT' if differ else 'equal'} after {seconds:.0f} s")  # noqa: T201
        assert differ == [], (told, differ)
        done[victim] += 1
    assert sum(done.values()) >= 20
    assert set(done) == {v for v, _ in KILLS}


def _other(stack: Stack, url: str) -> Databases:
    class Named(Databases):
        @property
        def warehouse_url(self) -> str:
            return url

    return Named(stack.found, stack.found.cluster(stack.record.postgres_port))


def load(stack: Stack) -> None:
    """Ask Airflow to read everything; unify is woken by what lands."""
    days = {"start": (FIRST_DAY - timedelta(days=1)).isoformat(), "end": "2026-11-03"}
    deadline = time.monotonic() + PATIENCE
    for feed in stack.feeds:
        while True:
            try:
                api = stack.api()
                api.trigger(f"ingest_{feed}", days, note="kills")
                api.close()
                break
            except TributaryError:
                assert time.monotonic() < deadline, "Airflow's API did not come back"
                time.sleep(1)


def kill_when(stack: Stack, victim: str, moment: str) -> str:
    """Wait for a session of the task in the warehouse, and kill; what was killed, in words."""
    deadline = time.monotonic() + PATIENCE
    with connect(stack.url("postgres")) as conn:
        while True:
            row = conn.execute(
                "select pid, client_port from pg_stat_activity where datname = 'warehouse'"
                " and application_name = %s order by backend_start desc limit 1",
                (f"tributary {moment}",),
            ).fetchone()
            if row is not None:
                break
            assert time.monotonic() < deadline, f"no task {moment} was seen"
            time.sleep(0.02)
    pid = pid_of(stack, victim, int(row[0]), int(row[1]))
    os.kill(pid, signal.SIGKILL)
    if victim == "supervisor" and stack.process is not None:
        stack.process.wait()
    return f"{victim} killed during {moment}"


def pid_of(stack: Stack, victim: str, backend: int, client_port: int) -> int:
    if victim == "backend":
        return backend
    if victim == "postmaster":
        return psutil.Process(backend).ppid()
    if victim == "supervisor":
        assert stack.process is not None
        return stack.process.pid
    if victim in ("task", "executor"):
        ours = psutil.Process(next(p.pid for p in stack.record.processes if p.name == "scheduler"))
        for process in ours.children(recursive=True):
            with suppress(psutil.Error):
                if any(c.laddr.port == client_port for c in process.net_connections("tcp")):
                    return process.pid if victim == "task" else process.ppid()
        pytest.fail(f"the process of port {client_port} was not found")
    return next(p.pid for p in stack.record.processes if p.name == victim)


def settle(stack: Stack) -> None:
    """Until everything is loaded and published; runs that failed are started again, as a person
    would who clears the red box."""
    deadline = time.monotonic() + PATIENCE
    quiet = 0
    dags = ["unify", *(f"ingest_{feed}" for feed in stack.feeds)]
    while quiet < 3:
        if stack.process is not None and stack.process.poll() is not None:
            pytest.fail(f"tributary up ended: {stack.log.read_text()[-3000:]}")
        assert time.monotonic() < deadline, json.dumps(what_is_left(stack))
        time.sleep(1)
        try:
            api = stack.api()
            runs = api.runs(dags)
            newest = {dag: next((r for r in runs if r.dag_id == dag), None) for dag in dags}
            if any(run and not run.is_finished for run in newest.values()):
                quiet = 0
            elif any(run and run.state == "failed" for run in list(newest.values())[1:]):
                load(stack)
                quiet = 0
            elif stack.pending():
                quiet += 1
                if quiet == 3:  # unify was not woken, or failed
                    api.trigger("unify", note="kills")
                    quiet = 0
            else:
                quiet += 1
            api.close()
        except (TributaryError, psycopg.Error):
            quiet = 0


def what_is_left(stack: Stack) -> list[str]:
    with suppress(TributaryError, psycopg.Error):
        return [f"{r.dag_id} {r.run_id} {r.state}" for r in stack.api().runs(["unify"])[:5]]
    return ["Airflow does not answer"]
