"""The Dag files: found, light to import, documented, with the pools and policies they need."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tributary.connectors.spec import all_connectors

HEAVY = ("pandas", "great_expectations", "pyarrow", "numpy", "scipy", "psycopg", "graphql")
OTHERS = {"unify", "refit"}  # the Dags that no feed makes


def files_without_a_dag(bag: Any, folder: Path) -> dict[str, str]:
    """Relative path -> what Airflow says, of every file under `folder` that gives no Dag."""
    found = {dag.fileloc for dag in bag.dags.values()}
    files = sorted(folder.rglob("*.py"))
    assert files and found
    return {
        str(path.relative_to(folder)): bag.import_errors.get(str(path), "no Dag in it")
        for path in files
        if str(path) not in found
    }


def test_every_dag_file_is_found_and_yields_a_dag(bag: Any, dags_folder: Path) -> None:
    assert files_without_a_dag(bag, dags_folder) == {}
    assert bag.import_errors == {}


def test_a_dag_file_without_a_dag_is_named(
    airflow: None, dags_folder: Path, tmp_path: Path
) -> None:
    from airflow.dag_processing.dagbag import DagBag

    folder = tmp_path / "dags"
    shutil.copytree(dags_folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    assert files_without_a_dag(DagBag(folder), folder) == {}
    (folder / "ingest" / "empty.py").write_text('"""Airflow Dag: none."""\n')
    # Airflow does not even read a file that never spells its name.
    unread = (
        "from tributary.orchestration.ingest import ingest_dag\n\ndaily = ingest_dag('sales')\n"
    )
    (folder / "ingest" / "unread.py").write_text(unread)
    (folder / "ingest" / "radio.py").write_text(
        f"# Airflow Dag\n{unread}".replace("sales", "radio")
    )
    said = files_without_a_dag(DagBag(folder), folder)
    assert set(said) == {"ingest/empty.py", "ingest/unread.py", "ingest/radio.py"}
    assert "no connector declares the feed 'radio'" in said["ingest/radio.py"]


def test_every_feed_has_its_two_dags(bag: Any) -> None:
    from tributary.orchestration.assets import feeds

    assert {"sales", "files"} <= set(feeds())
    ingest = {f"ingest_{feed}{cadence}" for feed in feeds() for cadence in ("", "_hourly")}
    assert set(bag.dags) == ingest | OTHERS


def test_dag_files_are_thin(dags_folder: Path) -> None:
    lines = {path.name: len(path.read_text().splitlines()) for path in dags_folder.rglob("*.py")}
    assert lines
    assert max(lines.values()) <= 15


def test_importing_a_dag_file_or_the_provider_loads_nothing_heavy(
    airflow_env: dict[str, str],
    dags_folder: Path,
) -> None:
    """Every file is parsed again and again: what it imports is what it costs."""
    code = (
        "import json, runpy, sys, airflow.sdk\n"
        "from tributary.orchestration.provider_info import get_provider_info\n"
        "assert get_provider_info()['connection-types']\n"
        "for path in sys.argv[1:]:\n"
        "    runpy.run_path(path)\n"
        f"print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    )
    files = [str(path) for path in sorted(dags_folder.rglob("*.py"))]
    done = subprocess.run(
        [sys.executable, "-c", code, *files],
        env={**os.environ, **airflow_env},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_an_operator_finds_help_on_every_dag_and_task(bag: Any) -> None:
    for dag in bag.dags.values():
        assert dag.doc_md
        assert {t.task_id for t in dag.tasks if not t.doc_md} == set(), dag.dag_id
        assert dag.max_active_runs == 1
        assert dag.catchup is False
    assert "exclusive" in bag.dags["ingest_sales"].params.get_param("end").description


def test_ingest_runs_have_an_interval_and_unify_wakes_on_any_feed(bag: Any) -> None:
    from airflow.sdk import AssetAny, CronDataIntervalTimetable

    from tributary.orchestration.assets import feeds

    for name, cron in (("ingest_sales", "0 0 * * *"), ("ingest_sales_hourly", "0 * * * *")):
        timetable = bag.dags[name].timetable
        assert isinstance(timetable, CronDataIntervalTimetable)
        assert timetable.expression == cron
    wakes = bag.dags["unify"].timetable.asset_condition
    assert isinstance(wakes, AssetAny)
    expected = {f"tributary/{feed}" for feed in feeds()} | {"tributary/models"}
    assert {asset.name for asset in wakes.objects} == expected
    (refit,) = bag.dags["refit"].tasks
    assert [asset.name for asset in refit.outlets] == ["tributary/models"]


def test_every_task_has_the_retry_policy_and_a_pool_that_setup_creates(bag: Any) -> None:
    from tributary.orchestration.retries import ByErrorClass
    from tributary.orchestration.setup import default_pools

    pools = default_pools() | {"default_pool": 128}
    for dag in bag.dags.values():
        for task in dag.tasks:
            assert isinstance(task.retry_policy, ByErrorClass), task.task_id
            assert task.pool in pools, task.task_id
    assert default_pools()["tributary_unify"] == 1
    assert {t.pool for t in bag.dags["unify"].tasks} == {"tributary_unify"}
    assert bag.dags["ingest_sales"].get_task("shopify.load").pool == "shopify"


def test_unify_is_the_chain_the_user_drew(bag: Any) -> None:
    order, task = ["build"], bag.dags["unify"].get_task("build")
    assert task.upstream_task_ids == set()
    while order[-1] != "publish":
        step = bag.dags["unify"].get_task(order[-1])
        order.append(
            next(
                t
                for t in ("check", "attribute", "check_credits", "insights", "publish")
                if t in step.downstream_task_ids and t not in order
            )
        )
    assert order == ["build", "check", "attribute", "check_credits", "insights", "publish"]


def test_the_docs_name_every_dag_pool_and_connector(dags_folder: Path) -> None:
    docs = dags_folder.parent / "docs"
    page = (docs / "operations.md").read_text()
    for name in ("tributary_unify", "unify", "ingest_<feed>", "ingest_<feed>_hourly"):
        assert f"`{name}`" in page
    assert "Pools: one per connector" in page
    decisions = (docs / "decisions.md").read_text()
    assert all_connectors()
    for connector in all_connectors():
        assert f"- **{connector}**. Day:" in decisions, f"three lines about {connector}, please"
