"""The command as people meet it: help, sentences instead of tracebacks, exit codes."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tributary.cli import cli
from tributary.clock import SystemClock
from tributary.local import ports
from tributary.local.bootstrap import certificate_problem
from tributary.local.postgres import free_port
from tributary.local.progress import told
from tributary.local.supervisor import Outcome
from tributary.local.tabular import render

HEAVY = {
    *("airflow", "fastapi", "great_expectations", "httpx", "msgspec", "numpy", "pandas"),
    *("psycopg", "pyarrow", "scipy", "sqlalchemy", "tributary.local", "tributary.pipeline"),
}


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_has_a_help_that_says_what_it_does(tributary, name: str) -> None:
    done = tributary(name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"Usage: tributary {name}" in done.stdout
    text = done.stdout.split("\n", 2)[2].split("Options:")[0].strip()
    assert len(text) > 30
    for option in cli.commands[name].params:
        if getattr(option, "opts", [""])[0].startswith("--"):
            assert getattr(option, "help", None), f"{name} {option.name} has no help"


def test_the_promised_commands_are_there() -> None:
    promised = [
        "up",
        "down",
        "reset",
        "status",
        "refresh",
        "sql",
        "grade",
        "checksum",
        "env",
        "migrate",
    ]
    assert set(promised) <= set(cli.commands)


def test_no_help_imports_what_only_commands_need() -> None:
    program = """
import sys
from tributary.cli import cli

def show(command, path):
    cli([*path, "--help"], prog_name="tributary", standalone_mode=False)
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        show(inner, [*path, name])

show(cli, [])
print(*sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    for name in ("attribute", "up", "models refit"):
        assert f"Usage: tributary {name} [" in done.stdout
    imported = set(done.stdout.splitlines()[-1].split())
    assert {"click", "tributary.cli.versions"} <= imported
    assert not HEAVY & imported


@pytest.mark.parametrize("command", [("status",), ("sql", "select 1"), ("env",), ("down",)])
def test_before_the_first_start_a_sentence_says_what_to_do(
    tributary, command: tuple[str, ...]
) -> None:
    done = tributary(*command)
    assert done.returncode == 2
    assert "make run" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def _up(tributary, *arguments: str, **environ: str):
    done = tributary("up", "--once", *arguments, environ=environ)
    assert "Traceback" not in done.stderr + done.stdout
    assert done.returncode == 2, done.stderr
    return done.stderr


def test_a_port_that_was_asked_for_and_is_taken(tributary) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = _up(tributary, TRIBUTARY_PORT=str(port))
    assert f"port {port} on 127.0.0.1, which TRIBUTARY_PORT asks for, is taken" in said
    assert "is not a port" in _up(tributary, TRIBUTARY_PORT="eighty")


def test_a_wrong_certificate_bundle(tributary, tmp_path: Path) -> None:
    said = _up(tributary, SSL_CERT_FILE=str(tmp_path / "absent.pem"))
    assert "SSL_CERT_FILE names" in said
    assert "does not exist" in said
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificates")
    assert "holds no certificates" in certificate_problem({"REQUESTS_CA_BUNDLE": str(empty)})
    assert certificate_problem({}) == ""


def test_a_data_folder_that_is_not_there_or_empty_or_unknown(tributary, tmp_path: Path) -> None:
    assert "does not exist" in _up(tributary, "--data", str(tmp_path / "absent"))


def test_settings_that_are_not_what_they_should_be(tributary) -> None:
    assert "TRIBUTARY_AS_OF=tomorrow is not a date" in _up(tributary, TRIBUTARY_AS_OF="tomorrow")
    assert "TRIBUTARY_SEED=x is not a number" in _up(tributary, TRIBUTARY_SEED="x")


def test_two_installations_that_start_at_once_get_two_ports() -> None:
    wanted = free_port()
    first, held = ports.choose_and_reserve([wanted])
    with held:
        second, other = ports.choose_and_reserve([wanted])
        other.close()
        assert (first, second != first) == (wanted, True)
    again, held = ports.choose_and_reserve([wanted])
    held.close()
    assert again == wanted


@pytest.mark.parametrize(
    ("runs", "pending", "success"),
    [
        ((("unify", "a", "success"),), 0, True),
        ((("unify", "a", "success"), ("ingest_files", "b", "failed")), 0, False),
        ((("unify", "a", "success"),), 1, False),
        ((), 0, False),
    ],
)
def test_once_succeeds_only_if_there_were_runs_all_succeeded_and_nothing_waits(
    runs: tuple[tuple[str, str, str], ...], pending: int, success: bool
) -> None:
    assert Outcome(runs, pending, 1.0).is_success is success


ROWS = [("paid_search", Decimal("12.30"), date(2026, 8, 1)), ("direct", None, None)]
NAMES = ["channel", "revenue", "day"]


def test_rows_as_a_table() -> None:
    lines = render(NAMES, ROWS, "table").splitlines()
    assert lines[0].split() == NAMES
    assert lines[2].split() == ["paid_search", "12.30", "2026-08-01"]
    assert lines[3].split() == ["direct", "-", "-"]
    assert lines[-1] == "(2 rows)"


def test_rows_as_csv_and_json_keep_numbers_exact() -> None:
    csv = render(NAMES, ROWS, "csv")
    assert csv == "channel,revenue,day\npaid_search,12.30,2026-08-01\ndirect,,\n"
    text = render(NAMES, ROWS, "json")
    assert json.loads(text, parse_float=Decimal) == [
        {"channel": "paid_search", "revenue": Decimal("12.30"), "day": "2026-08-01"},
        {"channel": "direct", "revenue": None, "day": None},
    ]


def test_a_start_with_nothing_due_succeeds_unless_something_waits() -> None:
    assert Outcome((), 0, 1.0, was_due=False).is_success
    assert not Outcome((), 1, 1.0, was_due=False).is_success


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--seed", "3", "--as-of", "tomorrow"), "--as-of tomorrow is not a date"),
        (("--as-of", "2026-08-01"), "--as-of goes with --seed"),
    ],
)
def test_a_day_to_grade_is_a_date_and_goes_with_a_seed(
    tributary, arguments: tuple[str, ...], said: str
) -> None:
    done = tributary("grade", *arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert said in done.stderr


def test_what_the_pipeline_logs_is_told_while_a_person_waits(capsys) -> None:
    log = logging.getLogger("tributary.pipeline.refit")
    with told(SystemClock()):
        log.info("store %d of %d: %s", 1, 2, "nordlicht")
    log.info("unheard")
    assert [line.split(" s  ") for line in capsys.readouterr().err.splitlines()] == [
        ["   0.0", "store 1 of 2: nordlicht"]
    ]
