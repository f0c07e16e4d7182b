"""What a check found: its row in ops.check_result, and the error that stops a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from tributary.errors import CheckFailed
from tributary.warehouse.connection import Connection
from tributary.warehouse.contracts import Severity

WORST_ROWS = 5


@dataclass(frozen=True)
class CheckResult:
    """One check of a run. `worst_rows` hold keys and the offending columns, nothing personal;
    `reproduce_sql` shows every bad row while the candidate rows of the run are there.
    """

    name: str
    table: str
    severity: Severity
    success: bool
    rows_checked: int
    rows_failed: int
    detail: str
    reproduce_sql: str
    worst_rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class BadRows:
    """What a query of bad rows gives: how many, the first of them; or why it could not be asked."""

    count: int = 0
    worst: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""


def bad_rows(conn: Connection, reproduce_sql: str) -> BadRows:
    """Count the rows of a query of bad rows and fetch the first of them."""
    try:
        with conn.transaction():
            rows = conn.execute(
                "select count(*) over (), to_jsonb(bad) from ("
                + reproduce_sql.replace("%", "%%")
                + "\n) as bad limit %s",
                (WORST_ROWS,),
            ).fetchall()
    except psycopg.errors.ProgrammingError as error:
        return BadRows(error=str(error).splitlines()[0])
    return BadRows(int(rows[0][0]) if rows else 0, [row[1] for row in rows])


def measured(
    conn: Connection,
    *,
    name: str,
    table: str,
    severity: Severity,
    description: str,
    reproduce_sql: str,
    rows_checked: int,
    asked: bool = True,
) -> CheckResult:
    """A check given by the query of the rows that break it; not `asked` where there are known to be
    none.
    """
    bad = bad_rows(conn, reproduce_sql) if asked else BadRows()
    return CheckResult(
        name=name,
        table=table,
        severity=severity,
        success=not bad.count and not bad.error,
        rows_checked=rows_checked,
        rows_failed=bad.count,
        detail=f"{description} ({bad.error})" if bad.error else description,
        reproduce_sql=reproduce_sql,
        worst_rows=bad.worst,
    )


def write(conn: Connection, run_id: str, results: Sequence[CheckResult], at: datetime) -> None:
    """Keep the results of a run; a check that ran before is replaced."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into ops.check_result (run_id, check_name, table_name, severity, success,"
            " rows_checked, rows_failed, detail, worst_rows, reproduce_sql, checked_at)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " on conflict (run_id, check_name) do update set (table_name, severity, success,"
            " rows_checked, rows_failed, detail, worst_rows, reproduce_sql, checked_at)"
            " = (excluded.table_name, excluded.severity, excluded.success, excluded.rows_checked,"
            " excluded.rows_failed, excluded.detail, excluded.worst_rows, excluded.reproduce_sql,"
            " excluded.checked_at)",
            [
                (
                    run_id,
                    result.name,
                    result.table,
                    result.severity,
                    result.success,
                    result.rows_checked,
                    result.rows_failed,
                    result.detail,
                    Jsonb(result.worst_rows),
                    result.reproduce_sql,
                    at,
                )
                for result in results
            ],
        )


def stop_if_failed(run_id: str, results: Sequence[CheckResult]) -> None:
    """Raise CheckFailed, with the worst rows by key, if a check of severity stop failed."""
    failed = [r for r in results if not r.success and r.severity == "stop"]
    if not failed:
        return
    count = "1 check" if len(failed) == 1 else f"{len(failed)} checks"
    lines = [
        f"{count} of run {run_id} failed, so nothing was published. Correct the source or the"
        " model, then run unify again; ops.check_result has the SQL that shows every bad row."
    ]
    for result in failed:
        lines.append(
            f"- {result.name}: {result.rows_failed} of {result.rows_checked} rows of"
            f" {result.table} break the rule that {result.detail}"
        )
        lines.extend(f"    {_row(row)}" for row in result.worst_rows)
    raise CheckFailed("\n".join(lines))


def _row(row: dict[str, Any]) -> str:
    return ", ".join(f"{column}={value}" for column, value in row.items())
