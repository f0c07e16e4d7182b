"""docs/adding-a-vendor.md: its diff is real, the page quotes it, and it passes everything."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tributary.cli import cli

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "adding-a-vendor.md").read_text()
DIFF = ROOT / "docs" / "adding-a-vendor.diff"
NAME = "tiktok_ads"
MODULE = f"include/tributary/connectors/{NAME}.py"
MODEL = f"sql/models/core/channel_daily/{NAME}.sql"


def added() -> str:
    """All lines the diff adds."""
    lines = DIFF.read_text().splitlines()
    return "\n".join(line[1:] for line in lines if re.match(r"\+(?!\+\+ )", line))


def apply(checkout: Path) -> None:
    """The diff over a copy of the checkout, which must not have its files yet."""
    done = subprocess.run(
        ["git", "apply", "-v", str(DIFF)], cwd=checkout, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    lines = PAGE.split("In decisions.md:\n\n```\n")[1].split("```")[0]
    with (checkout / "docs" / "decisions.md").open("a") as file:
        file.write(lines)


def test_what_the_page_quotes_stands_in_the_diff() -> None:
    blocks = re.findall(r"```(?:python|sql|yaml)\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) >= 6
    text = added()
    for block in blocks:
        assert block.rstrip("\n") in text, block


def test_the_page_counts_the_lines_of_the_diff() -> None:
    stated = dict(re.findall(r"^ (\S+) +\| +(\d+) ", PAGE, re.MULTILINE))
    parts = re.split(r"^diff --git a/(\S+) .*$", DIFF.read_text(), flags=re.MULTILINE)[1:]
    counted = {
        path: len(re.findall(r"^\+(?!\+\+ )", text, re.MULTILINE))
        for path, text in zip(parts[::2], parts[1::2], strict=True)
    }
    pages = [path for path in counted if "/pages/" in path]
    assert stated.pop(f"tests/connectors/{NAME}/pages/*.json") == str(len(pages))
    stated.pop("docs/decisions.md")
    assert stated == {path: str(n) for path, n in counted.items() if path not in pages}


def test_the_diff_applies_where_its_vendor_is_not_yet(checkout: Path) -> None:
    if (ROOT / MODULE).exists():
        pytest.fail(f"{NAME} is a connector now: show its own diff in docs/adding-a-vendor.md")
    apply(checkout)
    assert (checkout / MODULE).is_file() and (checkout / MODEL).is_file()


def test_the_page_names_the_command_and_every_key_of_a_case() -> None:
    assert "new-connector" in cli.commands
    case = (ROOT / "tests/connectors/shopify/case.yml").read_text()
    keys = set(re.findall(r"^(\w+):", case, re.MULTILINE)) - {"path"}
    assert keys
    assert {key for key in keys if f"`{key}`" not in PAGE} == set()


@pytest.mark.prove
def test_the_diff_passes_every_check_and_the_whole_suite(checkout: Path, run: Any) -> None:
    apply(checkout)
    for command in (
        ("ruff", "check", MODULE, "dags"),
        ("ruff", "format", "--check", MODULE, "dags"),
        ("mypy", MODULE),
        ("lint-imports", "--no-cache"),
        ("sqlfluff", "lint", "--quiet", MODEL),
    ):
        done = run(*command)
        assert done.returncode == 0, done.stdout
    options = ("-p", "no:cacheprovider", "-rA")
    suite = run("python", "-m", "pytest", *options, "tests/connectors", "-k", NAME)
    assert suite.returncode == 0, suite.stdout
    passed = [line for line in suite.stdout.splitlines() if line.startswith("PASSED")]
    assert len(passed) >= 30 and all(NAME in line for line in passed)
    dags = ("tests/orchestration/test_dags.py", "-k", "every_dag_file or every_feed or every_task")
    feed = run("python", "-m", "pytest", *options, *dags)
    assert feed.returncode == 0 and feed.stdout.count("PASSED") == 3, feed.stdout
