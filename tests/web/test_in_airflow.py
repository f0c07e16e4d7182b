"""The real plugin in Airflow's own api-server: its login guards every route of the page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tributary.warehouse.connection import Connection

ROOT = Path(__file__).resolve().parents[2]
PROBE = Path(__file__).resolve().parent / "airflow_probe.py"


@pytest.fixture
def report(filled: Connection, tmp_path: Path) -> dict[str, Any]:
    """What the probe saw, with a metadata database beside the warehouse."""
    filled.execute("create database airflow_page")
    try:
        return probe(filled, tmp_path)
    finally:
        filled.execute("drop database airflow_page with (force)")


def probe(conn: Connection, folder: Path) -> dict[str, Any]:
    info = conn.info
    server = f"{quote(info.user)}:{quote(info.password)}@{info.host}:{info.port}"
    (folder / "passwords.json").write_text('{"viewer": "viewer-password"}')
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "TRIBUTARY"))} | {
        "AIRFLOW_HOME": str(folder),
        "PYTHONPATH": str(ROOT / "include"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "no_dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "viewer:viewer",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folder / "passwords.json"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{server}/airflow_page",
        "AIRFLOW__API_AUTH__JWT_SECRET": "x" * 64,
        "AIRFLOW__API__SECRET_KEY": "y" * 32,
        "AIRFLOW_CONN_WAREHOUSE": f"postgres://{server}/{quote(info.dbname)}",
    }
    result = folder / "report.json"
    done = subprocess.run(
        [sys.executable, str(PROBE), str(result)],
        env=env,
        check=False,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(result.read_text())
    return found


def test_airflows_login_guards_every_route_of_the_mounted_page(report: dict[str, Any]) -> None:
    assert report["errors"]["total_entries"] == 0
    assert set(report["anonymous"]) >= {"/", "/api/summary", "/any/thing"}
    assert set(report["anonymous"].values()) == {401}
    assert set(report["forged"].values()) <= {401, 403}
    assert report["viewer"] == {
        "/": 200,
        "/api/summary": 200,
        "/insights/{insight_id}": 404,
        "/any/thing": 404,
    }
    assert report["cookie"] == 200

    # The connection `warehouse` was used: these are its numbers.
    assert "3,655.50" in report["html"]

    (plugin,) = [p for p in report["plugins"]["plugins"] if p["name"] == "tributary"]
    (entry,) = plugin["external_views"]
    assert (entry["name"], entry["destination"], entry["href"], entry["nav_top_level"]) == (
        "Tributary",
        "nav",
        "/tributary/",
        True,
    )

    # Every component imports the plugin: it must not bring the page along.
    assert report["mount_is_lazy"] and report["heavy"] == []
