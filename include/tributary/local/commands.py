"""What the commands of `tributary` do; cli holds their options and help."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from pathlib import Path

import msgspec

from tributary.clock import Clock, SystemClock
from tributary.errors import ConfigurationError
from tributary.local import airflow, databases, processes, vendors
from tributary.local.databases import Databases
from tributary.local.grade import GradeReport
from tributary.local.progress import Say, progress
from tributary.local.state import Installation, installation
from tributary.settings import load_stores

_DOWN_SECONDS = 90


def run_up(once: bool, data: Path | None, as_json: bool) -> int:
    """Returns the exit code; 130 when it was stopped before the summary."""
    from tributary.local.end_of_run import as_json as summary_json
    from tributary.local.end_of_run import as_text
    from tributary.local.supervisor import Outcome, StopRequested, Supervisor

    clock = SystemClock()
    say = progress(clock, sys.stderr if as_json else sys.stdout)
    shown: list[Outcome] = []

    def show(outcome: Outcome, found: Databases, url: str) -> None:
        render = summary_json if as_json else as_text
        sys.stdout.write(render(chosen, outcome, found, url))
        sys.stdout.flush()
        shown.append(outcome)

    chosen = installation(data)
    try:
        Supervisor(chosen, say, clock).up(once, show)
    except StopRequested:
        if not shown:
            say("stopped before everything was loaded; the next start goes on from here")
            return 130
    say("everything is stopped")
    return 0 if shown[0].is_success else 1


def run_down(found: Installation) -> str:
    """Stop a running `up`, or what a killed one has left."""
    record = found.record()
    running = processes.same(record.supervisor)
    if running is not None and running.pid != os.getpid():
        running.send_signal(signal.SIGTERM)
        if not processes.wait_gone(running, _DOWN_SECONDS):
            raise ConfigurationError(
                f"process {running.pid} has not stopped within {_DOWN_SECONDS} s; its logs are in"
                f" {found.logs}"
            )
        return "stopped"
    with found.locked("down"):
        left = processes.stop_leftovers(record.processes, found.folder)
        cluster = found.cluster(record.postgres_port)
        if cluster.is_running():
            cluster.stop()
            left.append("PostgreSQL")
        record.processes, record.supervisor = [], None
        found.save(record)
    return f"stopped what was left: {', '.join(left)}" if left else "nothing was running"


def run_reset(found: Installation) -> None:
    """Delete the installation's folder; Busy while it runs."""
    with found.locked("reset"):
        record = found.record()
        processes.stop_leftovers(record.processes, found.folder)
        cluster = found.cluster(record.postgres_port)
        cluster.stop()
        cluster.remove()
        shutil.rmtree(found.folder)
        with suppress(OSError):
            (found.folder.parent / "current").unlink()


def run_status(found: Installation) -> str:
    from tributary.reports.summary import read_summary
    from tributary.reports.text import render_status

    clock = SystemClock()
    record = found.record()
    is_up = processes.same(record.supervisor) is not None
    url = f"http://127.0.0.1:{record.airflow_port}"
    head = f"{found.name}: " + (f"running, Airflow at {url}" if is_up else "not running")
    with (
        databases.available(found, "status", clock) as known,
        databases.open_warehouse(known) as conn,
    ):
        return f"{head}\n\n{render_status(read_summary(conn))}"


def run_refresh(found: Installation, feeds: Iterable[str], daily: bool) -> int:
    from tributary.connectors.spec import all_connectors
    from tributary.local.rounds import Rounds

    clock = SystemClock()
    record = found.record()
    if processes.same(record.supervisor) is None:
        raise ConfigurationError("nothing runs: start `tributary up` (or `make run`) first")
    known = {c.feed for c in all_connectors().values()}
    if unknown := set(feeds) - known:
        raise ConfigurationError(
            f"no feed {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}"
        )
    chosen = sorted(set(feeds) or known)
    dags = [f"ingest_{feed}" + ("" if daily else "_hourly") for feed in chosen]
    url = f"http://127.0.0.1:{record.airflow_port}"
    api = airflow.Api(url, found.secrets.admin_password)
    try:
        with (
            databases.available(found, "refresh", clock) as data,
            databases.open_warehouse(data) as conn,
        ):
            rounds = Rounds(
                api=api,
                warehouse=conn,
                dag_ids=frozenset([*dags, "unify"]),
                logs=found.airflow_home / "logs",
                say=progress(clock, sys.stdout),
                clock=clock,
                alive=lambda: None,
            )
            for dag in dags:
                api.unpause(dag)
                api.trigger(dag, at=clock.now(), note="started by tributary refresh")
            rounds.settle()
            rounds.publish()
            return 1 if rounds.failed() or rounds.pending() else 0
    finally:
        api.close()


def run_sql(found: Installation, query: str, style: str) -> str:
    """The result of one statement as a table, CSV or JSON."""
    from tributary.local.tabular import render

    clock = SystemClock()
    with databases.available(found, "sql", clock) as known, known.analyst() as conn:
        cursor = conn.execute(query.encode())
        if cursor.description is None:
            return f"{cursor.statusmessage}\n"
        return render([c.name for c in cursor.description], cursor.fetchall(), style)


def run_grade(seed: int | None, as_of: str, say: Say) -> GradeReport:
    """Grade the sandbox's installation, or with a seed a whole run of it aside."""
    from tributary.local.deployment import sandbox_day
    from tributary.local.grade_world import grade_world
    from tributary.sandbox.world import World

    clock = SystemClock()
    sandbox = installation()
    world = sandbox.record().world
    until = sandbox.record().loaded_until or sandbox_day()
    if seed is not None and (as_of or world is None or seed != world[0]):
        day = vendors.world_day("--as-of ", as_of, clock) if as_of else vendors.as_of(clock)
        return _grade_aside(seed, day, clock, say)
    if world is None or until is None:
        raise ConfigurationError(
            "no sandbox is loaded yet: run `tributary up` first, or grade a seed aside with --seed"
        )
    with (
        databases.available(sandbox, "grade", clock) as known,
        databases.open_warehouse(known) as conn,
    ):
        return grade_world(conn, World(world[0], until, world[1]))


def _grade_aside(seed: int, as_of: date, clock: Clock, say: Say) -> GradeReport:
    from tributary.local.grade_seed import grade_seed
    from tributary.local.postgres import Cluster, free_port

    with tempfile.TemporaryDirectory(prefix="tributary-grade-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        cluster = Cluster(folder, free_port(), durable=False)
        cluster.start()
        try:
            return grade_seed(cluster.url("postgres"), seed, as_of, clock, say)
        finally:
            cluster.stop()
            cluster.remove()


def run_checksum(found: Installation, as_json: bool) -> str:
    from tributary.warehouse.checksum import checksum

    clock = SystemClock()
    with (
        databases.available(found, "checksum", clock) as known,
        databases.open_warehouse(known) as conn,
    ):
        sums = checksum(conn)
    if as_json:
        return msgspec.json.format(msgspec.json.encode(sums), indent=1).decode()
    width = max(map(len, sums))
    return "\n".join(f"{table.ljust(width)}  {value}" for table, value in sorted(sums.items()))


def run_env(found: Installation, show_secrets: bool) -> str:
    """Shell variables; secrets are named by the file they are in unless they shall be shown."""
    from tributary.local.end_of_run import psql_line

    record, secrets = found.record(), found.secrets
    known = Databases(found, found.cluster(record.postgres_port))
    own_stores = os.environ.get("TRIBUTARY_CONFIG")
    lines = [
        f"TRIBUTARY_CONFIG={own_stores or found.stores_file}",
        f"AIRFLOW_HOME={found.airflow_home}",
        f"AIRFLOW_URL=http://127.0.0.1:{record.airflow_port}",
        f"AIRFLOW_USER={airflow.USER}",
    ]
    if show_secrets:
        lines += [
            f"AIRFLOW_PASSWORD={secrets.admin_password}",
            f"TRIBUTARY_WAREHOUSE_URL={known.warehouse_url}",
            f"TRIBUTARY_KEY={os.environ.get('TRIBUTARY_KEY') or secrets.tributary_key}",
        ]
    else:
        lines += [
            f"# AIRFLOW_PASSWORD: in {found.passwords_file} (or --show-secrets)",
            "# TRIBUTARY_WAREHOUSE_URL, TRIBUTARY_KEY: --show-secrets",
        ]
    return "\n".join([*lines, f"# {psql_line(known)}"])


def run_migrate(found: Installation) -> list[str]:
    clock = SystemClock()
    path = Path(os.environ.get("TRIBUTARY_CONFIG") or found.stores_file)
    stores = load_stores(path) if path.is_file() else []
    with databases.available(found, "migrate", clock) as known:
        return databases.prepare_warehouse(known, stores, clock)
