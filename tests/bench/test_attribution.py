"""The measuring itself: made touches are the same ones, and what passes a limit is told."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from bench.attribution import measured
from bench.attribution.__main__ import _error
from bench.attribution.peers import from_touches
from bench.attribution.touches import make


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def test_made_touches_are_the_same_and_every_conversion_has_one(tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    files, again = make(tmp_path, 4_000), make(tmp_path / "again", 4_000)
    assert parquet.read_table(files.touches).equals(parquet.read_table(again.touches))
    found = measured.measure(from_touches(files, "--models", "linear"), tmp_path)
    assert found.failure == "" and 0 < found.inside < found.wall and found.peak_mb > 10
    assert sum(found.answer.values()) == pytest.approx(files.sales) and files.sales > 20
    assert "linear/(unattributed)" not in found.answer


def test_what_passes_a_limit_did_not_finish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured, "SECONDS", 0.2)
    slow = measured.measure(python("import time; time.sleep(60)"), tmp_path)
    assert slow.failure == "did not finish in 0 s" and slow.answer == {}
    monkeypatch.setattr(measured, "SECONDS", 20.0)
    monkeypatch.setattr(measured, "BYTES", 1 << 26)
    large = measured.measure(python("x = b'x' * (1 << 27); import time; time.sleep(60)"), tmp_path)
    assert large.failure.startswith("did not finish in") and large.peak_mb > 64
    broken = measured.measure(python("raise SystemExit('no such thing')"), tmp_path)
    assert broken.failure == "failed: no such thing"


def test_an_error_compares_the_same_channels_or_nothing() -> None:
    assert _error({"markov/a": 1.1, "markov/b": 2.0}, {"markov/a": 1.0, "markov/b": 2.0}) == (
        pytest.approx(0.1)
    )
    with pytest.raises(ArithmeticError, match="the same channels"):
        _error({"first/a": 1.0}, {"markov/a": 1.0})
