"""Children are stopped with their families; what a killed predecessor left is found."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tributary.clock import SystemClock
from tributary.local import processes
from tributary.local.processes import MARK, Child
from tributary.local.state import Started

# A leader that starts a child of its own and, if told so, ignores SIGTERM.
_LEADER = """
import signal, subprocess, sys, time
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
inner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(inner.pid, flush=True)
time.sleep(600)
"""


def _start(tmp_path: Path, *arguments: str, mark: str = "") -> tuple[Child, int]:
    log = tmp_path / "child.log"
    log.write_text("")
    environ = {**os.environ, MARK: mark}
    child = processes.start("leader", [sys.executable, "-c", _LEADER, *arguments], environ, log)
    clock = SystemClock()
    while not log.read_text().strip():
        clock.sleep(0.05)
    return child, int(log.read_text().split()[0])


def test_stop_takes_the_children_of_the_children_along(tmp_path: Path) -> None:
    child, inner = _start(tmp_path)
    assert psutil.pid_exists(inner)
    assert processes.stop([child]) == []
    assert not child.is_running
    assert _is_gone(inner)


def test_a_child_that_does_not_listen_is_killed_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.5)
    child, inner = _start(tmp_path, "stubborn")
    child.patience = 0.5
    assert processes.stop([child]) == ["leader"]
    assert _is_gone(inner)


def test_leftovers_of_a_killed_leader_are_found_by_its_session(tmp_path: Path) -> None:
    child, inner = _start(tmp_path)
    recorded = child.started
    child.process.send_signal(signal.SIGKILL)
    child.process.wait()
    assert psutil.pid_exists(inner)
    assert processes.stop_leftovers([recorded], tmp_path) == ["leader"]
    assert _is_gone(inner)


def test_what_a_dead_leader_leaves_of_its_session_is_ended(tmp_path: Path) -> None:
    child, inner = _start(tmp_path)
    other, inner_of_other = _start(tmp_path)
    child.process.send_signal(signal.SIGKILL)
    child.process.wait()
    assert psutil.pid_exists(inner)
    processes.stop_session(child.process.pid)
    assert _is_gone(inner)
    assert other.is_running and psutil.pid_exists(inner_of_other)
    assert processes.stop([other]) == []


def test_leftovers_that_were_never_recorded_are_found_by_their_mark(tmp_path: Path) -> None:
    child, inner = _start(tmp_path, mark=str(tmp_path))
    found = processes.stop_leftovers([], tmp_path)
    child.process.wait()
    assert len(found) == 1
    assert _is_gone(inner)


def test_a_process_that_got_a_recorded_id_later_is_spared(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        recorded = Started("scheduler", other.pid, psutil.Process(other.pid).create_time() - 60)
        assert processes.same(recorded) is None
        assert processes.stop_leftovers([recorded], tmp_path) == []
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def _is_gone(pid: int) -> bool:
    """Gone, or dead and waiting for whoever adopted it."""
    try:
        process = psutil.Process(pid)
        psutil.wait_procs([process], timeout=5)
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_process_that_only_its_parent_has_not_noticed_is_gone() -> None:
    code = (
        "import subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        process = psutil.Process(int(parent.stdout.readline()))
        assert not processes.wait_gone(process, 0.3)
        process.kill()
        assert processes.wait_gone(process, 10)
        assert process.status() == psutil.STATUS_ZOMBIE
        parent.kill()
