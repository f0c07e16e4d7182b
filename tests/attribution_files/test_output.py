"""What the command prints and writes: columns, digits, and nothing else on standard output."""

from __future__ import annotations

import csv
import io
import json
import math
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pyarrow.parquet as parquet
import pytest

from tests.attribution_files.running import Command, by_model
from tributary.attribution_files import spill
from tributary.attribution_files.asked import DEFAULT_MODELS
from tributary.cli import attribute

PATHS = """path,total_conversions,total_conversion_value,total_null
search > mail > search,3,90.5,4
mail,1,10,2
direct > social,2,33.25,5
social > mail,4,1.5,0
,1,7,0
"""
TOUCHES = """user_id,time,channel,type,campaign,cost
a,2026-01-01 08:00:00,search,click,spring,0.5
a,2026-01-08 08:00:00,Direct,visit,,0
b,2026-01-09 08:00:00,mail,email_click,news,0
b,2026-01-09 09:00:00,social,view,video,0
d,2026-01-10 08:00:00,social,click,video,0.4
"""
SALES = """user_id,time,value,id
b,2026-01-09 20:00:00,30,o2
a,2026-01-08 08:00:00,10,o1
c,2026-01-10 00:00:00,5,o3
"""
CHANNELS = ["direct", "mail", "search", "social"]


@pytest.fixture
def paths(tmp_path: Path) -> Path:
    file = tmp_path / "paths.csv"
    file.write_text(PATHS)
    return file


@pytest.fixture
def events(tmp_path: Path) -> list[str]:
    (tmp_path / "touches.csv").write_text(TOUCHES)
    (tmp_path / "sales.csv").write_text(SALES)
    return ["--touches", f"{tmp_path}/touches.csv", "--conversions", f"{tmp_path}/sales.csv"]


def test_csv_has_the_columns_promised_and_every_digit(command: Command, paths: Path) -> None:
    text = command.text(paths, "--models", "linear,markov", "--bootstrap", "50", "--format", "csv")
    assert text.splitlines()[0] == "model,channel,conversions,value,share,p05,p95"
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["channel"] for row in rows] == [*CHANNELS, "(unattributed)"] * 2
    assert repr(float(rows[1]["value"])) == rows[1]["value"] == repr(491 / 12)
    for row in rows:
        assert float(row["share"]) == float(row["conversions"]) / 11
        if row["channel"] != "(unattributed)":
            assert float(row["p05"]) <= float(row["p95"])
        else:
            assert (row["p05"], row["p95"], row["value"]) == ("", "", "7.0")
    for model, won in by_model(rows, "conversions").items():
        assert math.fsum(won.values()) == 11, model


def test_intervals_hold_still_for_a_seed(command: Command, paths: Path) -> None:
    asked = [paths, "--models", "markov,shapley", "--bootstrap", "40", "--format", "csv"]
    one = command.text(*asked)
    assert command.text(*asked) == one
    assert command.text(*asked, "--seed", "5") != one


def test_removal_effects_and_transitions(command: Command, paths: Path) -> None:
    text = command.text(paths, "--removal-effects", "--format", "csv")
    assert text.splitlines()[0] == "channel,removal_effect_conversions,removal_effect_value"
    assert [row.split(",")[0] for row in text.splitlines()[1:]] == CHANNELS
    for order in (1, 2):
        rows = command.rows(paths, "--transition-matrix", "--order", order)
        assert list(rows[0]) == ["channel_from", "channel_to", "transition_probability"]
        leaving: dict[str, float] = {}
        for row in rows:
            share = float(row["transition_probability"])
            leaving[row["channel_from"]] = leaving.get(row["channel_from"], 0.0) + share
        assert "(start)" in leaving
        assert all(whole == pytest.approx(1, abs=1e-15) for whole in leaving.values())
    assert {row["channel_from"] for row in rows} >= {"search > mail", "mail > search", "mail"}


def test_json_says_it_all(command: Command, paths: Path) -> None:
    asked = ["--format", "json", "--bootstrap", "20", "--removal-effects", "--transition-matrix"]
    document = json.loads(command.text(paths, *asked, "--order", "2"))
    assert (document["conversions"], document["value"]) == (11, 142.25)
    assert (document["non_converting_journeys"], document["markov_order"]) == (11, 2)
    assert [model["model"] for model in document["models"]] == [
        model for model in DEFAULT_MODELS if model != "time_decay"
    ]
    assert all(model["not_given_out"] == 0 for model in document["models"])
    first = document["models"][0]["channels"][0]
    assert first.keys() >= {"channel", "conversions", "share", "p05", "p50", "p95"}
    assert len(document["removal_effects"]) == 4 and document["transition_matrix"]


def test_the_table_sums_what_it_shows(command: Command, paths: Path) -> None:
    text = command.text(paths)
    totals = [line.split() for line in text.splitlines() if line.startswith("total")]
    assert totals == [["total", *["11"] * 7], ["total", *["142.25"] * 7]]
    assert "every model gives out all of them, exactly" in text


def test_each_touch_of_a_path_file(command: Command, paths: Path, tmp_path: Path) -> None:
    out = tmp_path / "touches.parquet"
    command.text(paths, "--per-touch", out, "--models", "linear,position_based,markov,shapley")
    rows = parquet.read_table(out).to_pylist()
    assert len(rows) == 8
    shares: dict[str, list[dict[str, float]]] = {}
    for row in rows:
        shares.setdefault(row["path"], []).append(row)
    assert list(shares) == list(dict.fromkeys(row["path"] for row in rows))
    for path, steps in shares.items():
        assert " > ".join(str(step["channel"]) for step in steps) == path
        assert [step["step"] for step in steps] == list(range(1, len(steps) + 1))
        for model in ("linear", "position_based", "markov", "shapley"):
            assert sum(step[model] for step in steps) == pytest.approx(1, abs=1e-15)
    three = shares["search > mail > search"]
    assert [step["shapley"] for step in three] == [0.25, 0.5, 0.25]
    assert [step["position_based"] for step in three] == [0.4, 0.2, 0.4]


def test_each_touch_of_events(command: Command, events: list[str], tmp_path: Path) -> None:
    out = tmp_path / "touches.parquet"
    rows = command.rows(*events, "--per-touch", out)
    found = parquet.read_table(out).to_pylist()
    assert [(row["conversion_id"], row["channel"], row["campaign"]) for row in found] == [
        ("o1", "search", "spring"),  # direct stands back
        ("o2", "mail", "news"),  # the view stands back
        ("o3", "(unattributed)", None),
    ]
    assert [row["touch_at"] is None for row in found] == [False, False, True]
    for model, won in by_model(rows, "value").items():
        assert math.fsum(won.values()) == 45, model
        assert {name: value for name, value in won.items() if value} == {
            "search": 10,
            "mail": 30,
            "(unattributed)": 5,
        }
        assert [row[model] for row in found] == [1, 1, 1]


def test_direct_as_any_and_time_decay(command: Command, events: list[str]) -> None:
    options = ["--direct", "as-any", "--models", "time_decay,last,first", "--half-life", "7d"]
    shares = by_model(command.rows(*events, *options), "value")
    # Seven days older is half as much.
    assert shares["time_decay"]["search"] == pytest.approx(10 / 3, abs=1e-14)
    assert shares["time_decay"]["Direct"] == pytest.approx(20 / 3, abs=1e-14)
    assert shares["last"]["Direct"] == shares["first"]["search"] == 10
    near = by_model(command.rows(*events, "--models", "first", "--lookback", "3d"), "value")
    assert near["first"]["Direct"] == 10


def test_a_picture(command: Command, events: list[str], paths: Path, tmp_path: Path) -> None:
    for name, files in (("paths", [paths]), ("events", events)):
        picture = tmp_path / f"{name}.svg"
        command.text(*files, "--plot", picture, "--bootstrap", "20")
        text = picture.read_text(encoding="utf-8")
        assert ElementTree.fromstring(text).tag.endswith("svg")
        assert "nan" not in text and "Shares of conversions by model" in text
        assert "bootstrap draws of the journeys" in text


def test_events_on_disk_say_the_same(
    command: Command,
    events: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outs = tmp_path / "memory.parquet", tmp_path / "disk.parquet"
    one = command.text(*events, "--format", "csv", "--per-touch", outs[0])
    monkeypatch.setattr(spill, "ROWS_IN_MEMORY", 1)
    assert command.text(*events, "--format", "csv", "--per-touch", outs[1]) == one
    tables = [parquet.read_table(out) for out in outs]
    assert tables[0].sort_by("conversion_id") == tables[1].sort_by("conversion_id")
    assert len(tables[0]) == 3


def test_every_option_of_the_issue_is_there() -> None:
    names = {option for parameter in attribute.params for option in parameter.opts}
    issue = """--path-column --conversions-column --value-column --null-column --separator --touches
        --conversions --columns --zone --lookback --half-life --position --direct --models --order
        --bootstrap --removal-effects --transition-matrix --per-touch --format --plot"""
    assert set(issue.split()) <= names


def test_small_files_load_neither_pandas_nor_the_pipeline(paths: Path, events: list[str]) -> None:
    program = (
        "import sys, tributary.cli\n"
        "tributary.cli.cli(['attribute', *sys.argv[1:]], standalone_mode=False)\n"
        "heavy = {'pandas', 'airflow', 'sqlalchemy', 'psycopg', 'scipy', 'httpx', 'fastapi'}\n"
        "sys.stderr.write(f'loaded: {sorted(heavy & set(sys.modules))}')\n"
    )
    for files in ([str(paths)], events):
        run = subprocess.run(
            [sys.executable, "-c", program, *files], capture_output=True, text=True
        )
        assert (run.returncode, run.stderr) == (0, "loaded: []")


def test_a_reader_that_has_seen_enough_is_no_error(paths: Path) -> None:
    command = f"{sys.executable} -m tributary.cli attribute {paths} --format csv | head -1"
    run = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert run.stdout == "model,channel,conversions,value,share,p05,p95\n"
    assert "Traceback" not in run.stderr and "BrokenPipe" not in run.stderr
