"""The product as a newcomer meets it: the real stack started, loaded, graded, started again."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from tributary.clock import SystemClock
from tributary.local.grade_seed import grade_seed
from tributary.local.postgres import Cluster
from tributary.sandbox.truth import MARKOV

from .installation import Local


@pytest.mark.prove
def test_up_loads_publishes_and_stops_and_a_second_start_changes_nothing(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    local = Local(tmp_path / "state")
    summary = json.loads(local.checked("up", "--once", "--json"))
    assert summary["success"] and summary["loads_pending"] == 0
    assert {run["dag_id"] for run in summary["runs"]} >= {"ingest_files", "ingest_sales", "unify"}
    assert local.left_over() == []

    report = json.loads(local.checked("grade", "--json"))
    assert report["mismatches"] == []
    assert sum(measure["cells"] for measure in report["measures"]) > 10_000

    sums = local.checked("checksum")
    assert "core.credit" in sums
    local.checked("up", "--once", "--json")
    assert local.checked("checksum") == sums
    assert local.left_over() == []


@pytest.mark.prove
@pytest.mark.parametrize("seed", [11, 42, 5])
def test_every_cell_of_other_worlds_is_exact(cluster: Cluster, seed: int) -> None:
    report = grade_seed(cluster.url("postgres"), seed, date(2026, 11, 2), SystemClock())
    assert report.is_exact, report.to_text()
    assert report.notes == ()
    assert len([m for m in report.measures if m.measure == MARKOV and m.cells > 500]) == 2
