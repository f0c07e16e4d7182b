"""Runs `airflow_setup` beside the rest of the start."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tributary.errors import TributaryError
from tributary.local import processes
from tributary.local.airflow_setup import MIGRATED
from tributary.local.state import Installation


@dataclass(frozen=True)
class SetupJob:
    """The running setup. Its output goes to `log`; what it is told comes by standard input."""

    process: subprocess.Popen[str]
    log: Path

    @classmethod
    def start(
        cls,
        installation: Installation,
        environ: Mapping[str, str],
        connections: Sequence[Mapping[str, Any]],
        migrate: bool,
    ) -> SetupJob:
        log = installation.logs / "airflow-setup.log"
        with open(log, "w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "tributary.local.airflow_setup"],
                env=dict(environ),
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                start_new_session=True,
            )
        assert process.stdin is not None
        process.stdin.write(json.dumps({"migrate": migrate, "connections": list(connections)}))
        process.stdin.close()
        return cls(process, log)

    def wait_until_migrated(self) -> None:
        """Until Airflow's database has its tables."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.strip() == MIGRATED:
                return
        self.wait()

    def wait(self) -> None:
        """Until it is done; TributaryError with the end of its log when it failed."""
        assert self.process.stdout is not None
        self.process.stdout.read()
        if self.process.wait() != 0:
            ended = "\n".join(self.log.read_text(errors="replace").splitlines()[-4:])
            raise TributaryError(f"Airflow's setup failed; {self.log} ends:\n{ended}")

    def stop(self) -> None:
        """End it if it still runs."""
        if self.process.poll() is None:
            processes.stop_group(self.process)
        with suppress(OSError):
            if self.process.stdout is not None:
                self.process.stdout.close()
