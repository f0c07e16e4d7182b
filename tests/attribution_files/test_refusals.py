"""What is malformed is refused with the file, the line and what to write, or told on stderr."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from tests.attribution_files.running import Command, by_model
from tributary.attribution import events

TOUCHES = "user_id,time,channel\nu1,2026-01-01 10:00:00,a\nu1,2026-01-02 10:00:00,b\n"
SALES = "user_id,time,value\nu1,2026-01-03 00:00:00,10\n"


def write(folder: Path, text: str | bytes, name: str = "f.csv") -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty: the first line must name the columns"),
        ("path,conversions\n", "has no line below its header"),
        ("way,conversions\na,1\n", "no column for path among way, conversions; name it with"),
        ("path,sold\na,1\n", "no column for conversions among path, sold; name it with --conv"),
        ("path,conversions,conversions\na,1,2\n", "the header has 'conversions' twice"),
        ("path,conversions\na,1\n\nb,x\n", "f.csv line 4: conversions 'x' is no number"),
        ('path,conversions\n"a\nb",1\nc,-3\n', "f.csv line 4: conversions '-3.0' is below 0"),
        ("path,conversions\na,nan\n", "line 2: conversions 'nan' is no number"),
        ("path,conversions\na,inf\n", "line 2: conversions 'inf' is no number"),
        ("path,conversions\na,1e300\n", "line 2: conversions 1e+300 is too large"),
        ('path,conversions\na,"1,234"\n', "line 2: conversions '1,234' is no number"),
        ("path,conversions,null\na,1,-2\n", "line 2: nulls '-2.0' is below 0"),
        ("path,conversions,value\na,1,$5\n", "line 2: value '$5' is no number"),
        ("path,conversions\na,1\nb,2,3\n", "line 3: 3 fields, the header has 2; put a field"),
        ("path;conversions\na;1,5\n", "line 2: conversions '1,5' is no number"),
        ("path,conversions\na|b,1\na|c,2\n", "most paths have '|': is that between"),
        ("path,conversions\na -> b,1\na,2\n", "Say --separator '->'"),
        (b"path,conversions\nR\xe9f,1\n", "is not UTF-8 text"),
        (b"\xff\xfep\0a\0", "is not UTF-8 text"),
        (gzip.compress(b"path,conversions\n" + b"a,1\n" * 99)[:40], "cannot be read"),
        (b"PAR1 but not really", "cannot be read: Parquet magic bytes not found"),
    ],
)
def test_a_path_file(command: Command, tmp_path: Path, text: str | bytes, message: str) -> None:
    assert message in command.fails(write(tmp_path, text))


@pytest.mark.parametrize(
    ("touches", "sales", "message"),
    [
        ("user_id,time\nu,2026-01-01\n", SALES, "no column for channel among user_id, time"),
        (TOUCHES + "u1,yesterday,a\n", SALES, "f.csv line 4: time 'yesterday' is no time"),
        (TOUCHES + "u1,01/02/2026 10:00,a\n", SALES, "time '01/02/2026 10:00' is no time"),
        (TOUCHES + "u1,,a\n", SALES, "f.csv line 4: time is empty, but every event needs a time"),
        (TOUCHES, SALES + "u1,2026-01-03,ten\n", "c.csv line 3: value 'ten' is no number"),
        (TOUCHES, "user_id,value\nu1,3\n", "c.csv: no column for time among user_id, value"),
    ],
)
def test_event_files(
    command: Command, tmp_path: Path, touches: str, sales: str, message: str
) -> None:
    files = write(tmp_path, touches), write(tmp_path, sales, "c.csv")
    assert message in command.fails("--touches", files[0], "--conversions", files[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--models", "magic"], "--models: no model 'magic'; there are first, last"),
        (["--models", "time_decay"], "time_decay needs the times of the touches"),
        (["--models", "first_paid"], "first_paid needs --paid"),
        (["--position", "1,1,1"], "write three weights that sum to 1, like 0.4,0.2,0.4"),
        (["--lookback", "3x"], "--lookback '3x' is no duration: write 30d, 12h or 2w"),
        (["--half-life", "0d"], "--half-life must be above 0"),
        (["--zone", "Mars/Foo"], "--zone 'Mars/Foo' is no time zone"),
        (["--separator", " "], "--separator is empty"),
        (["--path-column", "way"], "there is no column 'way' for path; the files have path"),
        (["--columns", "user=foo"], "--columns 'user=foo': write NAME=COLUMN, with a NAME of"),
        (["--columns", "time=when"], "a column was named for time, but these files have none"),
        (["--plot", "/nowhere/x.svg"], "there is no folder /nowhere"),
        (["--removal-effects", "--transition-matrix"], "two tables: ask for one"),
        (["--touches", "t.csv"], "name path files, or --touches and --conversions; not both"),
    ],
)
def test_options(command: Command, tmp_path: Path, options: list[str], message: str) -> None:
    file = write(tmp_path, "path,conversions\na > b,1\nb,0\n")
    assert message in command.fails(file, *options)


def test_files_that_are_not_there(command: Command, tmp_path: Path) -> None:
    assert "is not there" in command.fails(tmp_path / "nothing.csv")
    assert "is a folder: name the files in it" in command.fails(tmp_path)
    assert "nothing to read: name path files" in command.fails()
    assert "--conversions is missing" in command.fails("--touches", tmp_path / "t.csv")


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfpath,conversions\na > b,1\nb,0\n",
        b'"path","conversions"\r\n"a > b",1\r\n"b",0\r\n',
        b' Path ;Conversions\n a >  b ; 1 \n\n"""b""";0\n',
        b"PATH\tTOTAL_CONVERSIONS\na>b>\t1\n>b\t\n",
    ],
)
def test_harmless_forms_say_the_same(command: Command, tmp_path: Path, text: bytes) -> None:
    rows = command.rows(write(tmp_path, text), "--models", "linear,markov")
    won = by_model(rows, "conversions")
    assert won["linear"] == {"a": 0.5, "b": 0.5}
    # Every journey comes by b and half of them by a: effects 1 and 0.5.
    assert won["markov"] == {"a": pytest.approx(1 / 3), "b": pytest.approx(2 / 3)}


def test_equal_paths_add_up_and_what_has_no_channel_is_unattributed(
    command: Command, tmp_path: Path
) -> None:
    text = "path,conversions,value,nulls\na > b,1,5,0\na>b,2,7,1\n,4,8,0\nb,0,9,3\n"
    rows = command.rows(write(tmp_path, text), "--models", "first")
    assert by_model(rows, "conversions")["first"] == {"a": 3, "b": 0, "(unattributed)": 4}
    assert by_model(rows, "value")["first"] == {"a": 12, "b": 0, "(unattributed)": 8}
    assert "value of paths that never convert is left out" in command.notes


def test_times_of_all_forms_and_the_zone_of_those_that_do_not_say(
    command: Command, tmp_path: Path
) -> None:
    # 12:00 in Berlin is 11:00 UTC; the conversion is at 11:00 UTC, so only e is too late.
    times = [
        "2026-01-02 12:00",
        "2026-01-02T12:00:00+01:00",
        "2026-01-02T11:00:00Z",
        "2026-01-02 11:00:00 UTC",
        "2026-01-02 06:00:00.000 -0500",
        "2026-01-02 12:00:00.000001",
    ]
    lines = [f"u,{time},{name}\n" for time, name in zip(times, "abcdxe", strict=True)]
    touches = write(tmp_path, "user_id,time,channel\n" + "".join(lines))
    sales = write(tmp_path, "user_id,time,value\nu,2026-01-02T11:00:00Z,1\n", "c.csv")
    files = ["--touches", touches, "--conversions", sales, "--models", "linear"]
    shares = by_model(command.rows(*files, "--zone", "Europe/Berlin"), "share")["linear"]
    assert shares == {"a": 0.2, "b": 0.2, "c": 0.2, "d": 0.2, "e": 0, "x": 0.2}


@pytest.mark.parametrize(
    "text", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_every_kind_of_text_in_parquet(command: Command, tmp_path: Path, text: pa.DataType) -> None:
    def column(*words: str) -> pa.Array:
        plain = pa.array(words)
        return plain.dictionary_encode() if pa.types.is_dictionary(text) else plain.cast(text)

    touches = {
        "user_id": column("7", "8"),
        "time": column("2026-01-01 10:00:00", "2026-01-01T10:00:00"),
        "channel": column("a", "b"),
        "id": column("x", "y"),
    }
    sales = {
        "user_id": pa.array([7]),
        "time": pa.array([20_500], pa.date32()),
        "value": column("2"),
    }
    files = tmp_path / "t.parquet", tmp_path / "c.parquet"
    for file, columns in zip(files, (touches, sales), strict=True):
        parquet.write_table(pa.table(columns), file)
    rows = command.rows("--touches", files[0], "--conversions", files[1], "--lookback", "60d")
    assert by_model(rows, "value")["last"] == {"a": 2.0, "b": 0.0}


def test_a_nested_column_is_refused(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "f.parquet"
    parquet.write_table(pa.table({"path": [["a", "b"]], "conversions": [1]}), file)
    assert "column 'path' holds list<element: string>, not a value" in command.fails(file)


def test_what_is_there_twice_counts_once_where_ids_tell(command: Command, tmp_path: Path) -> None:
    head, line = "user_id,time,channel,id\n", "u,2026-01-01,{},{}\n"
    touches = head + line.format("a", 1) * 2 + line.format("b", 2) + line.format("b", "") * 2
    sales = "user_id,time,value,id\n" + "u,2026-01-02,5,o1\n" * 2 + "u,2026-01-02,6,o2\n" * 3
    files = [write(tmp_path, touches), write(tmp_path, sales + "u,2026-01-02,9,o2\n", "c.csv")]
    rows = command.rows("--touches", files[0], "--conversions", files[1], "--models", "linear")
    assert by_model(rows, "conversions")["linear"] == {"a": 0.75, "b": 2.25}
    assert by_model(rows, "value")["linear"] == {"a": 5.0, "b": 15.0}
    assert "touches that repeat another, id included, count once" in command.notes
    assert "conversions that repeat another, id included, count once" in command.notes
    assert "conversions that differ share an id: each counts" in command.notes


def test_a_user_id_that_stands_for_everybody_is_named(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MOST_PAIRS", 9)
    touches = TOUCHES + "unknown,2026-01-01,a\n" * 3
    sales = SALES + "unknown,2026-01-02,1\n" * 3
    files = [write(tmp_path, touches), write(tmp_path, sales, "c.csv")]
    message = command.fails("--touches", files[0], "--conversions", files[1])
    assert "user_id 'unknown' has 3 touches and 3 conversions, too many for one" in message


def test_equal_lines_of_one_order_are_no_repeats(command: Command, tmp_path: Path) -> None:
    sales = "order_line,order_id,user_id,time,value\n1,o,u,2026-01-02,5\n2,o,u,2026-01-02,5\n"
    files = [write(tmp_path, TOUCHES), write(tmp_path, sales, "c.csv")]
    rows = command.rows("--touches", files[0], "--conversions", files[1], "--models", "last")
    assert by_model(rows, "value")["last"]["(unattributed)"] == 10
    assert "each counts as a conversion" in command.notes
