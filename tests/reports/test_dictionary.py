"""docs/mart.md is what the contracts say, and says all of it."""

from __future__ import annotations

from pathlib import Path

from tributary.reports.dictionary import PATH, main, render
from tributary.warehouse.contracts import load_all


def test_the_committed_page_is_current() -> None:
    assert main(["--check"]) == ""


def test_the_page_names_every_view_and_column() -> None:
    page = PATH.read_text(encoding="utf-8")
    views = [c for c in load_all().values() if c.schema == "mart"]
    assert views
    for view in views:
        section = page.split(f"\n## {view.table}\n")[1].split("\n## ")[0]
        listed = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
        assert listed == list(view.columns)


def test_check_reports_a_stale_page_and_changes_nothing(tmp_path: Path) -> None:
    page = tmp_path / "mart.md"
    page.write_text("old")
    assert "make docs" in main(["--check"], page)
    assert page.read_text() == "old"
    assert main([], page) == ""
    assert page.read_text() == render()
    assert main(["--check"], page) == ""
