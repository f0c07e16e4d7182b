"""Child processes: each in its own session, stopped by its leader, then by force; no orphans."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tributary.errors import ConfigurationError
from tributary.local.state import Started

STOP_SECONDS = 20.0
_POLL_SECONDS = 0.1
# In the environment of every child: the folder of its installation.
MARK = "TRIBUTARY_INSTALLATION"


@dataclass
class Child:
    """A running child and where its output goes. It is killed `patience` seconds after SIGTERM."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes]
    patience: float

    @property
    def started(self) -> Started:
        return Started(self.name, self.process.pid, psutil.Process(self.process.pid).create_time())

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def last_words(self, lines: int = 5) -> str:
        """The end of its log."""
        try:
            text = self.log.read_text(errors="replace").rstrip()
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])


def start(
    name: str,
    command: Sequence[str],
    environ: Mapping[str, str],
    log: Path,
    patience: float = STOP_SECONDS,
) -> Child:
    """Start a child as the leader of its own session, with its output appended to `log`."""
    with open(log, "ab") as output:
        try:
            process = subprocess.Popen(
                command,
                env=dict(environ),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise ConfigurationError(
                f"{command[0]} is missing: run `make setup`, which installs it"
            ) from None
    return Child(name, command, environ, log, process, patience)


def stop(children: Iterable[Child]) -> list[str]:
    """Stop all of them at once; the names of those that did not end within STOP_SECONDS."""
    children = list(children)
    families = {c.process.pid: _family(c.process.pid) for c in children}
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            child.process.terminate()
    late = []
    waited = 0.0
    for child in sorted(children, key=lambda c: -c.patience):
        try:
            child.process.wait(max(0.0, child.patience - waited))
        except subprocess.TimeoutExpired:
            waited = max(waited, child.patience)
            late += [child.name] if child.patience >= STOP_SECONDS else []
    for child in children:
        _kill(families[child.process.pid], child.process.pid)
        child.process.wait()
    return late


def stop_group(process: subprocess.Popen[str]) -> None:
    """End a leader and its session at once."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def stop_session(leader: int) -> None:
    """End at once what a dead leader left of its session, and the children of that.

    A forked child keeps its parent's connections open: PostgreSQL believes the dead one to live,
    with all its locks.
    """
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getsid(process.pid) == leader:
                found |= {p.pid: p for p in (process, *process.children(recursive=True))}
    for process in found.values():
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(list(found.values()), timeout=STOP_SECONDS)


def stop_leftovers(recorded: Iterable[Started], folder: Path) -> list[str]:
    """Stop what a killed predecessor left running; the names of what was found.

    A process is ours when it is a recorded one (same id and same start), belongs to a recorded
    session, or carries the installation's mark in its environment.
    """
    known = {r.pid: r for r in recorded}
    found: dict[int, psutil.Process] = {}
    names: set[str] = set()
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        name = _leftover_name(process, known, folder)
        if name:
            names.add(name)
            found[process.pid] = process
    for process in list(found.values()):
        with contextlib.suppress(psutil.Error):
            found.update({p.pid: p for p in process.children(recursive=True)})
    for process in found.values():
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, late = psutil.wait_procs(list(found.values()), timeout=STOP_SECONDS)
    for process in late:
        with contextlib.suppress(psutil.Error):
            process.kill()
    return sorted(names)


def same(recorded: Started | None) -> psutil.Process | None:
    """The recorded process if it still lives and its id was not given to another."""
    if recorded is None:
        return None
    try:
        process = psutil.Process(recorded.pid)
        return process if abs(process.create_time() - recorded.created) < 1 else None
    except psutil.Error:
        return None


def _leftover_name(process: psutil.Process, known: Mapping[int, Started], folder: Path) -> str:
    try:
        if process.pid in known:
            return known[process.pid].name if same(known[process.pid]) else ""
        session = os.getsid(process.pid)
        if session in known and not psutil.pid_exists(session):
            return known[session].name
        if process.environ().get(MARK) == str(folder):
            return str(process.name())
    except (psutil.Error, OSError):
        pass
    return ""


def wait_gone(process: psutil.Process, seconds: float) -> bool:
    """Whether it ends within `seconds`; a zombie, whose parent has yet to look, has ended."""
    for _ in range(round(seconds / _POLL_SECONDS)):
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
            process.wait(_POLL_SECONDS)
            return True
        except psutil.TimeoutExpired:
            continue
        except psutil.NoSuchProcess:
            return True
    return False


def _family(pid: int) -> list[psutil.Process]:
    try:
        leader = psutil.Process(pid)
        return [leader, *leader.children(recursive=True)]
    except psutil.Error:
        return []


def _kill(family: Iterable[psutil.Process], group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    for process in family:
        with contextlib.suppress(psutil.Error):
            process.kill()
