"""Runs one engine as a process of its own: seconds, peak memory, and a limit on both."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SECONDS, BYTES = 300.0, 8 << 30
_LOOK_SECONDS = 0.02


@dataclass(frozen=True)
class Measured:
    """`wall` from start to end of the process, `inside` from the first byte read to the answer;
    `cpu` is the whole process on all cores."""

    wall: float
    cpu: float
    inside: float
    peak_mb: float
    answer: dict[str, float]
    failure: str = ""


def measure(command: Sequence[str], folder: Path) -> Measured:
    """One run; a process over a limit is ended and told as one that did not finish."""
    answer, errors = folder / "answer.json", folder / "errors.txt"
    answer.unlink(missing_ok=True)
    begun = time.perf_counter()
    with answer.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err)
        failure, peak = _watch(process.pid, begun)
        if failure:
            process.kill()
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall, cpu = time.perf_counter() - begun, usage.ru_utime + usage.ru_stime
    if not failure and process.returncode:
        lines = errors.read_text(errors="replace").strip().splitlines()
        failure = "failed: " + (lines[-1] if lines else f"exit {process.returncode}")
    if failure:
        return Measured(wall, cpu, wall, peak, {}, failure)
    told = json.loads(answer.read_text().strip().splitlines()[-1])
    return Measured(wall, cpu, told["seconds"], peak, told["answer"])


def _watch(pid: int, begun: float) -> tuple[str, float]:
    """Waits for the end of the process, or for a limit, and leaves it to be waited for; its peak in
    MB."""
    peak = 0
    while not os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        peak = max(peak, _peak_kb(pid))
        if time.perf_counter() - begun > SECONDS:
            return f"did not finish in {SECONDS:.0f} s", peak / 1024
        if peak << 10 > BYTES:
            return f"did not finish in {BYTES >> 30} GB", peak / 1024
        time.sleep(_LOOK_SECONDS)
    return "", peak / 1024


def _peak_kb(pid: int) -> int:
    """The most that was resident since the program began (the kernel's own count)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    lines = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(lines[0].split()[1]) if lines else 0
