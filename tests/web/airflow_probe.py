"""Run by test_in_airflow.py in its own process, because Airflow reads its settings when imported.

Makes Airflow's metadata tables, builds the real api-server app with the real plugin, asks it as
nobody, with a forged token and as a viewer, and prints what happened as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

MODULES_TOO_HEAVY_FOR_A_PLUGIN = (
    "fastapi",
    "jinja2",
    "psycopg",
    "tributary.web.app",
    "tributary.reports.summary",
)


def main() -> dict[str, Any]:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "plugins"))
    import airflow.plugins_manager  # noqa: F401  what every component has loaded before the plugin

    before = set(sys.modules)
    import tributary_plugin

    assert tributary_plugin.TributaryPlugin.fastapi_apps
    heavy = [m for m in MODULES_TOO_HEAVY_FOR_A_PLUGIN if m in set(sys.modules) - before]

    from airflow.utils.db import initdb

    initdb()
    from airflow.api_fastapi.app import create_app
    from fastapi.testclient import TestClient

    app = create_app(apps="core")
    mount = next(r for r in app.routes if getattr(r, "path", "") == "/tributary")
    page = mount.app.app  # LazyApp, built
    paths = [r.path.replace("{path:path}", "any/thing") for r in page.routes]
    client = TestClient(app)
    login = {"username": "viewer", "password": "viewer-password"}
    token = client.post("/auth/token", json=login).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    forged = {"Authorization": f"Bearer {token[:-4]}AAAA"}

    def statuses(headers: dict[str, str]) -> dict[str, int]:
        return {p: client.get(f"/tributary{p}", headers=headers).status_code for p in paths}

    anonymous, refused, viewer = statuses({}), statuses(forged), statuses(bearer)
    html = client.get("/tributary/", headers=bearer).text
    client.cookies.set("_token", token)
    return {
        "heavy": heavy,
        "mount_is_lazy": type(mount.app).__name__ == "LazyApp",
        "anonymous": anonymous,
        "forged": refused,
        "viewer": viewer,
        "cookie": client.get("/tributary/").status_code,
        "html": html,
        "plugins": client.get("/api/v2/plugins").json(),
        "errors": client.get("/api/v2/plugins/importErrors").json(),
    }


if __name__ == "__main__":
    report = main()
    Path(sys.argv[1]).write_text(json.dumps(report))
