"""Grades a seed from nothing: sandbox, direct pipeline and truth in a throw-away database."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import msgspec

from tributary.clock import Clock
from tributary.connectors.spec import Credentials, all_connectors
from tributary.errors import ConfigurationError
from tributary.local.grade import GradeReport
from tributary.local.grade_world import grade_world
from tributary.local.postgres import free_port
from tributary.local.shops import sandbox_stores
from tributary.local.vendors import ANALYTICS, google_keys
from tributary.pipeline.ingest import ingest
from tributary.pipeline.unify import unify
from tributary.sandbox.world import World
from tributary.settings import ROOT, Account, StoreConfig, accounts
from tributary.warehouse import migrate, stores
from tributary.warehouse.connection import Connection, connect, name
from tributary.window import Window

_START_SECONDS, _POLL_SECONDS = 90.0, 0.1
_TOKENS = "tokens.json"
Say = Callable[[str], None]


def _silent(_: str) -> None:
    """Say nothing."""


def grade_seed(
    server_url: str, seed: int, as_of: date, clock: Clock, say: Say = _silent
) -> GradeReport:
    """Run the whole loop for `seed` in a new database of the server at `server_url`, grade it,
    and drop the database. The installed warehouse is not touched."""
    world = World.at(seed, as_of)
    with throwaway(server_url) as conn, tempfile.TemporaryDirectory() as folder:
        migrate.migrate(conn, clock)
        with sandbox(world, Path(folder), clock) as served:
            run(conn, served, world, clock, say)
        return grade_world(conn, world)


class Served(msgspec.Struct, frozen=True):
    """A running sandbox: its base URL, its drop folder (Google's keys are beside it) and the shops'
    tokens."""

    url: str
    folder: Path
    tokens: dict[str, str]

    def stores(self) -> list[StoreConfig]:
        """The stores file's content for this sandbox."""
        return sandbox_stores(self.folder)

    def credentials(self, account: Account) -> Credentials:
        if account.connector == "shopify":
            token = self.tokens[account.account_id]
            return Credentials(host=f"{self.url}/shopify/{account.account_id}", password=token)
        if account.connector == "bigquery":
            keys = google_keys(self.folder.parent / _TOKENS, self.url)
            return Credentials(host=self.url, password=keys[account.store_id])
        if account.connector == "ga4":
            keys = google_keys(self.folder.parent / _TOKENS, self.url)
            return Credentials(host=self.url + ANALYTICS, password=keys[account.store_id])
        return Credentials()

    def move_clock(self, as_of: date) -> None:
        body = {"as_of": as_of.isoformat()}
        reply = httpx.post(f"{self.url}/control/clock", json=body, timeout=120, trust_env=False)
        reply.raise_for_status()


@contextmanager
def sandbox(world: World, folder: Path, clock: Clock) -> Iterator[Served]:
    """A server of `world` on a free port, its files below `folder`; stopped at the end."""
    port, tokens, log = free_port(), folder / _TOKENS, folder / "sandbox.log"
    command = [sys.executable, "-m", "tributary.sandbox.server", "--port", str(port)]
    command += ["--seed", str(world.seed), "--as-of", world.as_of.isoformat()]
    command += ["--first-day", world.first_day.isoformat()]
    command += ["--drop-dir", str(folder / "drop"), "--token-file", str(tokens)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "include")}
    with log.open("w") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(process, f"{url}/control/health", log, clock)
        found = msgspec.json.decode(tokens.read_bytes(), type=dict[str, str])
        yield Served(url, folder / "drop", found)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def run(
    conn: Connection,
    served: Served,
    world: World,
    clock: Clock,
    say: Say = _silent,
    since: date | None = None,
) -> bool:
    """Ingest every stream of every account and unify; False when nothing was pending.

    Reads what changed from `since` to the world's moment, widened as each stream asks; by default
    everything. Keyed hashes need a secret; where none is set, any will do.
    """
    os.environ.setdefault("TRIBUTARY_KEY", secrets.token_hex(32))
    configured, connectors = served.stores(), all_connectors()
    stores.sync(conn, configured, list(connectors.values()))
    run_id = f"grade-{world.seed}-{world.as_of}-{secrets.token_hex(4)}"
    start = datetime.combine(since or world.first_day, time(), UTC)
    window = Window(start, world.moment)
    for account in accounts(configured):
        connector = connectors[account.connector]
        for stream in connector.streams:
            result = ingest(
                conn,
                account,
                connector,
                stream,
                served.credentials(account),
                window.widened(stream.restate_days),
                "incremental",
                run_id,
                clock,
            )
            if result.counts.rows_in:
                say(f"{account.connection_id} {stream.name}: {result.counts.rows_in} rows")
    return unify(conn, run_id, clock)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path, clock: Clock) -> None:
    started = clock.monotonic()
    while clock.monotonic() - started < _START_SECONDS:
        with suppress(httpx.TransportError):
            if httpx.get(url, timeout=5, trust_env=False).status_code == 200:
                return
        if process.poll() is not None:
            break
        clock.sleep(_POLL_SECONDS)
    said = log.read_text()[-400:].strip()
    raise ConfigurationError(f"the sandbox did not start: {said or 'it said nothing'}")


@contextmanager
def throwaway(server_url: str) -> Iterator[Connection]:
    """A connection to a new, empty database that is dropped at the end."""
    database = f"grade_{secrets.token_hex(6)}"
    with connect(server_url) as server:
        server.execute(f"create database {name(database)} template template0")
        try:
            with connect(_with_database(server_url, database)) as conn:
                yield conn
        finally:
            server.execute(f"drop database {name(database)} with (force)")


def _with_database(url: str, database: str) -> str:
    parts = urlsplit(re.sub(r"^postgresql\+\w+:", "postgresql:", url))
    return urlunsplit(parts._replace(path=f"/{database}"))
