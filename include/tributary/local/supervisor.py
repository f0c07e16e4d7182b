"""`tributary up`: starts PostgreSQL, the sandbox and Airflow, has everything loaded and published,
serves until told to stop, and leaves no process behind.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from types import FrameType

import httpx
import psutil

from tributary.clock import Clock
from tributary.errors import ConfigurationError, TributaryError
from tributary.local import airflow, databases, ports, processes, vendors
from tributary.local.airflow import Api
from tributary.local.airflow_job import SetupJob
from tributary.local.bootstrap import certificate_problem
from tributary.local.databases import Databases
from tributary.local.postgres import Cluster
from tributary.local.processes import Child
from tributary.local.rounds import UNIFY, Range, Rounds, Say
from tributary.local.shops import write_stores
from tributary.local.state import Installation, Record, Started, remember
from tributary.settings import StoreConfig, load_stores

SANDBOX_DAYS = 120
# Files say themselves which days they hold; their connector reads them whole.
FIRST_DAY_OF_FILES = date(2000, 1, 1)
_HEALTH_SECONDS = 300.0
_NEEDED_MB = 400
# More restarts than this within these seconds: it does not work, and `up` ends.
_RESTARTS, _RESTART_SECONDS = 3, 120.0


class StopRequested(BaseException):
    """Ctrl-C, SIGTERM or a closed terminal."""


@dataclass(frozen=True)
class Outcome:
    """How the first round ended. `runs` are (dag, run, state)."""

    runs: tuple[tuple[str, str, str], ...]
    pending: int
    seconds: float
    was_due: bool = True

    @property
    def is_success(self) -> bool:
        """Every run succeeded, there were some if any was due, and nothing is left to publish."""
        ran = bool(self.runs) or not self.was_due
        return ran and not self.pending and all(r[2] == "success" for r in self.runs)


@dataclass
class Supervisor:
    """Everything that runs for one installation."""

    installation: Installation
    say: Say
    clock: Clock
    record: Record = field(default_factory=Record)
    children: list[Child] = field(default_factory=list)
    stores: list[StoreConfig] = field(default_factory=list)
    cluster: Cluster | None = None
    _restarts: dict[str, list[float]] = field(default_factory=dict)

    def up(self, once: bool, show: Callable[[Outcome, Databases, str], None]) -> Outcome:
        """Start, load, `show` the outcome, and unless `once` serve until StopRequested."""
        started = self.clock.monotonic()
        self.installation.create()
        with self.installation.locked("up"), ExitStack() as stack:
            stack.enter_context(_signals())
            self._look_around(stack)
            stack.callback(self._forget)
            found = databases.start(self.installation)
            if found.cluster is not None:
                stack.callback(found.cluster.stop)
                self.say(f"PostgreSQL is ready on 127.0.0.1:{found.cluster.port}")
            stack.callback(self.stop_children)
            rounds = self._start_all(found, stack)
            was_due = self._first_round(rounds)
            runs = tuple(
                (r.dag_id, r.run_id, r.state) for r in rounds.succeeded() + rounds.failed()
            )
            seconds = self.clock.monotonic() - started
            outcome = Outcome(runs, rounds.pending(), seconds, was_due)
            if outcome.is_success:
                self.record.loaded_until = vendors.as_of(self.clock)
                self._save()
            show(outcome, found, self.airflow_url)
            if not once:
                self.cluster = found.cluster
                self._turn_schedule_on(rounds.api)
                self._serve()
            return outcome

    @property
    def airflow_url(self) -> str:
        return f"http://127.0.0.1:{self.record.airflow_port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.record.sandbox_port}"

    def stop_children(self) -> None:
        """Stop Airflow and the sandbox; PostgreSQL comes after them."""
        if self.children:
            self.say("stopping ...")
            # A task that is about to end still tells the API server so, or its worker never ends.
            servers = [c for c in self.children if c.name in ("api-server", "sandbox")]
            killed = processes.stop(c for c in self.children if c not in servers)
            killed += processes.stop(servers)
            if killed:
                self.say(
                    f"had to be killed after {processes.STOP_SECONDS:.0f} s: {', '.join(killed)}"
                )
            self.children.clear()

    def check_children(self) -> None:
        """Raises TributaryError when a process has ended by itself."""
        for child in self.children:
            if not child.is_running:
                raise TributaryError(
                    f"{child.name} ended by itself; its log {child.log} ends:\n{child.last_words()}"
                )

    def _look_around(self, stack: ExitStack) -> None:
        """What would stop us later is said now; what a killed predecessor left is stopped."""
        if problem := certificate_problem(os.environ):
            raise ConfigurationError(problem)
        free = shutil.disk_usage(self.installation.folder).free / 1e6
        if free < _NEEDED_MB:
            raise ConfigurationError(
                f"only {free:.0f} MB are free on the disk of {self.installation.folder};"
                f" a run needs {_NEEDED_MB} MB. Free some space, or set TRIBUTARY_STATE to a"
                " folder on another disk."
            )
        self.record = self.installation.record()
        found = processes.stop_leftovers(self.record.processes, self.installation.folder)
        if found:
            self.say(f"stopped what an earlier start had left running: {', '.join(found)}")
        self.record.processes.clear()
        own = psutil.Process()
        self.record.supervisor = Started("up", own.pid, own.create_time())
        asked = ports.asked("AIRFLOW__API__PORT", "TRIBUTARY_PORT")
        usual = [self.record.airflow_port, *range(8080, 8090)]
        self.record.airflow_port, held = ports.choose_and_reserve([asked] if asked else usual)
        stack.enter_context(held)
        if asked and self.record.airflow_port != asked:
            raise ConfigurationError(f"another installation is starting on port {asked}")
        self.record.sandbox_port = ports.choose([self.record.sandbox_port])
        self._save()
        remember(self.installation)

    def _start_all(self, found: Databases, stack: ExitStack) -> Rounds:
        self.record.postgres_port = self.installation.record().postgres_port
        own_stores = os.environ.get("TRIBUTARY_CONFIG")
        stores_file = Path(own_stores) if own_stores else self.installation.stores_file
        environ = airflow.environment(
            self.installation, self.record.airflow_port, found.airflow_url, stores_file
        )
        sandbox = None
        if self.installation.data is None and not own_stores:
            world = self._world()
            sandbox = vendors.start(self.installation, self.record.sandbox_port, world, environ)
            self._add(sandbox)
        airflow.write_passwords(self.installation)
        self.stores = load_stores(stores_file) if own_stores else write_stores(self.installation)
        migrate = self.record.airflow_version != airflow.versions()
        job = SetupJob.start(self.installation, environ, self._seeds(found), migrate)
        stack.callback(job.stop)
        databases.prepare_warehouse(found, self.stores, self.clock)
        self.say("the warehouse is migrated")
        if migrate:
            job.wait_until_migrated()
            self.record.airflow_version = airflow.versions()
            self.say("Airflow's own database is migrated")
        for name, arguments in airflow.PROCESSES.items():
            command = airflow.command(*arguments)
            log = self.installation.logs / f"{name}.log"
            self._add(processes.start(name, command, environ, log, airflow.patience(name)))
        if sandbox is not None:
            vendors.wait(sandbox, self.sandbox_url, self._world(), self.clock)
            self.say(f"the sandbox's vendors answer at {self.sandbox_url}")
        job.wait()
        api = Api(self.airflow_url, self.installation.secrets.admin_password)
        stack.callback(api.close)
        self._wait_until_healthy(api)
        return Rounds(
            api=api,
            warehouse=stack.enter_context(databases.open_warehouse(found)),
            dag_ids=frozenset(self._dag_ids()),
            logs=self.installation.airflow_home / "logs",
            say=self.say,
            clock=self.clock,
            alive=self.check_children,
        )

    def _first_round(self, rounds: Rounds) -> bool:
        """Load and publish what is new; False where nothing can be."""
        until = vendors.as_of(self.clock)
        end = until + timedelta(days=1)
        last = self.record.loaded_until
        if last == until and any(child.name == "sandbox" for child in self.children):
            self.say(f"the sandbox's clock still stands at {until}: there is nothing new to read")
            rounds.publish()
            return False
        if last is not None:
            wanted = Range(last - timedelta(days=1), end, "incremental")
        elif self.installation.data is not None:
            wanted = Range(FIRST_DAY_OF_FILES, end)
        else:
            # A day more: the first UTC day begins on the day before it west of Greenwich.
            wanted = Range(self._world()[2] - timedelta(days=1), end)
        rounds.load(self._feeds(), wanted)
        rounds.publish()
        return True

    def _turn_schedule_on(self, api: Api) -> None:
        if os.environ.get("TRIBUTARY_AS_OF") and any(c.name == "sandbox" for c in self.children):
            self.say("TRIBUTARY_AS_OF holds the sandbox's clock, so no schedule is turned on")
            return
        for feed in sorted(set(self._all_feeds())):
            for suffix in ("", "_hourly"):
                api.unpause(f"ingest_{feed}{suffix}")

    def _serve(self) -> None:
        """Watch the children until StopRequested; one that ends by itself is started again."""
        self.say("serving until Ctrl-C")
        day = vendors.as_of(self.clock)
        while True:
            self.clock.sleep(1)
            if self.cluster is not None and not self.cluster.is_running():
                self._revive(self.cluster)
            for child in [c for c in self.children if not c.is_running]:
                self._restart(child)
            today = vendors.as_of(self.clock)
            if today != day and any(c.name == "sandbox" for c in self.children):
                try:
                    vendors.move(self.sandbox_url, today)
                except httpx.HTTPError as error:
                    self.say(f"the sandbox's clock could not be moved: {error}")
                else:
                    self.say(f"the sandbox's clock is at {today} now")
            day = today

    def _restart(self, child: Child) -> None:
        if self._count_restart(child.name) > _RESTARTS:
            self.check_children()
        self.say(f"{child.name} ended by itself (log: {child.log}); starting it again")
        self.children.remove(child)
        processes.stop_session(child.process.pid)
        if child.name == "sandbox":  # at this day, not at that of the first start
            port = self.record.sandbox_port
            again = vendors.start(self.installation, port, self._world(), child.environ)
        else:
            again = processes.start(
                child.name, child.command, child.environ, child.log, child.patience
            )
        self._add(again)

    def _revive(self, cluster: Cluster) -> None:
        """Start a PostgreSQL that was killed; its last sessions may need a moment to be gone."""
        self.say("PostgreSQL ended by itself; starting it again")
        try:
            cluster.start()
        except ConfigurationError:
            if self._count_restart("PostgreSQL") > 10 * _RESTARTS:
                raise

    def _count_restart(self, name: str) -> int:
        """How often it was started again lately, this time included."""
        now = self.clock.monotonic()
        lately = [at for at in self._restarts.get(name, []) if now - at < _RESTART_SECONDS]
        self._restarts[name] = [*lately, now]
        return len(lately) + 1

    def _wait_until_healthy(self, api: Api) -> None:
        deadline = self.clock.monotonic() + _HEALTH_SECONDS
        while waiting := api.unhealthy():
            self.check_children()
            if self.clock.monotonic() > deadline:
                raise TributaryError(
                    f"not healthy after {_HEALTH_SECONDS:.0f} s: {', '.join(waiting)}. The logs are"
                    f" in {self.installation.logs}."
                )
            self.clock.sleep(0.3)
        self.say(f"Airflow is healthy at {self.airflow_url}")

    def _world(self) -> tuple[int, date, date]:
        """Seed, as-of day and first day; the first day and seed stay what they were at first."""
        seed, as_of = vendors.seed(), vendors.as_of(self.clock)
        if self.record.world is None:
            self.record.world = (seed, as_of - timedelta(days=SANDBOX_DAYS))
        known, first_day = self.record.world
        if known != seed:
            raise ConfigurationError(
                f"this installation holds the sandbox of seed {known}, not {seed}. `tributary"
                " reset` makes room for another, or set TRIBUTARY_STATE to another folder."
            )
        if as_of <= first_day or (self.record.loaded_until and as_of < self.record.loaded_until):
            raise ConfigurationError(
                f"the sandbox's clock cannot go back to {as_of}: this installation has read up to"
                f" {self.record.loaded_until or first_day}. `tributary reset` starts over."
            )
        return seed, as_of, first_day

    def _seeds(self, found: Databases) -> list[dict[str, object]]:
        """The connections of Airflow: the warehouse, and each sandbox account's token."""
        seeds: list[dict[str, object]] = [{"conn_id": "warehouse", "url": found.warehouse_url}]
        if self.installation.data is None and not os.environ.get("TRIBUTARY_CONFIG"):
            seeds += vendors.seeds(self.installation, self.sandbox_url)
        return seeds

    def _feeds(self) -> list[str]:
        """The feeds of which some store has an account."""
        from tributary.connectors.spec import all_connectors

        used = {account.connector for store in self.stores for account in store.accounts}
        return sorted({c.feed for c in all_connectors().values() if c.name in used})

    def _all_feeds(self) -> list[str]:
        from tributary.connectors.spec import all_connectors

        return sorted({c.feed for c in all_connectors().values()})

    def _dag_ids(self) -> list[str]:
        feeds = self._all_feeds()
        return [UNIFY, *(f"ingest_{f}{suffix}" for f in feeds for suffix in ("", "_hourly"))]

    def _add(self, child: Child) -> None:
        self.children.append(child)
        self.record.processes = [c.started for c in self.children if c.is_running]
        self._save()

    def _save(self) -> None:
        self.installation.save(self.record)

    def _forget(self) -> None:
        """Nothing of ours runs any more."""
        self.record.processes.clear()
        self.record.supervisor = None
        self._save()


@contextmanager
def _signals() -> Iterator[None]:
    """The first Ctrl-C, SIGTERM or SIGHUP raises StopRequested; later ones wait for the stop."""

    def once(number: int, frame: FrameType | None) -> None:
        for wanted in before:
            signal.signal(wanted, signal.SIG_IGN)
        raise StopRequested

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, once) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
