"""Reads what a server is made of: docker-compose.yaml, Dockerfile, .env.example, the locks."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def compose_text() -> str:
    return (ROOT / "docker-compose.yaml").read_text()


@pytest.fixture(scope="session")
def compose(compose_text: str) -> dict[str, Any]:
    """The file as YAML: anchors merged, variables as they are written."""
    found: dict[str, Any] = yaml.safe_load(compose_text)
    return found


@pytest.fixture(scope="session")
def docker_compose() -> list[str]:
    """The command of Docker Compose: of the packages of `make prove-celery`, or of this machine."""
    spec = importlib.util.find_spec("compose")
    if spec is not None and spec.origin is not None:
        program = Path(spec.origin).with_name("docker-compose")
        if program.is_file():
            return [str(program)]
    for command in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(command[0])
            and not subprocess.run(
                [*command, "version"], capture_output=True, check=False
            ).returncode
        ):
            return command
    pytest.skip("Docker Compose is absent; `make prove-celery` brings it")


def bare_environment() -> dict[str, str]:
    """Without what the shell may have set for compose, Airflow or us."""
    ours = re.compile(r"^(TRIBUTARY|AIRFLOW|COMPOSE|POSTGRES|WAREHOUSE|ANALYST|REDIS|WORKER)_")
    return {name: value for name, value in os.environ.items() if not ours.match(name)}
