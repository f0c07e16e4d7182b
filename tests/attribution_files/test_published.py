"""Examples that others published, and real files through every model."""

from __future__ import annotations

import csv
import gzip
import math
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from tests.attribution_files import oracle
from tests.attribution_files.running import Command, by_model, shared

PATH_MODELS = [
    "first",
    "last",
    "last_non_direct",
    "linear",
    "position_based",
    "markov",
    "markov_per_order",
    "shapley",
]


def write(folder: Path, text: str) -> Path:
    file = folder / "paths.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_three_channels_of_analyzecore(command: Command, tmp_path: Path) -> None:
    # analyzecore.com, attribution model with R, part 1: effects 0.5, 1, 1.
    file = write(tmp_path, "path,conv,conv_null\nC1 > C2 > C3,1,0\nC1,0,1\nC2 > C3,0,1\n")
    options = [file, "--null-column", "conv_null"]
    effects = command.rows(*options, "--removal-effects")
    assert [row["channel"] for row in effects] == ["C1", "C2", "C3"]
    found = [float(row["removal_effect_conversions"]) for row in effects]
    assert found == pytest.approx([0.5, 1, 1], abs=1e-15)
    shares = by_model(command.rows(*options, "--models", "markov"), "share")["markov"]
    assert list(shares.values()) == pytest.approx([0.2, 0.4, 0.4], abs=1e-15)


def test_the_transition_table_of_puzyrov(command: Command, tmp_path: Path) -> None:
    # serhiipuzyrov.com, Markov chain attribution, 2019; a row with 0 conversions led to nothing.
    text = "path,conv,null\ngoogle ads,2,0\nmailing,1,0\ngoogle ads > mailing,1,0\ngoogle ads,0,1\n"
    rows = command.rows(write(tmp_path, text), "--transition-matrix")
    assert {
        (row["channel_from"], row["channel_to"]): float(row["transition_probability"])
        for row in rows
    } == {
        ("(start)", "google ads"): 0.8,
        ("(start)", "mailing"): 0.2,
        ("google ads", "mailing"): 0.25,
        ("google ads", "(conversion)"): 0.5,
        ("google ads", "(null)"): 0.25,
        ("mailing", "(conversion)"): 1.0,
    }


def test_shapley_of_eeghor_mta(command: Command, tmp_path: Path) -> None:
    # The package's own test: a 4, a > b 6. Its game is v(S) = conversions within S, as ours.
    file = write(tmp_path, "path,conversions\na,4\na > b,6\n")
    won = by_model(command.rows(file, "--models", "shapley"), "conversions")
    assert won == {"shapley": {"a": 7.0, "b": 3.0}}


def test_pathdata_as_channelattribution_attributes_it_by_rule(command: Command) -> None:
    file = shared("pathdata.csv.gz")
    rows = command.rows(file, "--models", "first,last,linear")
    won, worth = by_model(rows, "conversions"), by_model(rows, "value")
    with shared("pathdata_expected_heuristics.csv").open(newline="") as stream:
        expected = list(csv.DictReader(stream))
    assert len(expected) == 12
    for model in ("first", "last", "linear"):
        for row in expected:
            name, found = row["channel_name"], float(row[f"{model}_touch_conversions"])
            assert won[model][name] == pytest.approx(found, rel=1e-12), (model, name)
            money = float(row[f"{model}_touch_value"])
            assert worth[model][name] == pytest.approx(money, rel=1e-12), (model, name)


@pytest.fixture(scope="module")
def pathdata() -> list[oracle.Path]:
    with gzip.open(shared("pathdata.csv.gz"), "rt", newline="") as stream:
        return [
            oracle.Path(
                row["path"].split(" > "),
                Fraction(row["total_conversions"]),
                Fraction(row["total_null"]),
                Fraction(row["total_conversion_value"]),
            )
            for row in csv.DictReader(stream)
        ]


def test_pathdata_by_markov_is_solved_exactly(
    command: Command, pathdata: list[oracle.Path]
) -> None:
    rows = command.rows(shared("pathdata.csv.gz"), "--models", "markov")
    for column, weigh in (
        ("conversions", lambda path: path.conversions),
        ("value", lambda path: path.value),
    ):
        expected = oracle.markov(pathdata, 1, weigh)
        found = by_model(rows, column)["markov"]
        assert found.keys() == expected.keys()
        for name, number in expected.items():
            assert found[name] == pytest.approx(float(number), rel=1e-11), (column, name)


def test_pathdata_conserves_conversions_and_value_under_every_model(command: Command) -> None:
    rows = command.rows(shared("pathdata.csv.gz"), "--models", ",".join(PATH_MODELS))
    won, worth = by_model(rows, "conversions"), by_model(rows, "value")
    assert list(won) == PATH_MODELS
    for model in PATH_MODELS:
        assert len(won[model]) == 12 and min(won[model].values()) >= 0
        assert math.fsum(won[model].values()) == pytest.approx(19_785, abs=4e-12)
        assert math.fsum(worth[model].values()) == pytest.approx(74_802.97158721084, abs=2e-11)


@pytest.mark.parametrize("order", [1, 4])
def test_real_ga4_journeys_conserve_every_conversion(command: Command, order: int) -> None:
    file = shared("ga4_journeys_2020-11_2020-12.csv.gz")
    options = [file, "--models", ",".join(PATH_MODELS), "--order", order]
    rows = command.rows(*options)
    won = by_model(rows, "conversions")
    assert list(won) == PATH_MODELS
    for model in PATH_MODELS:
        assert math.fsum(won[model].values()) == pytest.approx(3_733, abs=5e-13), model
    with gzip.open(file, "rt", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) == 177_523
    paths = [line["path"].split(" > ") for line in lines if line["conversion"] == "1"]
    for model, at in (("first", 0), ("last", -1)):
        expected = Counter(path[at] for path in paths)
        assert {name: n for name, n in won[model].items() if n} == dict(expected)


def test_a_messy_path_report_without_nulls(command: Command) -> None:
    file = shared("ga4_path_report_rutas.csv")
    rows = command.rows(file, "--models", "first,last_non_direct,markov")
    assert "journeys that did not convert are not known" in command.notes
    won = by_model(rows, "conversions")
    assert {"(direct)", "(organic)", "GAds - PMax"} <= won["first"].keys()
    for model in won:
        assert math.fsum(won[model].values()) == pytest.approx(297, abs=1e-12)
    assert won["last_non_direct"]["(direct)"] == 40


def test_sales_without_a_click_are_unattributed(command: Command) -> None:
    clicks = shared("clicks_sales_spend/clicks_sample.csv")
    sales = shared("clicks_sales_spend/sales_sample.csv")
    rows = command.rows("--touches", clicks, "--conversions", sales, "--lookback", "366d")
    won, worth = by_model(rows, "conversions"), by_model(rows, "value")
    assert len(won) == 8
    for model in won:
        assert won[model].pop("(unattributed)") == 83
        assert math.fsum(won[model].values()) == pytest.approx(117, abs=1e-12)
        assert math.fsum(worth[model].values()) == pytest.approx(7_487_455.10, abs=1e-8)
    near = by_model(command.rows("--touches", clicks, "--conversions", sales), "conversions")
    assert near["first"]["(unattributed)"] == 166
    assert "83 conversions have touches only before the lookback" in command.notes
