"""Runs the loop in a child process, kills it at a chosen moment, and starts what was killed again.

A kill hits a process, not the server: what a killed client had sent is still run to its end by
PostgreSQL, and the retry has to live with that.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tributary.local.grade_seed import Served
from tributary.settings import ROOT
from tributary.warehouse import candidates
from tributary.warehouse.checksum import checksum
from tributary.warehouse.connection import Connection
from tributary.window import Window

UNIFY = ("build", "check", "attribute", "check_credits", "insights", "publish")
_WORKER = Path(__file__).with_name("worker.py")
_PATIENCE = 300.0


@dataclass(frozen=True)
class Job:
    """Steps of one run for the child: loads as `load CONNECTOR__ACCOUNT STREAM`, then unify's."""

    url: str
    served: Served
    window: Window
    run_id: str
    steps: tuple[str, ...]
    mode: str = "incremental"

    def line(self) -> str:
        return json.dumps(
            {
                **vars(self),
                "window": [self.window.start.isoformat(), self.window.end.isoformat()],
                "served": {
                    "url": self.served.url,
                    "folder": str(self.served.folder),
                    "tokens": self.served.tokens,
                },
            }
        )

    def of(self, run_id: str, steps: Sequence[str]) -> Job:
        return Job(self.url, self.served, self.window, run_id, tuple(steps), self.mode)


@dataclass(frozen=True)
class Kill:
    """`after` seconds in `step`, or of the whole job where `step` is ''."""

    after: float
    step: str = ""


@dataclass
class Worker:
    """The process that forks children; `killed` counts the kills by the step they hit."""

    process: subprocess.Popen[str]
    log: Path
    killed: Counter[str] = field(default_factory=Counter)
    is_ready: bool = False
    _buffer: bytes = b""

    def run(self, job: Job, kill: Kill | None = None) -> tuple[str, dict[str, float]]:
        """Do a job; the step that was hit ('' if it ended), and the seconds of the ended steps."""
        assert self.process.stdin is not None
        if not self.is_ready:  # its imports take seconds, in which others may do something else
            line = self._next(time.monotonic() + _PATIENCE)
            assert line == "ready", f"the worker says {line!r}"
            self.is_ready = True
        self.process.stdin.write(job.line() + "\n")
        self.process.stdin.flush()
        pid, step, begun, deadline = 0, "", time.monotonic(), time.monotonic() + _PATIENCE
        seconds: dict[str, float] = {}
        is_hit = False
        while True:
            word, _, rest = self._next(deadline).partition(" ")
            now = time.monotonic()
            if word == "pid":
                pid = int(rest)
                if kill is not None and not kill.step:
                    deadline = now + kill.after
            elif word == "step":
                if step:
                    seconds[step] = now - begun
                step, begun = rest, now
                if kill is not None and kill.step == step:
                    deadline = now + kill.after
            elif word == "error":
                raise AssertionError(json.loads(rest))
            elif word == "exit":
                if int(rest) == -signal.SIGKILL and is_hit:
                    self.killed[step or "start"] += 1
                    return step or "start", seconds
                assert int(rest) == 0, f"the child ended with {rest} in {step}"
                seconds[step] = now - begun
                return "", seconds
            elif not word:  # the deadline
                assert kill is not None and not is_hit, f"{step} took more than {_PATIENCE} s"
                os.kill(pid, signal.SIGKILL)
                is_hit, deadline = True, now + _PATIENCE

    def _next(self, deadline: float) -> str:
        """The next line, or '' when the deadline has come."""
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    return ""
                data = os.read(self.process.stdout.fileno(), 65536)
                assert data, f"the worker is gone: {self.log.read_text()[-2000:]}"
                self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line.decode()


@contextmanager
def worker(log: Path) -> Iterator[Worker]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "include"),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "GX_ANALYTICS_ENABLED": "false",
    }
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, str(_WORKER)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        )
    found = Worker(process, log)
    try:
        yield found
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def state(conn: Connection) -> dict[str, str]:
    """The checksum of core, and of all else that a run leaves behind, without its own numbers;
    of one moment.
    """
    with conn.transaction():
        conn.execute("set transaction isolation level repeatable read")
        sums = checksum(conn)
        for table, columns in _LEFT_BEHIND.items():
            sums[table] = _digest(conn, f"select {columns} from {table}")
        for (table,) in conn.execute(
            "select table_name from information_schema.tables where table_schema = 'staging'"
            " and table_type = 'BASE TABLE' order by 1"
        ).fetchall():
            listed = ", ".join(
                column
                for column in candidates.columns(conn, "staging", table)
                if column not in {"load_id", "first_load_id", "extracted_at", "deleted_at"}
            )
            sums[f"staging.{table}"] = _digest(
                conn, f"select {listed}, deleted_at is null from staging.{table}"
            )
    return sums


_LEFT_BEHIND = {
    "ops.revision": "table_name, row_key, store_id, day, change, column_name, value_from, value_to",
    "ops.quarantine": "store_id, connector, account_id, stream, record_key, source, reason",
    "ops.file_version": "store_id, connector, account_id, stream, file_name, content_hash, lines",
}


def core(sums: dict[str, str]) -> dict[str, str]:
    """What a publication moves."""
    return {table: sums[table] for table in sums if table.startswith(("core.", "ops.revision"))}


def _digest(conn: Connection, query: str) -> str:
    row = conn.execute(
        "select count(*), coalesce(sum(('x' || substr(md5(t::text), 1, 15))::bit(60)::bigint), 0)"
        f" from ({query}) as t"
    ).fetchone()
    assert row is not None
    return f"{row[0]} {row[1]}"


@dataclass
class Plan:
    """Where kills fall: half of them anywhere in what is left of the run, half in a step drawn
    evenly, so that the short ones are hit as well.
    """

    seconds: dict[str, float]
    random: Random

    def kill(self, steps: Sequence[str]) -> Kill:
        if self.random.random() < 0.5:
            return Kill(self.random.uniform(0, sum(self.seconds.get(s, 0.1) for s in steps)))
        step = self.random.choice(list(steps))
        return Kill(self.random.uniform(0, 1.1 * self.seconds.get(step, 0.1)), step)


def run_with_kills(worker: Worker, job: Job, plan: Plan, kills: int, check: Any) -> int:
    """Do a job in spite of `kills` kills; how many there were.

    After each kill either the step that was hit is started again, as Airflow does, or the whole
    run under a new name, as the next schedule does. `check` is called after every kill.
    """
    done, steps, number = 0, list(job.steps), 0
    while True:
        kill = plan.kill(steps) if done < kills else None
        hit, seconds = worker.run(job.of(f"{job.run_id}/{number}", steps), kill)
        plan.seconds.update({s: t for s, t in seconds.items() if s not in plan.seconds})
        if not hit:
            return done
        done += 1
        check()
        if plan.random.random() < 0.2:
            steps, number = list(job.steps), number + 1
        elif hit != "start":
            steps = steps[steps.index(hit) :]


def phase(step: str) -> str:
    return "landing" if step.startswith("load ") else step


def elapsed(numbers: Counter[str]) -> str:
    """The kills by phase, for people."""
    phases: Counter[str] = Counter()
    for step, count in numbers.items():
        phases[phase(step)] += count
    return ", ".join(f"{name} {count}" for name, count in phases.most_common())
