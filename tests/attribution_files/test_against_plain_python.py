"""The command on random files against the models written once more in plain Python."""

from __future__ import annotations

import csv
import gzip
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from tests.attribution_files import oracle
from tests.attribution_files.oracle import Event, Number
from tests.attribution_files.oracle import Path as Journey
from tests.attribution_files.running import Command, by_model

RULES = ("first", "last", "last_non_direct", "linear", "position_based", "shapley")
CHANNELS = ("Direct", "Paid Search", "e-mail", "Réferral, other", "social")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def random_paths(seed: int, rows: int = 40) -> list[Journey]:
    dice = random.Random(seed)
    found = []
    for _ in range(rows):
        names = [dice.choice(CHANNELS) for _ in range(dice.randint(1, 7))]
        won, cents = dice.choice((0, 1, 2, 40)), Fraction(dice.randint(1, 99_999), 100)
        found.append(
            Journey(
                names,
                Fraction(won),
                Fraction(dice.choice((0, 3, 500))),
                cents if won else Fraction(0),
            )
        )
    return found


def write(file: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """As CSV, CSV.gz or Parquet, by the name's end."""
    table = [[str(cell) for cell in row] for row in rows]
    if file.suffix == ".parquet":
        columns = list(zip(*table, strict=True)) or [()] * len(header)
        parquet.write_table(
            pa.table({name: list(cells) for name, cells in zip(header, columns, strict=True)}),
            file,
        )
        return file
    opened = gzip.open if file.suffix == ".gz" else open
    with opened(file, "wt", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *table])
    return file


def write_paths(file: Path, paths: list[Journey]) -> Path:
    return write(
        file,
        ["path", "total_conversions", "total_conversion_value", "total_null"],
        [
            [" > ".join(path.channels), float(path.conversions), float(path.value), path.nulls]
            for path in paths
        ],
    )


def close(found: dict[str, float], expected: oracle.Totals) -> bool:
    assert found.keys() == expected.keys()
    scale = max((abs(float(number)) for number in expected.values()), default=1.0) or 1.0
    return all(abs(found[name] - float(expected[name])) <= 1e-12 * scale for name in found)


def conversions(path: Journey) -> Number:
    return path.conversions


def value(path: Journey) -> Number:
    return path.value


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("end", [".csv", ".csv.gz", ".parquet"])
def test_path_files(command: Command, tmp_path: Path, seed: int, end: str) -> None:
    paths = random_paths(seed)
    order = 1 + seed % 3
    file = write_paths(tmp_path / f"paths{end}", paths)
    rows = command.rows(file, "--order", order)
    won, worth = by_model(rows, "conversions"), by_model(rows, "value")
    assert list(won) == [*RULES[:5], "markov", "shapley"]
    for model in RULES:
        assert close(won[model], oracle.rule(paths, model, conversions)), model
        assert close(worth[model], oracle.rule(paths, model, value)), model
    assert close(won["markov"], oracle.markov(paths, order, conversions))
    assert close(worth["markov"], oracle.markov(paths, order, value))
    total = sum(float(path.conversions) for path in paths)
    for row in rows:
        assert float(row["share"]) == float(row["conversions"]) / total
    effects = command.rows(file, "--order", order, "--removal-effects")
    for column, weigh in (("conversions", conversions), ("value", value)):
        found = {row["channel"]: float(row[f"removal_effect_{column}"]) for row in effects}
        assert close(found, oracle.removal_effects(paths, order, weigh))


@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_lines_and_any_division_into_files_give_the_same_bytes(
    command: Command, tmp_path: Path, seed: int
) -> None:
    paths = random_paths(seed, rows=60)
    one = command.text(write_paths(tmp_path / "a.csv", paths), "--format", "csv")
    random.Random(seed).shuffle(paths)
    halves = [
        write_paths(tmp_path / name, part)
        for name, part in (("b.csv", paths[:25]), ("c.parquet", paths[25:]))
    ]
    assert command.text(*halves, "--format", "csv") == one


def random_events(seed: int, people: int = 12) -> tuple[list[Event], list[Event]]:
    """Quarter hours over 100 days: ties, repeat buyers, buyers never seen, views and e-mail."""
    dice = random.Random(seed)
    kinds = ("click", "click", "visit", "view", "email_click")
    touches, sales = [], []
    for person in range(people):
        user = f"u{person}"
        days = sorted(dice.sample(range(400), 4))
        for _ in range(dice.randint(0, 14)):
            at = START + timedelta(minutes=360 * dice.choice((*days, dice.randint(0, 400))))
            touches.append(Event(user, at, dice.choice(CHANNELS), dice.choice(kinds)))
        for _ in range(dice.randint(0, 3)):
            at = START + timedelta(minutes=360 * dice.choice((*days, dice.randint(0, 440))))
            sales.append(Event(user, at, value=dice.randint(1, 99_999) / 100))
    sales.append(Event("nobody", START + timedelta(days=9), value=7.5))
    return touches, sales


@pytest.mark.parametrize("seed", range(9))
@pytest.mark.parametrize("end", [".csv", ".csv.gz", ".parquet"])
def test_event_files(command: Command, tmp_path: Path, seed: int, end: str) -> None:
    touches, sales = random_events(seed)
    direct = ("as-any", "ignore-if-other", "ignore-if-last")[seed % 3]
    transform = ("unique", "exposure", "first")[seed // 3]
    lookback = None if seed % 2 else dict.fromkeys(oracle.LOOKBACK, 20)
    columns = ["user_id", "time", "channel", "type"]
    files = [
        "--touches",
        write(tmp_path / f"t{end}", columns, [[t.user, t.at, t.channel, t.kind] for t in touches]),
        "--conversions",
        write(
            tmp_path / f"c{end}",
            ["user_id", "time", "value"],
            [[s.user, s.at, s.value] for s in sales],
        ),
    ]
    options = ["--direct", direct, *(["--lookback", "20d"] if lookback else [])]
    options += ["--path-transform", transform]
    rows = command.rows(*files, *options)
    paths, alone = oracle.journeys(touches, sales, lookback, direct, transform)
    assert alone and any(not path.conversions for path in paths)
    won, worth = by_model(rows, "conversions"), by_model(rows, "value")
    few = command.rows(*files, *options, "--models", "time_decay,shapley")
    assert few == [row for row in rows if row["model"] in ("time_decay", "shapley")]
    for table, weigh, rest in (
        (won, conversions, len(alone)),
        (worth, value, sum(Fraction(sale.value) for sale in alone)),
    ):
        for model in (*RULES, "time_decay"):
            expected = oracle.rule(paths, model, weigh) | {"(unattributed)": Fraction(rest)}
            every = dict.fromkeys(table[model], Fraction(0)) | expected
            assert close(table[model], every), model
        expected = oracle.markov(paths, 1, weigh) | {"(unattributed)": Fraction(rest)}
        assert close(table["markov"], dict.fromkeys(table["markov"], Fraction(0)) | expected)
