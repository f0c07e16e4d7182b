"""The product as a newcomer meets it: the real stack started, loaded, graded, started again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import psutil
import pytest

from tributary.clock import SystemClock
from tributary.local.grade_seed import grade_seed
from tributary.local.postgres import Cluster

COMMAND = [sys.executable, "-m", "tributary.cli"]


def tributary(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("AIRFLOW_", "AIRFLOW__", "TRIBUTARY_"))
    }
    return subprocess.run(
        [*COMMAND, *arguments],
        env={**kept, "TRIBUTARY_STATE": str(state), "TRIBUTARY_AS_OF": "2026-11-02"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def left_over(state: Path) -> list[str]:
    return [
        " ".join(process.info["cmdline"] or [])
        for process in psutil.process_iter(["cmdline"])
        if str(state) in " ".join(process.info["cmdline"] or [])
    ]


@pytest.mark.prove
def test_up_loads_publishes_and_stops_and_a_second_start_changes_nothing(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    state = tmp_path / "state"
    first = tributary(state, "up", "--once", "--json")
    assert first.returncode == 0, first.stderr[-3000:]
    summary = json.loads(first.stdout)
    assert summary["success"] and summary["loads_pending"] == 0
    assert {run["dag_id"] for run in summary["runs"]} >= {"ingest_files", "ingest_sales", "unify"}
    assert left_over(state) == []

    grade = tributary(state, "grade", "--json")
    assert grade.returncode == 0, grade.stdout[-3000:]
    report = json.loads(grade.stdout)
    assert report["mismatches"] == []
    assert sum(measure["cells"] for measure in report["measures"]) > 10_000

    sums = tributary(state, "checksum").stdout
    assert "core.credit" in sums
    second = tributary(state, "up", "--once", "--json")
    assert second.returncode == 0, second.stderr[-3000:]
    assert tributary(state, "checksum").stdout == sums
    assert left_over(state) == []


@pytest.mark.prove
@pytest.mark.parametrize("seed", [11, 42, 5])
def test_every_cell_of_other_worlds_is_exact(cluster: Cluster, seed: int) -> None:
    report = grade_seed(cluster.url("postgres"), seed, date(2026, 11, 2), SystemClock())
    assert report.is_exact, report.to_text()
