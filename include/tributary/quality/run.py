"""The gate of a unify run: contracts and cross-checks on its candidate rows.

A failing check of severity stop raises CheckFailed, and the run publishes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from tributary.clock import Clock
from tributary.errors import ConfigurationError
from tributary.quality import results, scope
from tributary.quality.expectations import Verdict, validate
from tributary.quality.results import CheckResult
from tributary.quality.rules import SETTINGS, Rule, home, rules
from tributary.warehouse import candidates, contracts
from tributary.warehouse.connection import Connection
from tributary.warehouse.contracts import Check, Contract


def check(conn: Connection, url: str, run_id: str, clock: Clock) -> list[CheckResult]:
    """Check the run's candidate rows and keep every result in ops.check_result.

    Raises CheckFailed with the five worst rows of each check of severity stop that failed.
    `url` reaches the same warehouse as `conn`; it is for Great Expectations.
    """
    rows = {table: _count(conn, table) for table in candidates.built_tables(conn)}
    filled = {table: count for table, count in rows.items() if count}
    found = scope.checks(conn, filled)
    asked = filled | {table: _count(conn, table) for table in sorted(SETTINGS) if filled}
    suites = {table: rules(_contract(table)) for table in asked}
    verdicts = validate(url, suites, clock) if suites else {}
    for table, table_rules in suites.items():
        found.extend(
            _judge(conn, rule, verdicts[rule.name], table, asked[table]) for rule in table_rules
        )
    for table, count in rows.items():
        found.extend(
            _cross_check(conn, check, table, count)
            for check in _contract(table).checks
            if check.query and filled
        )
    conn.execute("delete from ops.check_result where run_id = %s", (run_id,))
    results.write(conn, run_id, found, clock.now())
    results.stop_if_failed(run_id, found)
    return found


def check_derived(conn: Connection, tables: Iterable[str]) -> list[CheckResult]:
    """The same rules for tables made after `check`, whose tasks do not import Great Expectations:
    PostgreSQL is asked for the bad rows of each. Results are returned, not kept.
    """
    return [
        results.measured(
            conn,
            name=rule.name,
            table=f"core.{table}",
            severity=rule.severity,
            description=rule.detail,
            reproduce_sql=rule.reproduce_sql,
            rows_checked=count,
        )
        for table in tables
        if (count := _count(conn, table))
        for rule in rules(_contract(table))
    ]


def check_insights(conn: Connection, run_id: str, clock: Clock) -> None:
    """The gate of what the rules of insights found."""
    found = check_derived(conn, ["insight"])
    results.write(conn, run_id, found, clock.now())
    results.stop_if_failed(run_id, found)


def _contract(table: str) -> Contract:
    contract = contracts.load_all().get(f"core.{table}")
    if contract is None:
        raise ConfigurationError(f"core.{table} has no contract; write sql/models/core/{table}.yml")
    return contract


def _count(conn: Connection, table: str) -> int:
    row = conn.execute(f"select count(*) from {home(table)}").fetchone()
    assert row is not None
    return int(row[0])


def _judge(conn: Connection, rule: Rule, verdict: Verdict, table: str, count: int) -> CheckResult:
    """A rule's result. Bad rows are fetched where Great Expectations found some, and for keys
    always: a key may be doubled by a row of core that the run does not rebuild.
    """
    error = verdict.error
    bad = results.BadRows()
    if not verdict.success or rule.whole_candidate:
        bad = results.bad_rows(conn, rule.reproduce_sql)
        error = error or bad.error
    if not (verdict.success or bad.count or error):
        error = "Great Expectations says so, SQL finds no row"
    return CheckResult(
        name=rule.name,
        table=f"core.{table}",
        severity=rule.severity,
        success=verdict.success and not bad.count and not error,
        rows_checked=count,
        rows_failed=bad.count,
        detail=f"{rule.detail} ({error})" if error else rule.detail,
        reproduce_sql=rule.reproduce_sql,
        worst_rows=bad.worst,
    )


def _cross_check(conn: Connection, check: Check, table: str, count: int) -> CheckResult:
    return results.measured(
        conn,
        name=f"{table}.{check.name}",
        table=f"core.{table}",
        severity=check.severity,
        description=check.description,
        reproduce_sql=check.path.read_text().strip().rstrip(";"),
        rows_checked=count,
    )
