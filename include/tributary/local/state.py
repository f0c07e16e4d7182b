"""A local installation: its folder, its random secrets, its lock, and the record of what runs.

.tributary/current            the name of the installation used last
.tributary/<name>/            `sandbox`, or `<folder>-<hash>` of a user's data
    stores.yml secrets.json run.json lock
    airflow/ postgres/ sandbox/ logs/
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import msgspec

from tributary.errors import ConfigurationError
from tributary.local.postgres import Cluster, write_secret
from tributary.settings import ROOT

SANDBOX = "sandbox"


class Secrets(msgspec.Struct, frozen=True):
    """Random per installation; kept in a file that only its owner reads."""

    fernet_key: str
    jwt_secret: str
    api_secret: str
    tributary_key: str
    admin_password: str
    viewer_password: str
    analyst_password: str

    @classmethod
    def random(cls) -> Secrets:
        return cls(
            fernet_key=urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            jwt_secret=secrets.token_urlsafe(64),
            api_secret=secrets.token_urlsafe(48),
            tributary_key=secrets.token_hex(32),
            admin_password=secrets.token_urlsafe(12),
            viewer_password=secrets.token_urlsafe(12),
            analyst_password=secrets.token_urlsafe(18),
        )


class Started(msgspec.Struct, frozen=True):
    """A process we started; `created` (seconds since the epoch) tells it from a later namesake."""

    name: str
    pid: int
    created: float


class Record(msgspec.Struct):
    """What runs, on which ports, and what is done already; survives a stop.

    `airflow_version` is the lock whose Airflow migrated the metadata database; `loaded_until` the
    as-of day up to which everything was read; `world` the sandbox's seed and first day.
    """

    processes: list[Started] = []
    supervisor: Started | None = None
    airflow_port: int = 0
    sandbox_port: int = 0
    postgres_port: int = 0
    airflow_version: str = ""
    loaded_until: date | None = None
    world: tuple[int, date] | None = None


class Busy(ConfigurationError):
    """Another command holds the installation."""


@dataclass(frozen=True)
class Installation:
    """One installation; `data` is the user's folder or file, None for the sandbox."""

    name: str
    folder: Path
    data: Path | None = None

    @property
    def stores_file(self) -> Path:
        return self.folder / "stores.yml"

    @property
    def airflow_home(self) -> Path:
        return self.folder / "airflow"

    @property
    def passwords_file(self) -> Path:
        return self.airflow_home / "passwords.json"

    @property
    def pgpass_file(self) -> Path:
        return self.folder / "pgpass"

    @property
    def drop_folder(self) -> Path:
        return self.folder / "sandbox" / "drop"

    @property
    def token_file(self) -> Path:
        return self.folder / "sandbox" / "tokens.json"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def exists(self) -> bool:
        return (self.folder / "secrets.json").is_file()

    def cluster(self, port: int) -> Cluster:
        return Cluster(self.folder / "postgres", port)

    @cached_property
    def secrets(self) -> Secrets:
        """This installation's secrets, made at the first call."""
        path = self.folder / "secrets.json"
        if not path.exists():
            write_secret(path, msgspec.json.encode(Secrets.random()).decode())
        try:
            return msgspec.json.decode(path.read_bytes(), type=Secrets)
        except msgspec.DecodeError as error:
            raise ConfigurationError(
                f"{path} is damaged ({error}). `tributary reset` starts again from nothing."
            ) from None

    def create(self) -> None:
        """Make the folders; others may pass through to PostgreSQL's, and read nothing."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for folder in (self.folder.parent, self.folder):
                folder.chmod(0o711)
            for private in (self.airflow_home, self.logs, self.drop_folder.parent):
                private.mkdir(mode=0o700, exist_ok=True)
        except PermissionError as error:
            raise ConfigurationError(
                f"{error.filename} cannot be written. Set TRIBUTARY_STATE to a folder of yours."
            ) from None

    def record(self) -> Record:
        try:
            return msgspec.json.decode((self.folder / "run.json").read_bytes(), type=Record)
        except (OSError, msgspec.DecodeError):
            return Record()

    def save(self, record: Record) -> None:
        """Replace the record in one step."""
        partial = self.folder / "run.json.part"
        write_secret(partial, msgspec.json.encode(record).decode())
        os.replace(partial, self.folder / "run.json")

    @contextmanager
    def locked(self, purpose: str) -> Iterator[None]:
        """Hold the installation for this process; it ends with the process, however that ends.

        Raises Busy, which says who holds it.
        """
        with open(self.folder / "lock", "a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = self.holder()
                raise Busy(
                    f"this installation is in use by `tributary {holder[0]}` (process {holder[1]})."
                    " `tributary status` shows its state, `tributary down` stops it."
                ) from None
            file.seek(0)
            file.truncate()
            file.write(json.dumps([purpose, os.getpid()]))
            file.flush()
            yield

    def holder(self) -> tuple[str, int]:
        """Purpose and process id of who took the lock last; ('?', 0) when unknown."""
        try:
            purpose, pid = json.loads((self.folder / "lock").read_text())
            return str(purpose), int(pid)
        except (OSError, ValueError):
            return "?", 0


def state_root() -> Path:
    """TRIBUTARY_STATE, or .tributary in the checkout."""
    return Path(os.environ.get("TRIBUTARY_STATE") or ROOT / ".tributary").expanduser().absolute()


def installation(data: Path | None = None) -> Installation:
    """The installation for a user's data, or the sandbox's."""
    if data is None:
        return Installation(SANDBOX, state_root() / SANDBOX)
    path = data.expanduser().resolve()
    if not path.exists():
        raise ConfigurationError(f"{data} does not exist; name a folder of CSV or Parquet files")
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:8]
    name = f"{slug(path.stem if path.is_file() else path.name)}-{digest}"
    return Installation(name, state_root() / name, path)


def current() -> Installation:
    """The installation used last; on a server (TRIBUTARY_WAREHOUSE_URL) it may hold nothing.

    Raises ConfigurationError when there is none yet.
    """
    root = state_root()
    try:
        name = (root / "current").read_text().strip()
    except OSError:
        name = SANDBOX
    found = Installation(name, root / name)
    if not found.exists and not os.environ.get("TRIBUTARY_WAREHOUSE_URL"):
        raise ConfigurationError(
            f"there is no installation in {root} yet: `make run` (or `tributary up`) makes one"
        )
    return found


def remember(used: Installation) -> None:
    """Make it the one that commands without --data mean."""
    (state_root() / "current").write_text(used.name + "\n")


def slug(text: str) -> str:
    """Lower-case letters, digits and underscores: fit for ids."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "data"
