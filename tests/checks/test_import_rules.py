"""A wrong import planted anywhere is refused by name, as `make check` would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PLANTS = [
    ("attribution/rules.py", "import airflow", "attribution.rules -> airflow"),
    (
        "attribution/rules.py",
        "import tributary.warehouse.staging",
        "attribution.rules -> tributary.warehouse.staging",
    ),
    (
        "sandbox/world.py",
        "import tributary.connectors.shopify",
        "sandbox.world -> tributary.connectors.shopify",
    ),
    (
        "connectors/shopify/api.py",
        "import tributary.connectors.files",
        "connectors.shopify.api -> tributary.connectors.files",
    ),
    ("connectors/shopify/api.py", "import httpx", "connectors.shopify.api -> httpx"),
    ("reports/text.py", "import great_expectations", "reports.text -> great_expectations"),
    ("warehouse/staging.py", "import fastapi", "warehouse.staging -> fastapi"),
    # a connector that nobody listed
    (
        "connectors/acme.py",
        "import tributary.connectors.shopify",
        "connectors.acme -> tributary.connectors.shopify",
    ),
    (
        "settings.py",
        "import tributary.transport.client",
        "settings -> tributary.transport.client",
    ),
]


def test_the_import_rules_hold(run: Any) -> None:
    done = run("lint-imports", "--no-cache")
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout and "KEPT" in done.stdout


def test_wrong_imports_are_named(checkout: Path, run: Any) -> None:
    package = checkout / "include" / "tributary"
    for module, planted, _ in PLANTS:
        path = package / module
        before = path.read_text() if path.exists() else ""
        path.write_text(f"{before}\n{planted}\n")
    done = run("lint-imports", "--no-cache")
    assert done.returncode == 1, done.stdout
    for _, _, said in PLANTS:
        assert f"tributary.{said}" in done.stdout, done.stdout
