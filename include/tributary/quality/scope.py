"""Checks of a run as a whole: that there is something to check, and that its days are possible."""

from __future__ import annotations

from collections.abc import Mapping

from tributary.quality import arrival
from tributary.quality.results import CheckResult, measured
from tributary.warehouse import candidates
from tributary.warehouse.connection import Connection, name


def checks(conn: Connection, filled: Mapping[str, int]) -> list[CheckResult]:
    """The run's own checks. `filled`: rows per table of schema work that is not empty."""
    rows = sum(filled.values())
    staged = _staged(conn)
    return [
        measured(
            conn,
            name="run.staged_rows_reach_core",
            table="core",
            # Some account without rows may be so; a run without any has built nothing.
            severity="warn" if rows else "stop",
            description="an account with landed rows on the run's days gives rows of core",
            reproduce_sql=_accounts_without_rows(conn, staged),
            rows_checked=rows,
        ),
        measured(
            conn,
            name="run.days_within_window",
            table="core",
            severity="warn",
            description="no day lies after the window its load asked for",
            reproduce_sql=_days_after_window(conn),
            rows_checked=rows,
        ),
        *arrival.checks(conn, staged),
    ]


def _staged(conn: Connection) -> str:
    """A query of the live staging rows of pending loads' streams on the run's days."""
    streams = conn.execute(
        "select distinct connector, stream from ops.load join work.run_load using (load_id)"
        " where to_regclass(format('staging.%I', connector || '__' || stream)) is not null"
        " order by 1, 2"
    ).fetchall()
    staged = [
        f"    select t.store_id, '{connector}' as connector, t.account_id, '{stream}' as stream,"
        " t.business_date as day\n"
        f"    from {name('staging', f'{connector}__{stream}')} as t\n"
        f"    inner join work.scope as s on s.store_id = t.store_id and s.connector = '{connector}'"
        " and s.account_id = t.account_id and s.day = t.business_date\n"
        "    where t.deleted_at is null"
        for connector, stream in streams
    ]
    none = (
        "    select store_id, connector, account_id, '' as stream, day from work.scope where false"
    )
    return "\n    union all\n".join(staged or [none])


def _accounts_without_rows(conn: Connection, staged: str) -> str:
    """Accounts with staged rows on the run's days, and no row in work."""
    built = "\n    and ".join(
        f"not exists (select 1 from {name('work', table)} as w where w.store_id = t.store_id"
        " and w.connector = t.connector and w.account_id = t.account_id)"
        for table in candidates.built_tables(conn)
    )
    return (
        "select t.store_id, t.connector, t.account_id, t.stream, count(*) as staged_rows\nfrom (\n"
        f"{staged}\n) as t\nwhere\n    {built}\n"
        "group by t.store_id, t.connector, t.account_id, t.stream\n"
        "order by t.store_id, t.connector, t.account_id, t.stream"
    )


def _days_after_window(conn: Connection) -> str:
    days = "\n    union all\n".join(
        f"    select '{table}' as table_name, store_id, connector, account_id, source_day, load_id"
        f" from {name('work', table)}"
        for table in candidates.built_tables(conn)
    )
    return (
        "select w.table_name, w.store_id, w.connector, w.account_id, w.source_day, l.window_end,"
        f" count(*) as row_count\nfrom (\n{days}\n) as w\n"
        "inner join ops.load as l on l.load_id = w.load_id\n"
        "inner join core.account as a on a.store_id = w.store_id and a.connector = w.connector"
        " and a.account_id = w.account_id\n"
        "where w.source_day > (l.window_end at time zone a.timezone)::date\n"
        "group by w.table_name, w.store_id, w.connector, w.account_id, w.source_day, l.window_end\n"
        "order by w.table_name, w.store_id, w.connector, w.account_id, w.source_day"
    )
