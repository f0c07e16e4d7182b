"""Airflow itself, with a metadata database on the session's cluster, and an installation to run.

Airflow reads its settings when it is imported, so tests here import it (and our modules that do)
inside functions, after the fixture `airflow`.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from tributary.local.postgres import Cluster
from tributary.warehouse.connection import Connection, connect

ROOT = Path(__file__).resolve().parents[2]
DAGS = ROOT / "dags"


@pytest.fixture(scope="session")
def airflow_env(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What every Airflow process of the tests has in its environment."""
    home = tmp_path_factory.mktemp("airflow")
    with connect(cluster.url("postgres")) as conn:
        conn.execute("create database airflow_tests")
    url = cluster.url("airflow_tests").replace("postgresql://", "postgresql+psycopg2://")
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(_folder(home / "plugins")),
        "AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode(),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "PYTHONPATH": os.pathsep.join((str(ROOT / "include"), str(_provider(home / "site")))),
    }


@pytest.fixture(scope="session")
def airflow(airflow_env: dict[str, str]) -> Iterator[None]:
    """Airflow imported with our settings, its tables made."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in airflow_env.items():
            patch.setenv(name, value)
        for entry in airflow_env["PYTHONPATH"].split(os.pathsep):
            patch.syspath_prepend(entry)
        from airflow import settings
        from airflow.utils.db import initdb

        settings.configure_vars()  # someone may have imported Airflow before us
        settings.configure_orm()
        initdb()
        yield
        settings.dispose_orm()


@pytest.fixture(scope="session")
def bag(airflow: None) -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(DAGS)


@pytest.fixture(scope="session")
def dags_folder() -> Path:
    return DAGS


@pytest.fixture
def run_dag(bag: Any) -> Callable[..., Run]:
    """Runs a Dag of dags/ in this process, by id, with its conf.

    Each run has a day of its own as its data interval, unless it is triggered `without_interval`.
    """

    def run(dag_id: str, *, without_interval: bool = False, **conf: Any) -> Run:
        end = _FIRST_DAY + timedelta(days=next(_runs))
        return Run(bag.dags[dag_id], end, not without_interval, conf)

    return run


@dataclass
class Installation:
    """A warehouse and a stores file with two shops, each with a drop folder."""

    warehouse: Connection
    folders: dict[str, Path]

    def drop(self, store: str, name: str, text: str) -> None:
        (self.folders[store] / name).write_text(text)


@pytest.fixture
def installation(
    airflow: None,
    warehouse: Connection,
    warehouse_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Installation:
    zones = {"north": "Europe/Berlin", "prairie": "America/Chicago"}
    folders = {store: _folder(tmp_path / store) for store in zones}
    lines = ["stores:"]
    for store, zone in zones.items():
        account = f"{{connector: files, id: {store}_files, options: {{folder: {folders[store]}}}}}"
        lines += [
            f"  - {{id: {store}, name: {store}, timezone: {zone}, currency: EUR,",
            f"     accounts: [{account}]}}",
        ]
    stores = tmp_path / "stores.yml"
    stores.write_text("\n".join(lines))
    monkeypatch.setenv("TRIBUTARY_WAREHOUSE_URL", warehouse_url)
    monkeypatch.setenv("TRIBUTARY_CONFIG", str(stores))
    monkeypatch.setenv("TRIBUTARY_KEY", "00" * 32)
    return Installation(warehouse, folders)


class Run:
    """One run of a Dag: its state, its tasks' states and what it told unify."""

    def __init__(self, dag: Any, end: datetime, interval: bool, conf: dict[str, Any]) -> None:
        self.end = end
        dag.deadline = None  # dag.test() of Airflow 3.3 fails on a Dag that has one
        self._run = dag.test(logical_date=end if interval else None, run_after=end, run_conf=conf)
        self.state = str(self._run.state)
        self.run_id = self._run.run_id

    def states(self, task_id: str) -> dict[str, str]:
        """State by label of the mapped part ('' where a task is not mapped)."""
        return {
            ti.rendered_map_index or "": str(ti.state)
            for ti in self._run.get_task_instances()
            if ti.task_id == task_id
        }

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Asset names and extras of the events this run emitted."""
        from airflow.models.asset import AssetEvent
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            found = session.scalars(
                select(AssetEvent).where(
                    AssetEvent.source_dag_id == self._run.dag_id,
                    AssetEvent.source_run_id == self.run_id,
                )
            )
            return [(event.name, event.extra) for event in found]


_FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_runs = itertools.count()


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _provider(site: Path) -> Path:
    """Registers our Airflow provider as an installed package would, for a checkout that is not
    installed.
    """
    info = _folder(_folder(site) / "tributary-0.dist-info")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tributary\nVersion: 0\n")
    (info / "entry_points.txt").write_text(
        "[apache_airflow_provider]\n"
        "provider_info = tributary.orchestration.provider_info:get_provider_info\n"
    )
    return site
