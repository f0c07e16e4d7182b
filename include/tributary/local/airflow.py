"""Airflow of a local installation: its environment, its four processes, its REST API."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from tributary.errors import ConfigurationError, TributaryError
from tributary.local import processes
from tributary.local.postgres import write_secret
from tributary.local.processes import MARK
from tributary.local.state import Installation
from tributary.settings import ROOT

USER = "admin"
# The log servers would listen on every address; the log files are on this machine.
PROCESSES = {
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "api-server": ("api-server",),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
FINISHED = ("success", "failed")
# How often a question is asked that is not answered within 30 s.
_QUESTIONS = 5
DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


def environment(
    installation: Installation, port: int, database_url: str, stores_file: Path
) -> dict[str, str]:
    """What every Airflow process of this installation has in its environment.

    AIRFLOW__* and TRIBUTARY_* that the user has set win.
    """
    secrets = installation.secrets
    home = installation.airflow_home
    base_url = f"http://127.0.0.1:{port}"
    ours = {
        DATABASE: database_url.replace("postgresql://", "postgresql+psycopg2://"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{base_url}/execution/",
        "AIRFLOW__CORE__FERNET_KEY": secrets.fernet_key,
        "AIRFLOW__CORE__PARALLELISM": "8",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,viewer:viewer",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(installation.passwords_file),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__BASE_URL": base_url,
        "AIRFLOW__API__SECRET_KEY": secrets.api_secret,
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.jwt_secret,
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
        # Tasks of a killed start are taken up again soon (the defaults are 5 minutes).
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "90",
        "GX_ANALYTICS_ENABLED": "false",
        "TRIBUTARY_CONFIG": str(stores_file),
        "TRIBUTARY_KEY": secrets.tributary_key,
    }
    paths = [str(ROOT / "include"), os.environ.get("PYTHONPATH", "")]
    return {
        **ours,
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "PYTHONUNBUFFERED": "1",
        MARK: str(installation.folder),
    }


def write_passwords(installation: Installation) -> None:
    """The file of Airflow's simple auth manager; only its owner reads it."""
    secrets = installation.secrets
    users = {USER: secrets.admin_password, "viewer": secrets.viewer_password}
    write_secret(installation.passwords_file, json.dumps(users))


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "airflow", *arguments]


def patience(name: str) -> float:
    """Seconds a process may take to stop. Two keep nothing that is not in the database."""
    return 1.0 if name in ("api-server", "triggerer") else processes.STOP_SECONDS


def versions() -> str:
    """Changes when the metadata database may need a migration: the installed lock."""
    return hashlib.sha256((ROOT / "requirements.txt").read_bytes()).hexdigest()[:16]


class AlreadyThere(TributaryError):
    """The Dag has a run of this logical date."""


@dataclass(frozen=True)
class Run:
    """A Dag run as the API tells it."""

    dag_id: str
    run_id: str
    state: str

    @property
    def key(self) -> tuple[str, str]:
        return self.dag_id, self.run_id

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED


class Api:
    """The REST calls we need, as `user`; the token is renewed when it has run out."""

    def __init__(self, base_url: str, password: str, user: str = USER) -> None:
        self.base_url, self._password, self._user = base_url, password, user
        # On loopback neither a proxy nor a certificate bundle of the environment matters.
        remote = not base_url.startswith("http://127.0.0.1:")
        self._client = httpx.Client(
            base_url=base_url, timeout=30, trust_env=remote, verify=remote, follow_redirects=remote
        )

    def close(self) -> None:
        self._client.close()

    def unhealthy(self) -> list[str]:
        """Components that are not healthy yet; everything while the api-server does not answer."""
        try:
            answer = self._client.get("/api/v2/monitor/health", timeout=5)
            answer.raise_for_status()
        except httpx.HTTPError:
            return ["api-server"]
        wanted = ("metadatabase", "scheduler", "triggerer", "dag_processor")
        states = {name: (answer.json().get(name) or {}).get("status") for name in wanted}
        return [name for name, status in states.items() if status != "healthy"]

    def dag_ids(self) -> set[str]:
        return {dag["dag_id"] for dag in self._get("/api/v2/dags", limit=100)["dags"]}

    def import_errors(self) -> list[str]:
        found = self._get("/api/v2/importErrors", limit=100)["import_errors"]
        return [f"{e['filename']}: {e['stack_trace'].strip().splitlines()[-1]}" for e in found]

    def unpause(self, dag_id: str) -> None:
        self._request("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": False})

    def trigger(
        self,
        dag_id: str,
        conf: Mapping[str, Any] | None = None,
        note: str = "",
        at: datetime | None = None,
        interval: tuple[datetime, datetime] | None = None,
    ) -> Run:
        """Start a run. `at` gives it the last data interval that was complete then; `interval`
        makes it the run of that interval, which the scheduler then does not start again.

        An interval that has its run already is left alone: the new run has none.
        """
        body: dict[str, Any] = {"conf": dict(conf or {}), "note": note or None}
        path = f"/api/v2/dags/{dag_id}/dagRuns"
        plain = {**body, "logical_date": at.isoformat() if at else None}
        if interval is None:
            answer = self._request("POST", path, json=plain)
        else:
            start, end = (moment.isoformat() for moment in interval)
            body |= {"logical_date": start, "data_interval_start": start, "data_interval_end": end}
            try:
                answer = self._request("POST", path, json=body)
            except AlreadyThere:
                answer = self._request("POST", path, json=plain)
        return Run(dag_id, answer["dag_run_id"], answer["state"])

    def runs(self, dag_ids: Iterable[str]) -> list[Run]:
        """The newest runs of these Dags, newest first."""
        wanted = set(dag_ids)
        found = self._get("/api/v2/dags/~/dagRuns", limit=100, order_by="-id")["dag_runs"]
        return [
            Run(r["dag_id"], r["dag_run_id"], r["state"]) for r in found if r["dag_id"] in wanted
        ]

    def run(self, dag_id: str, run_id: str) -> Run:
        answer = self._get(f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}")
        return Run(dag_id, run_id, answer["state"])

    def backfill(
        self, dag_id: str, first: datetime, last: datetime, conf: Mapping[str, Any]
    ) -> int:
        """Have Airflow run every interval that starts in [first, last], also those it ran before;
        the number of the backfill. One at a time per Dag: AlreadyThere.
        """
        body = {
            "dag_id": dag_id,
            "from_date": first.isoformat(),
            "to_date": last.isoformat(),
            "dag_run_conf": dict(conf),
            "reprocess_behavior": "completed",
            "max_active_runs": 1,
        }
        return int(self._request("POST", "/api/v2/backfills", json=body)["id"])

    def runs_between(self, dag_id: str, first: datetime, last: datetime) -> list[Run]:
        """The runs whose interval starts in [first, last], oldest first."""
        found: list[Run] = []
        path = f"/api/v2/dags/{dag_id}/dagRuns"
        bounds = {"logical_date_gte": first.isoformat(), "logical_date_lte": last.isoformat()}
        while True:
            page = self._get(path, limit=100, offset=len(found), order_by="logical_date", **bounds)
            found += [Run(dag_id, r["dag_run_id"], r["state"]) for r in page["dag_runs"]]
            if not page["dag_runs"] or len(found) >= page["total_entries"]:
                return found

    def tasks(self, run: Run) -> list[dict[str, Any]]:
        path = f"/api/v2/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances"
        tasks: list[dict[str, Any]] = self._get(path, limit=100)["task_instances"]
        return tasks

    def _get(self, path: str, **params: Any) -> dict[str, Any]:
        return self._request("GET", path, params=params)

    def _request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            answer = self._patient(method, path, **options)
            if answer.status_code == 401:
                self._log_in()
                answer = self._patient(method, path, **options)
        except httpx.HTTPError as error:
            raise TributaryError(f"Airflow at {self.base_url} does not answer: {error}") from None
        if answer.status_code == 409:
            raise AlreadyThere(f"Airflow has a run of this date already ({path})")
        if answer.is_error:
            raise TributaryError(
                f"Airflow refused {method} {path}: {answer.status_code} {answer.text[:300]}"
            )
        content: dict[str, Any] = answer.json()
        return content

    def _patient(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A question is asked again when a busy machine does not answer in time; a call that
        changes something is not, for it may have.
        """
        for _ in range(_QUESTIONS - 1 if method == "GET" else 0):
            with suppress(httpx.TimeoutException):
                return self._client.request(method, path, **options)
        return self._client.request(method, path, **options)

    def _log_in(self) -> None:
        answer = self._client.post(
            "/auth/token", json={"username": self._user, "password": self._password}
        )
        if answer.is_error:
            raise ConfigurationError(
                f"Airflow at {self.base_url} refuses this installation's login"
                f" ({answer.status_code}): another Airflow may answer on that port"
            )
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
