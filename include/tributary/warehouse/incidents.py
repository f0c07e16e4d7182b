"""Incidents: what failed, from the first failure to the recovery, so that people are told once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from tributary.warehouse.connection import Connection

# A stream whose last load landed longer ago is late; after the second it is taken for abandoned.
LATE_AFTER, ABANDONED_AFTER = timedelta(hours=26), timedelta(days=14)


@dataclass(frozen=True)
class Problem:
    """One failure of one subject, in words; `kind` as in ops.incident."""

    kind: str
    subject: str
    summary: str
    detail: str


@dataclass(frozen=True)
class Incident:
    """An open incident that some way of telling people has not told yet."""

    incident_id: int
    summary: str
    detail: str
    dag_id: str
    run_id: str
    opened_at: datetime


def failed_loads(conn: Connection, dag_id: str, run_id: str) -> list[Problem]:
    """Accounts one of whose streams failed in an ingest run and did not land since."""
    rows = conn.execute(
        "with newest as ("
        " select distinct on (store_id, connector, account_id, stream) * from ops.load"
        " where run_id = %s order by store_id, connector, account_id, stream, load_id desc)"
        " select store_id, connector, account_id, string_agg(stream, ', ' order by stream),"
        " string_agg(distinct error, e'\\n') from newest where status = 'failed'"
        " group by 1, 2, 3 order by 1, 2, 3",
        (f"{dag_id}/{run_id}",),
    ).fetchall()
    return [
        Problem(
            "load",
            f"load {connector}__{account}",
            f"{connector} account {account} of store {store} was not loaded",
            f"Streams: {streams}.\n{error}",
        )
        for store, connector, account, streams, error in rows
    ]


def stopped_unify(conn: Connection, run_id: str) -> list[Problem]:
    """What stopped a unify run: its failed checks. Clearing a run adds '#<number>' to its id."""
    row = conn.execute(
        "select message from ops.unify_run where split_part(run_id, '#', 1) = %s"
        " and status = 'stopped' order by started_at desc limit 1",
        (run_id,),
    ).fetchone()
    if row is None:
        return []
    return [Problem("unify", "unify", "unify stopped, nothing was published", str(row[0]))]


def late_streams(conn: Connection, at: datetime) -> list[Problem]:
    """Streams of configured accounts that landed before, and not for longer than a day and its
    slack."""
    rows = conn.execute(
        "select connector, account_id, stream, max(finished_at) from ops.load"
        " join (select distinct store_id, connector, account_id from ops.expected_stream)"
        " as configured using (store_id, connector, account_id)"
        " where status = 'landed' group by 1, 2, 3"
        " having max(finished_at) <= %s and max(finished_at) > %s order by 1, 2, 3",
        (at - LATE_AFTER, at - ABANDONED_AFTER),
    ).fetchall()
    return [
        Problem(
            "late",
            f"late {connector}__{account} {stream}",
            f"{connector} account {account}: {stream} is late",
            f"It last landed at {landed:%Y-%m-%d %H:%M} UTC. Look whether its ingest Dag is paused"
            " or fails; if the account is gone, take it out of the stores file.",
        )
        for connector, account, stream, landed in rows
    ]


def observe(
    conn: Connection, problems: Iterable[Problem], dag_id: str, run_id: str, at: datetime
) -> None:
    """Open an incident for each problem, or count it to the one that is open."""
    for problem in problems:
        conn.execute(
            "insert into ops.incident as i (subject, kind, summary, detail, dag_id, run_id,"
            " opened_at, last_seen_at) values (%s, %s, %s, %s, %s, %s, %s, %s)"
            " on conflict (subject) where closed_at is null do update set"
            " (detail, last_seen_at, occurrences)"
            " = (excluded.detail, excluded.last_seen_at, i.occurrences + 1)",
            (
                problem.subject,
                problem.kind,
                problem.summary,
                problem.detail,
                dag_id,
                run_id,
                at,
                at,
            ),
        )


def close_recovered(conn: Connection, at: datetime, succeeded_dag: str = "") -> None:
    """Close what works again: loads that landed, a unify that published, a Dag that succeeded; and
    what is of an account that the stores file no longer names."""
    conn.execute(
        # An account's newest run counts: a stream it has no more may have failed last.
        "with configured as (select distinct connector, account_id from ops.expected_stream),"
        " last_run as ("
        " select distinct on (connector, account_id) connector, account_id, run_id from ops.load"
        " where status <> 'running' order by connector, account_id, load_id desc),"
        " newest as ("
        " select distinct on (connector, account_id, stream) connector, account_id, status"
        " from ops.load join last_run using (connector, account_id, run_id)"
        " order by connector, account_id, stream, load_id desc),"
        " failing as (select 'load ' || connector || '__' || account_id as subject from newest"
        " join configured using (connector, account_id) where status = 'failed'),"
        " late as (select 'late ' || connector || '__' || account_id || ' ' || stream as subject"
        " from ops.load join configured using (connector, account_id)"
        " where status = 'landed' group by connector, account_id, stream"
        " having max(finished_at) <= %(late)s),"
        " unified as (select status from ops.unify_run"
        " where status in ('published', 'nothing_pending', 'stopped')"
        " order by started_at desc limit 1)"
        " update ops.incident as i set closed_at = %(at)s where closed_at is null and case kind"
        " when 'load' then subject not in (select subject from failing)"
        " when 'late' then subject not in (select subject from late)"
        " when 'unify' then (select status <> 'stopped' from unified)"
        " else dag_id = %(dag)s end",
        {"at": at, "late": at - LATE_AFTER, "dag": succeeded_dag},
    )


@contextmanager
def telling(conn: Connection, way: str) -> Iterator[list[Incident]]:
    """The open incidents `way` has not told; marked as told when the block ends well.

    Two at once share the incidents out between them. A kill in the block leaves them untold.
    """
    with conn.transaction():
        rows = conn.execute(
            "select incident_id, summary, detail, dag_id, run_id, opened_at from ops.incident"
            " where closed_at is null and not %s = any(sent_to)"
            " order by incident_id for update skip locked",
            (way,),
        ).fetchall()
        found = [Incident(*row) for row in rows]
        yield found
        conn.execute(
            "update ops.incident set sent_to = sent_to || %s where incident_id = any(%s)",
            ([way], [incident.incident_id for incident in found]),
        )
