"""The command as a fixture."""

from __future__ import annotations

import pytest

from tests.attribution_files.running import Command


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capsys)
