"""Reports as plain text for a terminal: aligned columns, no colours, no box lines."""

from __future__ import annotations

from collections.abc import Sequence

from tributary.reports import numbers
from tributary.reports.summary import (
    MODELS,
    UNATTRIBUTED,
    Check,
    StoreMoney,
    Summary,
    UnifyRun,
)

_WORST_SHOWN = 5


def render_summary(summary: Summary) -> str:
    """Rows per stream, checks, revenue by channel under each model, per store and currency."""
    parts = [_rows_per_stream(summary), _run(summary), *map(_money, summary.money)]
    if not summary.money:
        parts.append("No published revenue or spend on final days yet.")
    return "\n\n".join(parts) + "\n"


def render_status(summary: Summary) -> str:
    """Freshness of each stream and the last unify run."""
    return "\n\n".join([_freshness(summary), _run(summary)]) + "\n"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int = 1) -> str:
    """Columns wide enough for their cells; the first `text_columns` to the left, numbers right."""
    cells = [list(headers), *[list(row) for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headers))]
    rule = ["-" * width for width in widths]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i < text_columns else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [cells[0], rule, *cells[1:]]
    )


def _rows_per_stream(summary: Summary) -> str:
    if not summary.streams:
        return "Nothing has been loaded yet."
    rows = [
        [
            s.store_id,
            f"{s.connector}/{s.account_id}",
            s.stream,
            numbers.count(s.rows_held),
            numbers.count(s.rows_quarantined),
        ]
        for s in summary.streams
    ]
    return "Rows per stream\n" + table(
        ["store", "account", "stream", "rows", "quarantined"], rows, 3
    )


def _freshness(summary: Summary) -> str:
    if not summary.streams:
        return "Nothing has been loaded yet: `make run` or `tributary refresh` loads every stream."
    rows = [
        [
            s.store_id,
            f"{s.connector}/{s.account_id}",
            s.stream,
            s.status,
            numbers.moment(s.landed_at),
            numbers.day(s.latest_day),
            numbers.count(s.rows_held),
            numbers.count(s.rows_quarantined),
        ]
        for s in summary.streams
    ]
    headers = ["store", "account", "stream", "last load", "landed at", "latest day", "rows"]
    lines = ["Freshness", table([*headers, "quarantined"], rows, 6)]
    lines += [
        f"{s.connector}/{s.account_id} {s.stream}: {s.error}" for s in summary.streams if s.error
    ]
    if summary.loads_pending:
        lines.append(f"Loads waiting for the next unify run: {summary.loads_pending}")
    return "\n".join(lines)


def _run(summary: Summary) -> str:
    if summary.run is None:
        return "No unify run yet: it starts by itself after the first load."
    run = summary.run
    lines = [
        f"Unify run {run.run_id}: {run.status}, started {numbers.moment(run.started_at)}"
        + (f" ({_phases(run)})" if run.phase_seconds else ""),
        f"Checks passed: {summary.checks_passed} of {len(summary.checks)}",
        f"Last publication: {numbers.moment(summary.published_at)}",
    ]
    if run.message:
        lines.insert(1, run.message)
    for check in summary.failed_checks:
        lines += _failed(check)
    return "\n".join(lines)


def _phases(run: UnifyRun) -> str:
    return ", ".join(f"{name} {numbers.seconds(s)}" for name, s in run.phases)


def _failed(check: Check) -> list[str]:
    head = (
        f"{check.severity.upper()} {check.check_name} on {check.table_name}: "
        f"{numbers.count(check.rows_failed)} of {numbers.count(check.rows_checked)} rows. "
        f"{check.detail}"
    )
    worst = [
        "    " + ", ".join(f"{column}={value}" for column, value in row.items())
        for row in check.worst_rows[:_WORST_SHOWN]
    ]
    return [head.rstrip(), *worst]


def _money(store: StoreMoney) -> str:
    period = store.period
    title = (
        f"{period.store_name}: net revenue by channel and model, {period.currency_code}, "
        f"{numbers.days(period.first_day, period.end_day)}"
    )
    currency = period.currency_code
    rows = [
        [
            row.channel if row.channel != UNATTRIBUTED else "(unattributed)",
            numbers.money(row.spend_amount, currency),
            *[numbers.money(row.revenue(model), currency) for model in MODELS],
        ]
        for row in store.channels
    ]
    total = ["total", numbers.money(store.spend, currency)]
    total += [numbers.money(store.revenue(model), currency) for model in MODELS]
    headers = ["channel", "spend", *[title.lower() for title in MODELS.values()]]
    return f"{title}\n{table(headers, [*rows, total])}"
