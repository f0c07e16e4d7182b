"""A local installation of a test's own, used through the command as people do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

COMMAND = [sys.executable, "-m", "tributary.cli"]


@dataclass(frozen=True)
class Local:
    """`state` is the installation's folder; every command gets the sandbox's day as `as_of`."""

    state: Path

    def run(self, *arguments: str, as_of: str = "2026-11-02") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            env=self._environment(as_of),
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    def checked(self, *arguments: str, as_of: str = "2026-11-02") -> str:
        """Standard output of a command that must succeed."""
        done = self.run(*arguments, as_of=as_of)
        assert done.returncode == 0, f"{arguments}: {done.stderr[-3000:]}{done.stdout[-3000:]}"
        return done.stdout

    def start(self, *arguments: str, as_of: str = "2026-11-02") -> subprocess.Popen[str]:
        """A command that goes on while the test does something to it."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            env=self._environment(as_of),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def processes(self) -> list[psutil.Process]:
        """Everything that runs for this installation."""
        return [
            process
            for process in psutil.process_iter(["cmdline"])
            if str(self.state) in " ".join(process.info["cmdline"] or [])
        ]

    def left_over(self) -> list[str]:
        return [" ".join(process.info["cmdline"] or []) for process in self.processes()]

    def _environment(self, as_of: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW_", "TRIBUTARY_"))}
        return {**kept, "TRIBUTARY_STATE": str(self.state), "TRIBUTARY_AS_OF": as_of}


def kill(process: subprocess.Popen[str]) -> None:
    """As the kernel does when memory is short."""
    process.send_signal(signal.SIGKILL)
    process.wait(60)
