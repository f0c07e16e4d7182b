"""Checks of what should have arrived: fresh streams, and as many rows as the weekday usually has.

"Today" is where the run's loads end; the usual is the warehouse's own history (ops.day_count).
"""

from __future__ import annotations

from dataclasses import replace

from tributary.quality.results import CheckResult, measured
from tributary.settings import SQL
from tributary.warehouse import candidates
from tributary.warehouse.connection import Connection, name


def checks(conn: Connection, staged: str) -> list[CheckResult]:
    """`staged` is a query of the landed live rows on the run's days, one row each."""
    _fill(conn)
    return [_fresh(conn), _by_weekday(conn), _landed_days(conn, staged)]


def _fill(conn: Connection) -> None:
    """Count the run's rows and set them beside the usual, in work.day_count and work.day_volume."""
    with conn.transaction():
        conn.execute("truncate work.day_count, work.day_volume")
        for table in candidates.built_tables(conn):
            conn.execute(
                "insert into work.day_count (store_id, connector, account_id, table_name, day,"
                " row_count) select store_id, connector, account_id, %s, source_day, count(*)"
                f" from {name('work', table)}"
                " group by store_id, connector, account_id, source_day",
                (table,),
            )
        body = (SQL / "models" / "work" / "day_volume.sql").read_bytes()
        conn.execute(b"insert into work.day_volume " + body)


def _fresh(conn: Connection) -> CheckResult:
    return measured(
        conn,
        name="run.streams_are_fresh",
        table="core",
        severity="warn",
        description="every stream of a configured account has landed within its cadence",
        reproduce_sql=_file("run_streams_are_fresh"),
        rows_checked=_count(conn, "select count(*) from ops.expected_stream"),
    )


def _by_weekday(conn: Connection) -> CheckResult:
    judged = "select count(*) from work.day_volume where is_last and weeks "
    result = measured(
        conn,
        name="run.rows_by_weekday",
        table="core",
        severity="warn",
        description="the last settled day has about as many rows as that weekday usually has",
        reproduce_sql=_file("run_rows_by_weekday"),
        rows_checked=_count(conn, judged + ">= 4"),
    )
    if new := _count(conn, judged + "< 4"):
        tables = "1 table has" if new == 1 else f"{new} tables of accounts have"
        return replace(result, detail=f"{result.detail}; {tables} too little history to tell")
    return result


def _landed_days(conn: Connection, staged: str) -> CheckResult:
    """A day that came out empty is only wrong where rows landed, and as many as make a day: one the
    vendor says is empty, or withdrew, has none in staging either, and no answer without rows
    removes any there. A day that is not settled may have begun a moment ago.
    """
    return measured(
        conn,
        name="run.landed_days_reach_core",
        table="core",
        severity="stop",
        description="a day with landed rows, on a weekday that usually has many, is not empty",
        reproduce_sql=(
            "with settled as (\n"
            "    select store_id, connector, account_id, max(day) as day\n"
            "    from work.day_volume\n"
            "    where is_last\n"
            "    group by store_id, connector, account_id\n),\n\n"
            "empty as (\n"
            "    select v.store_id, v.connector, v.account_id, v.day,\n"
            "        round(max(v.usual), 1) as usual,\n"
            "        min(v.low) filter (where v.verdict = 'none') as low\n"
            "    from work.day_volume as v\n"
            "    inner join settled as s on s.store_id = v.store_id and s.connector = v.connector\n"
            "        and s.account_id = v.account_id and v.day <= s.day\n"
            "    group by v.store_id, v.connector, v.account_id, v.day\n"
            "    having sum(v.row_count) = 0 and bool_or(v.verdict = 'none')\n)\n"
            "select t.store_id, t.connector, t.account_id, t.day, e.usual, count(*) as staged_rows"
            f"\nfrom (\n{staged}\n) as t\n"
            "inner join empty as e on e.store_id = t.store_id and e.connector = t.connector"
            " and e.account_id = t.account_id and e.day = t.day\n"
            "group by t.store_id, t.connector, t.account_id, t.day, e.usual, e.low\n"
            "having count(*) >= e.low\n"
            "order by t.store_id, t.connector, t.account_id, t.day"
        ),
        rows_checked=_count(conn, "select count(*) from work.scope"),
    )


def _file(query: str) -> str:
    return (SQL / "checks" / f"{query}.sql").read_text().strip().rstrip(";")


def _count(conn: Connection, query: str) -> int:
    row = conn.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])
