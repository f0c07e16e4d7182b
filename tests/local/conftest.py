"""Helpers of the launcher's and the command's tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A temporary folder that PostgreSQL's user may pass through, as a checkout's would be."""
    for parent in (tmp_path, *tmp_path.parents):
        if parent.name.startswith("pytest-"):
            parent.chmod(0o711)
    tmp_path.chmod(0o711)
    return tmp_path


@pytest.fixture
def tributary(open_folder: Path) -> Command:
    """Runs the console command as people do, with an installation folder of its own."""

    def run(
        *arguments: str, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tributary.cli", *arguments],
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT / "include"),
                "TRIBUTARY_STATE": str(open_folder / "state"),
                **(environ or {}),
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
