"""What can be known of the image and the compose file without a container engine."""

from __future__ import annotations

import fnmatch
import importlib.util
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tributary.cli import cli
from tributary.local import dotenv
from tributary.local.dotenv import ROOT

from .conftest import bare_environment

VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(:\?|:-)?([^}]*)\}")
OURS = ("init", "api-server", "scheduler", "dag-processor", "triggerer", "worker", "cli", "sandbox")
# What `docker compose` itself reads from .env.
COMPOSE_OWN = {"COMPOSE_PROFILES"}


def example() -> tuple[set[str], set[str]]:
    """Variables of the compose part of .env.example: required (empty) and optional (commented)."""
    text = (ROOT / ".env.example").read_text().split("# ---- a shell")[0]
    required = set(re.findall(r"^([A-Z_]+)=$", text, re.MULTILINE))
    optional = set(re.findall(r"^# ([A-Z_]+)=", text, re.MULTILINE))
    assert len(required) == 10 and len(optional) > 5
    return required, optional


def test_every_variable_of_the_compose_file_is_explained_and_the_other_way_round(
    compose_text: str,
) -> None:
    used = {match[1]: match[2] for match in VARIABLE.finditer(compose_text)}
    required, optional = example()
    whole = (ROOT / ".env.example").read_text()
    assert {name for name, kind in used.items() if kind == ":?"} == required
    assert all(re.search(rf"^(# )?{name}=", whole, re.MULTILINE) for name in used), used
    assert (required | optional) - set(used) == COMPOSE_OWN


def test_no_secret_has_a_default(compose_text: str) -> None:
    secret = re.compile(r"PASSWORD|KEY|SECRET")
    found = [match for match in VARIABLE.finditer(compose_text) if secret.search(match[1])]
    assert len(found) > 10
    assert [match[0] for match in found if match[2] != ":?" or not match[3]] == []
    # What is said where one is missing.
    assert {match[3] for match in found} == {"run make env, or see .env.example"}


def test_nothing_listens_beyond_this_machine(compose: dict[str, Any]) -> None:
    ports = [p for service in compose["services"].values() for p in service.get("ports", [])]
    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_service_is_watched_and_waits_for_what_it_needs(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {"postgres", "redis", *OURS} == set(services)
    for name, service in services.items():
        if name not in ("init", "cli"):
            assert service["healthcheck"]["test"], name
        for needed, how in service.get("depends_on", {}).items():
            healthy = how["condition"] == "service_healthy"
            assert not healthy or "healthcheck" in services[needed], (name, needed)
        if name in OURS and name != "init":
            assert service["depends_on"]["init"]["condition"] == "service_completed_successfully"


def test_the_two_databases_have_roles_of_their_own(compose: dict[str, Any]) -> None:
    environ = compose["services"]["worker"]["environment"]
    assert "//tributary:${WAREHOUSE_PASSWORD" in environ["TRIBUTARY_WAREHOUSE_URL"]
    assert environ["TRIBUTARY_WAREHOUSE_URL"].endswith("/warehouse")
    assert "//airflow:${AIRFLOW_DB_PASSWORD" in environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    holders = [n for n, s in compose["services"].items() if "POSTGRES_PASSWORD" in json.dumps(s)]
    assert holders == ["postgres", "init"]  # the superuser's password is in no running service


def test_make_env_fills_every_secret_differently() -> None:
    text = dotenv.filled((ROOT / ".env.example").read_text())
    values = dict(re.findall(r"^([A-Z_]+)=(.+)$", text, re.MULTILINE))
    required, _ = example()
    assert set(values) == required
    assert len(set(values.values())) == len(required)
    assert all(re.fullmatch(r"[A-Za-z0-9_=-]{43,64}", value) for value in values.values())
    assert re.fullmatch(r"[0-9a-f]{64}", values["TRIBUTARY_KEY"])
    assert "AIRFLOW_UID=1234\n" in dotenv.for_user(text, 1234)


def test_docker_compose_accepts_the_file(docker_compose: list[str], tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text(dotenv.filled((ROOT / ".env.example").read_text()))
    config = ["-f", str(ROOT / "docker-compose.yaml"), "--profile", "*", "config", "--format=json"]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*docker_compose, *arguments, *config],
            env=bare_environment(),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    done = run("--env-file", str(file))
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["services"]) == {"postgres", "redis", *OURS}
    refused = run("--env-file", "/dev/null")
    assert refused.returncode != 0
    assert "run make env, or see .env.example" in refused.stderr


# ---- the image ----


def copied() -> list[str]:
    """What the Dockerfile copies from the checkout."""
    lines = re.findall(r"^COPY (?:--\S+ )*(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    return [source.rstrip("/") for line in lines for source in line.split()[:-1]]


def in_context(path: str) -> bool:
    """Whether .dockerignore lets a file of the checkout through; the last matching line decides."""
    ignored = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.lstrip("!")
        parents = [path, *map(str, Path(path).parents)]
        if pattern.startswith("**/"):
            matches = any(fnmatch.fnmatch(part, pattern[3:]) for part in Path(path).parts)
        else:
            matches = any(fnmatch.fnmatch(parent, pattern) for parent in parents if parent != ".")
        if matches:
            ignored = not line.startswith("!")
    return not ignored


def test_the_image_holds_the_product_and_nothing_else() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    if not listed:
        pytest.skip("not a git checkout")
    inside = {path for path in listed if in_context(path)}
    assert {path.split("/")[0] for path in inside} == set(copied())
    assert len([path for path in inside if path.endswith(".sql")]) > 40
    for needed in (
        "dags/unify.py",
        "plugins/tributary_plugin.py",
        "include/tributary/cli/__init__.py",
        "include/tributary/web/templates/page.html",
        "include/tributary/connectors/files/mappings/generic_orders.yml",
        "sql/models/core/credit.yml",
    ):
        assert needed in inside
    for secret in (".env", ".env.example", ".git/config", ".tributary/sandbox/secrets.json"):
        assert not in_context(secret), secret
    assert not in_context("include/tributary/cli/__pycache__/__init__.cpython-311.pyc")
    assert not in_context("include/tributary.egg-info/PKG-INFO")
    assert not in_context("tests/conftest.py")


def test_what_the_dockerfile_copies_is_there() -> None:
    assert len(copied()) == 9
    for source in copied():
        path = ROOT / source
        assert path.exists(), source
        assert in_context(source) or any(map(in_context, [f"{source}/a.py"])), source


def test_the_base_image_is_the_locked_airflow() -> None:
    base = re.search(
        r"^FROM apache/airflow:(\S+)-python(\S+)$",
        (ROOT / "Dockerfile").read_text(),
        re.MULTILINE,
    )
    assert base is not None
    lock = locked("requirements-deploy.txt")
    assert lock["apache-airflow"] == lock["apache-airflow-core"] == base[1]
    assert base[2] == "3.11"


def test_the_image_runs_what_the_tests_ran() -> None:
    """Same packages but for what FAB, the login of servers, cannot live with."""
    here, image = locked("requirements.txt"), locked("requirements-deploy.txt")
    assert len(here) > 100
    assert set(here) <= set(image)
    assert {name for name in here if here[name] != image[name]} == {"python-dateutil"}
    assert image["celery"].startswith("5.6.")


def locked(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text().splitlines()
    pins = [line.split(" ;")[0].split("==") for line in lines if "==" in line]
    found: dict[str, str] = {}
    for package, version in pins:
        found[package] = max(version.strip(), found.get(package, ""))
    return found


def commands(compose: dict[str, Any]) -> list[list[str]]:
    """Every command line that some container runs, as the base image's entrypoint takes it."""
    found: list[list[str]] = []
    for name in OURS:
        service = compose["services"][name]
        command = service["command"]
        if name == "init":
            script = command[0].replace("\\\n", " ").replace("$$", "$")
            found += [shlex.split(line) for line in script.splitlines() if line.strip()]
        elif "entrypoint" in service:
            found.append(list(command))
        else:
            found.append(["airflow", *shlex.split(command)])
        test = service.get("healthcheck", {}).get("test", [])
        if test[:1] == ["CMD-SHELL"]:
            found.append(shlex.split(test[1].replace("$$", "$")))
    return found


PARSE = """
import json, sys
from airflow.cli.cli_parser import get_parser
parser = get_parser()
for arguments in json.load(sys.stdin):
    parser.parse_args(arguments)
"""


def test_every_command_of_a_container_exists_and_takes_its_options(
    compose: dict[str, Any], tmp_path: Path
) -> None:
    """celery and users are of packages that only the image has: `make prove-celery` runs them."""
    found = commands(compose)
    assert len(found) == 12, found
    absent = [
        name
        for name, package in (("celery", "celery"), ("users", "fab"))
        if importlib.util.find_spec(f"airflow.providers.{package}") is None
    ]
    ours = [arguments for program, *arguments in found if program == "tributary"]
    for name, *options in ours:
        if name != "--help":
            cli.commands[name].make_context(name, options)
    airflows = [a for program, *a in found if program == "airflow" and a[0] not in absent]
    assert len(ours) == 3 and len(airflows) >= 6
    done = subprocess.run(
        [sys.executable, "-c", PARSE],
        input=json.dumps(airflows),
        env={**bare_environment(), "AIRFLOW_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_setup_writes_env_once_only(tmp_path: Path) -> None:
    package = tmp_path / "include/tributary/local"
    package.mkdir(parents=True)
    script = package / "dotenv.py"
    script.write_text((ROOT / "include/tributary/local/dotenv.py").read_text())
    (tmp_path / ".env.example").write_text((ROOT / ".env.example").read_text())
    command = [sys.executable, "-I", str(script)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    written = (tmp_path / ".env").read_text()
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "nothing was written" in again.stderr
    assert (tmp_path / ".env").read_text() == written
