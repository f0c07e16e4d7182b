"""`new-connector`: what it writes passes the checks, and fails the suite until it is filled in."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tributary.errors import ConfigurationError
from tributary.local.new_connector import report, write_stubs

NAME = "acme_ads"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_stubs_are_written_and_listed_with_the_next_step(checkout: Path) -> None:
    before = tree(checkout)
    written = write_stubs(NAME, "social", checkout)
    after = tree(checkout)
    changed = {path for path in after if before.get(path) != after[path]}
    assert changed == {str(checkout / path) for path in written}
    assert set(before) - set(after) == set()
    module = checkout / f"include/tributary/connectors/{NAME}.py"
    assert ast.get_docstring(ast.parse(module.read_text()))
    assert 'ingest_dag("social")' in (checkout / "dags/ingest/social.py").read_text()
    assert f"- **{NAME}**. Day:" in (checkout / "docs/decisions.md").read_text()
    case, expect = (
        yaml.safe_load((checkout / f"tests/connectors/{NAME}/{file}.yml").read_text())
        for file in ("case", "expect")
    )
    assert case["connector"] == NAME and expect["core"]
    said = report(NAME, written)
    assert all(str(path) in said for path in written)
    assert "docs/adding-a-vendor.md" in said and f"-k {NAME}" in said


def test_a_feed_that_has_its_dag_gets_no_second_one(checkout: Path) -> None:
    written = write_stubs(NAME, "sales", checkout)
    assert not [path for path in written if path.parts[0] == "dags"]


def test_stubs_pass_lint_import_rules_and_sql_style(checkout: Path, run: Any) -> None:
    module = f"include/tributary/connectors/{NAME}.py"
    write_stubs(NAME, "social", checkout)
    for command in (
        ("ruff", "check", module, "dags"),
        ("ruff", "format", "--check", module, "dags"),
        ("lint-imports", "--no-cache"),
        ("sqlfluff", "lint", "--quiet", f"sql/models/core/channel_daily/{NAME}.sql"),
    ):
        done = run(*command)
        assert done.returncode == 0, done.stdout


@pytest.mark.prove
def test_stubs_pass_the_type_checker(checkout: Path, run: Any) -> None:
    write_stubs(NAME, "social", checkout)
    done = run("mypy", f"include/tributary/connectors/{NAME}.py")
    assert done.returncode == 0, done.stdout


def test_the_suite_asks_for_real_pages_until_there_are_some(checkout: Path, run: Any) -> None:
    write_stubs(NAME, "social", checkout)
    write_stubs("acme_shop", "sales", checkout)
    for file in ("case.yml", "expect.yml"):
        (checkout / "tests/connectors/acme_shop" / file).unlink()
    one = "test_the_window_is_asked_for or speaks_http"
    options = ("-p", "no:cacheprovider", "-rA", "--tb=short")
    done = run("python", "-m", "pytest", *options, "tests/connectors", "-k", one)
    ended = {word: [] for word in ("PASSED", "FAILED", "ERROR")}
    for line in done.stdout.splitlines():
        word, _, rest = line.partition(" ")
        if word in ended:
            ended[word].append(rest)
    assert any("asked_for[shopify]" in line for line in ended["PASSED"]), done.stdout
    (stub,) = ended["ERROR"]
    assert f"asked_for[{NAME}]" in stub
    for said in (
        f"{NAME} is a stub (docs/adding-a-vendor.md)",
        f"record real pages: tests/connectors/{NAME}/pages/page_1.json is empty or absent",
        f"fill in what says TODO in tests/connectors/{NAME}/case.yml",
        f"fill in what says TODO in include/tributary/connectors/{NAME}.py",
        f"fill in what says TODO in sql/models/core/channel_daily/{NAME}.sql",
    ):
        assert said in done.stdout, done.stdout
    assert len(ended["FAILED"]) == 1
    assert re.search(r"record pages in tests/connectors/ for \[.*'acme_shop'", done.stdout)


@pytest.mark.parametrize("name", ["shopify", "files"])
def test_a_connector_that_is_there_is_left_alone(checkout: Path, name: str) -> None:
    before = tree(checkout)
    with pytest.raises(ConfigurationError, match=rf"connectors/{name}.* is there already"):
        write_stubs(name, "ads", checkout)
    assert tree(checkout) == before


def test_a_second_call_changes_nothing(checkout: Path) -> None:
    write_stubs(NAME, "ads", checkout)
    before = tree(checkout)
    with pytest.raises(ConfigurationError, match="is there already: nothing was written"):
        write_stubs(NAME, "ads", checkout)
    assert tree(checkout) == before


@pytest.mark.parametrize(
    "name",
    ["", "Acme", "acmé", "acme-ads", "2acme", "acme__ads", "_acme", "acme_", "../acme", "a" * 31],
)
def test_a_bad_name_is_refused(checkout: Path, name: str) -> None:
    before = tree(checkout)
    with pytest.raises(ConfigurationError, match="connector"):
        write_stubs(name, "ads", checkout)
    assert tree(checkout) == before


@pytest.mark.parametrize("name", ["class", "spec", "shared"])
def test_a_taken_name_is_refused(checkout: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="taken"):
        write_stubs(name, "ads", checkout)


def test_an_unknown_feed_is_refused(checkout: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no feed 'radio'.*seo"):
        write_stubs(NAME, "radio", checkout)
