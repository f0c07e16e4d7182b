"""The insights step of unify: the rules of tributary.insights over core as it will be.

Reads candidate rows, so that findings are published with the rows they speak of. Which days are
final follows from how far the streams were read, as in mart.freshness, never from the clock.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import Any

from tributary.insights import (
    HISTORY_DAYS,
    Facts,
    Finding,
    Point,
    Series,
    Stream,
    Unrecognised,
    find,
    sources,
)
from tributary.settings import SQL
from tributary.warehouse import candidates
from tributary.warehouse.connection import Connection, name


def compute(conn: Connection) -> int:
    """Fill work.insight, inside the caller's transaction; how many findings.

    A store of which nothing is final is left as it is: nothing new is known about it.
    """
    conn.execute("truncate work.insight, work.insight_store")
    stores = conn.execute("select store_id, currency_code from core.store order by 1").fetchall()
    count = 0
    for store_id, currency in stores:
        facts = _facts(conn, str(store_id), str(currency))
        if facts is None:
            continue
        conn.execute("insert into work.insight_store values (%s)", (store_id,))
        found = find(facts)
        _write(conn, found)
        count += len(found)
    return count


@cache
def _text(query: str) -> bytes:
    return (SQL / "insights" / f"{query}.sql").read_bytes()


def _facts(conn: Connection, store_id: str, currency: str) -> Facts | None:
    """What the rules read about a store, or None while nothing of it is final."""
    conn.execute("select set_config('tributary.store_id', %s, true)", (store_id,))
    rows = conn.execute(_text("stream")).fetchall()
    if not rows:
        return None
    streams = tuple(
        Stream(connector, account, stream, read_through, tuple(days))
        for connector, account, stream, read_through, _, days in rows
    )
    newest = max(stream.read_through for stream in streams)
    final, read = _reach(conn, rows, newest)
    if not final:
        return None
    _set_window(conn, min(final.values()) - timedelta(days=HISTORY_DAYS), newest)
    points = [Point(*row) for row in conn.execute(_text("series"))]
    aliases: dict[str, str] = dict(
        conn.execute(
            "select alias, source from ops.source_alias"
            " union select source, source from ops.source_category"
        ).fetchall()
    )
    facts = Facts(store_id, currency, final, Series(points), streams, (), aliases, read)
    return replace(facts, unrecognised=_unrecognised(conn, facts))


def _unrecognised(conn: Connection, facts: Facts) -> tuple[Unrecognised, ...]:
    if (days := sources.window(facts)) is None:
        return ()
    _set_window(conn, *days)
    return tuple(
        Unrecognised(source, medium, tuple(spellings), visits, orders, revenue)
        for source, medium, visits, spellings, orders, revenue in conn.execute(
            _text("unrecognised")
        )
    )


def _reach(
    conn: Connection, streams: list[tuple[Any, ...]], newest: date
) -> tuple[dict[str, date], dict[str, date]]:
    """Measure -> the day after its last final day, and after the last that was read: those of the
    slowest stream of the accounts it comes from."""
    accounts: dict[tuple[str, str], tuple[date, date]] = {}
    for connector, account, _, read_through, final_through, _ in streams:
        final, read = accounts.get((connector, account), (final_through, read_through))
        accounts[connector, account] = min(final, final_through), min(read, read_through)
    _set_window(conn, newest - timedelta(days=HISTORY_DAYS), newest)
    finals: dict[str, date] = {}
    reads: dict[str, date] = {}
    for measure, connector, account in conn.execute(_text("source")):
        if (connector, account) not in accounts:
            continue  # the stores file no longer names it
        final, read = accounts[connector, account]
        finals[measure] = min(finals.get(measure, final), final)
        reads[measure] = min(reads.get(measure, read), read)
    return finals, reads


def _set_window(conn: Connection, first_day: date, end_day: date) -> None:
    conn.execute(
        "select set_config('tributary.window_start', %s, true),"
        " set_config('tributary.window_end', %s, true)",
        (first_day.isoformat(), end_day.isoformat()),
    )


def _write(conn: Connection, findings: list[Finding]) -> None:
    columns = list(candidates.columns(conn, "core", "insight"))
    listed = ", ".join(name(column) for column in columns)
    places = ", ".join(
        "ops.stable_id('insight', %(store_id)s, %(rule)s, %(subject)s, %(period)s)"
        if column == "insight_id"
        else f"%({column})s"
        for column in columns
    )
    with conn.cursor() as cursor:
        cursor.executemany(
            f"insert into work.insight ({listed}) values ({places})",
            [{c: getattr(f, c) for c in columns if c != "insight_id"} for f in findings],
        )
