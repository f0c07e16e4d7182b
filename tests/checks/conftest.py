"""A copy of the checkout to write into, and commands run in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ["include/tributary", "dags", "plugins", "sql", "tests", "docs", "pyproject.toml"]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the checkout without its history; whatever is written into it is thrown away."""
    copy = tmp_path / "checkout"
    for part in PARTS:
        (copy / part).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / part).is_file():
            shutil.copy(ROOT / part, copy / part)
        else:
            ignored = shutil.ignore_patterns("__pycache__", "*.png", "specs")
            shutil.copytree(ROOT / part, copy / part, ignore=ignored)
    return copy


@pytest.fixture
def run(checkout: Path) -> Run:
    """Runs a command of the virtual environment in the copy; its output is one text."""

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).parent / command[0]), *command[1:]],
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": str(checkout / "include")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return run
