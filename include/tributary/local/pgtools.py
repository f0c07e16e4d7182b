"""PostgreSQL's client programs: the right version found, run without a password on any line."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from psycopg.conninfo import conninfo_to_dict

from tributary.errors import ConfigurationError
from tributary.local.postgres import bindirs
from tributary.warehouse.connection import Connection

NEEDED = ("pg_dump", "pg_restore", "psql")
# Written by newer programs, refused by servers before 17.
_TOO_NEW = b"SET transaction_timeout = 0;\n"
_SETTINGS = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}


@dataclass(frozen=True)
class Programs:
    """pg_dump, pg_restore and psql of one PostgreSQL release."""

    folder: Path
    major: int

    def dump(self, url: str, file: Path, snapshot: str, schemas: Iterable[str] = ()) -> None:
        """The database, or some schemas of it, as one file of the custom format."""
        options = [f"--schema={schema}" for schema in schemas]
        options += ["--format=custom", "--no-owner", f"--snapshot={snapshot}", f"--file={file}"]
        self._run("pg_dump", *options, url=url)

    def replace(self, url: str, file: Path, first: str, server_major: int) -> None:
        """Run the SQL `first` and the dump, all in one transaction: either all of it or nothing.

        Objects belong to the role of `url`.
        """
        script = file.with_suffix(".sql")
        try:
            self._run("pg_restore", "--no-owner", f"--file={script}", str(file))
            with script.open("rb") as source, tempfile.TemporaryFile() as said:
                psql = self._psql(url, said)
                _feed(psql, first, source, server_major)
                if psql.wait():
                    said.seek(0)
                    words = said.read().decode(errors="replace").strip()
                    raise ConfigurationError(
                        f"psql refused it, nothing was changed: {words[-500:]}"
                    )
        finally:
            script.unlink(missing_ok=True)

    def _psql(self, url: str, said: IO[bytes]) -> subprocess.Popen[bytes]:
        options = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
        return subprocess.Popen(
            [str(self.folder / "psql"), *options, "--file=-"],
            env=_environment(url),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )

    def _run(self, program: str, *arguments: str, url: str = "") -> None:
        done = subprocess.run(
            [str(self.folder / program), *arguments],
            env=_environment(url) if url else None,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ConfigurationError(f"{program} failed: {done.stderr.strip()[-500:]}")


def server_major(conn: Connection) -> int:
    return conn.info.server_version // 10_000


def programs(major: int) -> Programs:
    """Of the server's own release if they are here, else of the nearest newer one."""
    found = sorted(
        (known for known in map(_at, _folders()) if known and known.major >= major),
        key=lambda known: known.major,
    )
    if not found:
        raise ConfigurationError(
            f"the server is PostgreSQL {major}, and no {', '.join(NEEDED)} of {major} or newer are"
            f" here. Install the package postgresql-client-{major}."
        )
    return found[0]


def _folders() -> list[Path]:
    """Where programs may be: beside a server's, and of packages that hold the client alone."""
    found = bindirs()
    if dump := shutil.which("pg_dump"):
        found.append(Path(dump).parent)
    return [*found, *Path("/usr/lib/postgresql").glob("*/bin")]


def _at(folder: Path) -> Programs | None:
    if not all((folder / program).is_file() for program in NEEDED):
        return None
    told = subprocess.run(
        [str(folder / "pg_dump"), "--version"], capture_output=True, text=True, check=False
    ).stdout
    match = re.search(r"\) (\d+)", told)
    return Programs(folder, int(match[1])) if match else None


def _environment(url: str) -> Mapping[str, str]:
    plain = re.sub(r"^postgresql\+\w+:", "postgresql:", url)
    given = conninfo_to_dict(plain)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    ours = {_SETTINGS[k]: str(v) for k, v in given.items() if k in _SETTINGS and v is not None}
    return {
        **kept,
        **ours,
        "PGOPTIONS": "-c client_min_messages=warning",
        "PGCONNECT_TIMEOUT": "10",
    }


def _feed(psql: subprocess.Popen[bytes], first: str, source: IO[bytes], server_major: int) -> None:
    assert psql.stdin is not None
    try:
        psql.stdin.write(first.encode() + b"\n")
        for _, line in zip(range(40), source, strict=False):
            if line != _TOO_NEW or server_major >= 17:
                psql.stdin.write(line)
        shutil.copyfileobj(source, psql.stdin, 1 << 20)
    except BrokenPipeError:
        pass  # psql has stopped at an error, and its exit code tells
    finally:
        with contextlib.suppress(BrokenPipeError):
            psql.stdin.close()
