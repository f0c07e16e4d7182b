"""Runs `tributary attribute` in this process and reads what it prints."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import pytest

from tributary.cli import main

SHARED = Path(__file__).resolve().parents[2] / "../shared/data/touchpoints"
Table = list[dict[str, str]]


class Command:
    """`run` gives the CSV's rows; `fails` the message on standard error."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.notes = ""

    def text(self, *arguments: object) -> str:
        code, out = self._main(*arguments)
        assert code == 0, self.notes
        return out

    def rows(self, *arguments: object) -> Table:
        return list(csv.DictReader(io.StringIO(self.text(*arguments, "--format", "csv"))))

    def fails(self, *arguments: object) -> str:
        code, out = self._main(*arguments)
        assert (code, out) == (2, "")
        assert self.notes.startswith("tributary: ") and "Traceback" not in self.notes
        return self.notes

    def _main(self, *arguments: object) -> tuple[int, str]:
        words = ["tributary", "attribute", *(str(argument) for argument in arguments)]
        self._monkeypatch.setattr(sys, "argv", words)
        self._capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, self.notes = self._capsys.readouterr()
        return code, out


def shared(name: str) -> Path:
    """A file of the shared data; skips where there is none."""
    file = SHARED / name
    if not file.exists():
        pytest.skip("../shared/data is absent")
    return file


def by_model(rows: Table, column: str) -> dict[str, dict[str, float]]:
    """Model -> channel -> the column's number."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        found.setdefault(row["model"], {})[row["channel"]] = float(row[column] or "nan")
    return found
