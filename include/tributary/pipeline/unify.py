"""Unify: build, check, attribute, check credits, insights, publish. Each step is one Airflow task.

Steps are idempotent and carry nothing but the run id: candidate rows live in schema work. A step
that finds another run's rows there raises Superseded.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from psycopg.types.json import Jsonb

from tributary.clock import Clock
from tributary.errors import CheckFailed
from tributary.pipeline import attribute as attribution
from tributary.pipeline import insights as findings
from tributary.quality.credits import check_credits as run_credit_checks
from tributary.quality.run import check as run_checks
from tributary.quality.run import check_insights
from tributary.warehouse import candidates
from tributary.warehouse import publish as publication
from tributary.warehouse.connection import Connection, locked

log = logging.getLogger(__name__)


def build(conn: Connection, run_id: str, clock: Clock) -> bool:
    """Build the changed days of all pending loads into work; False when nothing is pending."""
    with locked(conn, "unify"):
        if not candidates.pending_loads(conn) and not attribution.outdated_stores(conn):
            _note(conn, run_id, "nothing_pending", clock, finished=True)
            return False
        _note(conn, run_id, "building", clock)
        with _timed(conn, run_id, "build", "built", clock), conn.transaction():
            # One snapshot: a load that lands meanwhile waits whole for the next run.
            conn.execute("set transaction isolation level repeatable read")
            candidates.open_run(conn, run_id, candidates.pending_loads(conn))
            candidates.build(conn)
        return True


def check(conn: Connection, run_id: str, clock: Clock) -> None:
    """Contracts and cross-checks on the candidate rows; CheckFailed publishes nothing."""
    with locked(conn, "unify"):
        candidates.require_run(conn, run_id)
        with _timed(conn, run_id, "check", "checked", clock):
            run_checks(conn, _url(conn), run_id, clock)


def attribute(conn: Connection, run_id: str, clock: Clock) -> None:
    """Identity and credits of the people this run touches, into work."""
    with locked(conn, "unify"):
        candidates.require_run(conn, run_id)
        with _timed(conn, run_id, "attribute", "attributed", clock), conn.transaction():
            attribution.attribute(conn, clock.now())


def check_credits(conn: Connection, run_id: str, clock: Clock) -> None:
    """Every credit sums exactly to its conversion; CheckFailed publishes nothing."""
    with locked(conn, "unify"):
        candidates.require_run(conn, run_id)
        with _timed(conn, run_id, "check_credits", "attributed", clock):
            run_credit_checks(conn, run_id, clock)


def insights(conn: Connection, run_id: str, clock: Clock) -> int:
    """What the rules find on core as it will be, into work; how many findings."""
    with locked(conn, "unify"):
        candidates.require_run(conn, run_id)
        with _timed(conn, run_id, "insights", "attributed", clock):
            with conn.transaction():
                found = findings.compute(conn)
            check_insights(conn, run_id, clock)
        return found


def publish(conn: Connection, run_id: str, clock: Clock) -> dict[str, int]:
    """Move the checked candidate rows into core in one transaction; rows moved per table.

    A run that is published already moves nothing: a retry after a kill is safe. One that was
    built again since is published again, under its publication.
    """
    with locked(conn, "unify"):
        done = conn.execute(
            "select row_counts from ops.publication where run_id = %s", (run_id,)
        ).fetchone()
        if done is not None and not candidates.is_open(conn, run_id):
            _note(conn, run_id, "published", clock, finished=True)
            counts = done[0]
            assert isinstance(counts, dict)
            return counts
        with _timed(conn, run_id, "publish", "published", clock):
            moved = publication.publish(conn, run_id, clock.now())
        _note(conn, run_id, "published", clock, finished=True)
        return moved


def unify(conn: Connection, run_id: str, clock: Clock) -> bool:
    """All steps in one go; False when nothing was pending."""
    if not build(conn, run_id, clock):
        return False
    for step in (check, attribute, check_credits, insights):
        step(conn, run_id, clock)
    publish(conn, run_id, clock)
    return True


@contextmanager
def _timed(conn: Connection, run_id: str, phase: str, status: str, clock: Clock) -> Iterator[None]:
    """Note the phase's seconds and the run's status; a failed check stops the run."""
    started = clock.monotonic()
    log.info("unify: %s", phase)
    try:
        yield
    except CheckFailed as error:
        _note(conn, run_id, "stopped", clock, message=str(error), finished=True)
        raise
    seconds = round(clock.monotonic() - started, 3)
    conn.execute(
        "update ops.unify_run set status = %s, phase_seconds = phase_seconds || %s where run_id ="
        " %s",
        (status, Jsonb({phase: seconds}), run_id),
    )


def _note(
    conn: Connection,
    run_id: str,
    status: str,
    clock: Clock,
    *,
    message: str = "",
    finished: bool = False,
) -> None:
    at = clock.now()
    conn.execute(
        "insert into ops.unify_run (run_id, status, started_at, finished_at, message)"
        " values (%s, %s, %s, %s, %s) on conflict (run_id) do update set"
        " (status, finished_at, message) = (excluded.status, excluded.finished_at,"
        " excluded.message)",
        (run_id, status, at, at if finished else None, message),
    )


def _url(conn: Connection) -> str:
    info = conn.info
    login = f"{quote(info.user, safe='')}:{quote(info.password, safe='')}"
    host = info.host if not info.host.startswith("/") else ""
    tail = f"?host={quote(info.host, safe='')}" if not host else ""
    return f"postgresql://{login}@{host}:{info.port}/{quote(info.dbname, safe='')}{tail}"
