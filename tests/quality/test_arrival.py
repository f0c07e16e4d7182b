"""What should have arrived: late and forgotten streams, days with too few rows, and empty days."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tributary.quality import scope
from tributary.quality.results import CheckResult
from tributary.settings import SQL
from tributary.warehouse.connection import Connection

SETTINGS = """
insert into core.store values ('shop', 'Shop', 'Europe/Berlin', 'EUR', 'auto', 'shop');
insert into core.account values ('shop', 'acme', 'main', 'Europe/Berlin', 'EUR');
insert into ops.stream (
    connector, stream, kind, feed, restate_days, finality_days, spill_days, backfill
) values ('acme', 'order', 'document', 'sales', 3, 30, 0, 'full'),
    ('acme', 'visit', 'document', 'sales', 3, 1, 0, 'full');
insert into ops.expected_stream values ('shop', 'acme', 'main', 'order');
select ops.ensure_staging_table('acme__order');
insert into work.run values ('run-1');
"""
# Days settle within three: loads end with the 9th in Berlin, so the last settled day is the 6th.
LAST = date(2026, 8, 6)


@pytest.fixture
def shop(warehouse: Connection) -> Connection:
    warehouse.execute(SETTINGS.encode())
    load(warehouse, "order", "2026-08-09T22:00Z")
    return warehouse


def load(
    conn: Connection, stream: str, until: str, *, status: str = "landed", pending: bool = True
) -> None:
    conn.execute(
        "with new as (insert into ops.load (store_id, connector, account_id, stream, run_id, mode,"
        " window_start, window_end, status, started_at, error) values ('shop', 'acme', 'main', %s,"
        " 'i', 'incremental', '2026-01-01', %s, %s, %s, %s) returning load_id)"
        " insert into work.run_load select load_id from new where %s",
        (stream, until, status, until, "" if status == "landed" else "no answer", pending),
    )


def usual(conn: Connection, counts: list[int], table: str = "sales_order") -> None:
    """History on the weekday of LAST: the newest count first, one a week."""
    for week, rows in enumerate(counts, 1):
        conn.execute(
            "insert into ops.day_count values ('shop', 'acme', 'main', %s, %s::date - 7 * %s, %s)",
            (table, LAST, week, rows),
        )


def counted(conn: Connection, rows: int, table: str = "sales_order") -> None:
    conn.execute(
        "insert into ops.day_count values ('shop', 'acme', 'main', %s, %s, %s)", (table, LAST, rows)
    )


def checked(conn: Connection) -> dict[str, CheckResult]:
    found = {result.name: result for result in scope.checks(conn, {"sales_order": 1})}
    assert len(found) == 5
    for result in found.values():
        assert len(conn.execute(result.reproduce_sql.encode()).fetchall()) == result.rows_failed
    return found


def fresh(conn: Connection) -> list[dict[str, Any]]:
    result = checked(conn)["run.streams_are_fresh"]
    assert result.severity == "warn" and result.success is not bool(result.worst_rows)
    return result.worst_rows


def volume(conn: Connection) -> CheckResult:
    return checked(conn)["run.rows_by_weekday"]


def test_a_stream_is_late_after_its_cadence_by_the_runs_own_time(shop: Connection) -> None:
    shop.execute("insert into ops.expected_stream values ('shop', 'acme', 'main', 'visit')")
    load(shop, "visit", "2026-08-08T20:00Z", pending=False)
    assert fresh(shop) == []
    shop.execute("update ops.load set window_end = '2026-08-08T19:59Z' where stream = 'visit'")
    (late,) = fresh(shop)
    assert (late["stream"], late["last_status"]) == ("visit", "landed")
    assert late["read_through"] == "2026-08-08T19:59:00+00:00"
    assert "ingest_sales is paused" in late["next_step"]


def test_a_stream_that_was_never_tried_or_keeps_failing_is_seen(shop: Connection) -> None:
    shop.execute("insert into ops.expected_stream values ('shop', 'acme', 'main', 'visit')")
    (late,) = fresh(shop)
    assert (late["stream"], late["last_status"]) == ("visit", "never tried")
    assert late["next_step"].startswith("Never read. Unpause and run the Dag ingest_sales")
    load(shop, "visit", "2026-08-09T22:00Z", status="failed", pending=False)
    (late,) = fresh(shop)
    assert (late["last_status"], late["last_error"]) == ("failed", "no answer")
    assert "clear the red box" in late["next_step"]


def test_a_stream_that_is_not_configured_any_more_is_not_late(shop: Connection) -> None:
    load(shop, "visit", "2026-02-01T00:00Z", pending=False)
    assert fresh(shop) == []


def test_reading_an_old_range_makes_nothing_late(shop: Connection) -> None:
    shop.execute("truncate work.run_load")
    shop.execute("insert into ops.expected_stream values ('shop', 'acme', 'main', 'visit')")
    load(shop, "visit", "2026-03-01T00:00Z")
    assert fresh(shop) == []


@pytest.mark.parametrize(
    ("rows", "verdict"), [(0, "none"), (8, "low"), (20, None), (70, None), (200, "high")]
)
def test_a_settled_day_is_held_against_its_own_weekday(
    shop: Connection, rows: int, verdict: str | None
) -> None:
    usual(shop, [30, 28, 35, 31, 29, 40, 33, 30])
    # Other weekdays are no measure of this one.
    shop.execute(
        "insert into ops.day_count select 'shop', 'acme', 'main', 'sales_order', d::date, 900"
        " from generate_series(date '2026-07-01', date '2026-08-05', interval '1 day') as d"
        " on conflict do nothing"
    )
    counted(shop, rows)
    result = volume(shop)
    assert (result.severity, result.rows_checked) == ("warn", 1)
    assert [row["verdict"] for row in result.worst_rows] == ([verdict] if verdict else [])
    if verdict:
        (row,) = result.worst_rows
        assert (row["day"], row["weekday"], row["usual"]) == ("2026-08-06", "Thursday", 30.5)
        assert (row["row_count"], row["weeks"]) == (rows, 8)


def test_a_day_nobody_wrote_is_as_empty_as_one_that_was_emptied(shop: Connection) -> None:
    usual(shop, [30, 28, 35, 31])
    (row,) = volume(shop).worst_rows
    assert (row["row_count"], row["verdict"]) == (0, "none")


def test_few_weeks_are_too_little_history_and_say_so(shop: Connection) -> None:
    usual(shop, [30, 28, 35])
    counted(shop, 0)
    result = volume(shop)
    assert result.success and result.rows_checked == 0
    assert result.detail.endswith("; 1 table has too little history to tell")


def test_a_small_shop_may_have_an_empty_day(shop: Connection) -> None:
    usual(shop, [4, 2, 9, 3, 6])
    counted(shop, 0)
    assert volume(shop).success


def test_wild_weeks_give_a_wide_band(shop: Connection) -> None:
    usual(shop, [30, 90, 5, 160, 12, 60, 200, 20])
    counted(shop, 2)
    assert volume(shop).success


def test_days_that_still_fill_and_refunds_of_fresh_orders_are_not_judged(shop: Connection) -> None:
    usual(shop, [30, 28, 35, 31], "refund")
    counted(shop, 0, "refund")
    usual(shop, [30, 28, 35, 31])
    counted(shop, 30)
    shop.execute(
        "insert into ops.day_count values ('shop', 'acme', 'main', 'sales_order', '2026-08-07', 1)"
    )
    result = volume(shop)
    assert result.success and result.rows_checked == 1


def test_an_empty_day_stops_only_where_rows_have_landed(shop: Connection) -> None:
    usual(shop, [30, 28, 35, 31])
    counted(shop, 29)
    shop.execute("insert into work.scope values ('shop', 'acme', 'main', %s)", (LAST,))
    # The vendor gave the day without rows: it says so, nothing is lost.
    found = checked(shop)
    assert found["run.landed_days_reach_core"].success
    assert [row["verdict"] for row in found["run.rows_by_weekday"].worst_rows] == ["none"]

    shop.execute(
        "insert into staging.acme__order select 'shop', 'main', n::text, %s, '2026-08-09', '{}',"
        " '', 1, 1, null from generate_series(1, 27) as n",
        (LAST,),
    )
    result = checked(shop)["run.landed_days_reach_core"]
    assert (result.severity, result.rows_failed) == ("stop", 1)
    assert result.worst_rows == [
        {
            "store_id": "shop",
            "connector": "acme",
            "account_id": "main",
            "day": "2026-08-06",
            "usual": 30.5,
            "staged_rows": 27,
        }
    ]
    shop.execute("update staging.acme__order set deleted_at = '2026-08-09'")
    assert checked(shop)["run.landed_days_reach_core"].success
    # Two rows that belong to nothing make no day.
    shop.execute("update staging.acme__order set deleted_at = null where record_key <= '10'")
    assert checked(shop)["run.landed_days_reach_core"].success


def test_a_day_that_has_just_begun_may_be_empty(shop: Connection) -> None:
    """The export of a day's first event can come before its session is whole."""
    today = LAST + timedelta(days=3)
    for table_day, count in [(today - timedelta(weeks=n), 30) for n in range(1, 6)]:
        shop.execute(
            "insert into ops.day_count values ('shop', 'acme', 'main', 'sales_order', %s, %s)",
            (table_day, count),
        )
    shop.execute("insert into work.scope values ('shop', 'acme', 'main', %s)", (today,))
    shop.execute(
        "insert into staging.acme__order select 'shop', 'main', n::text, %s, '2026-08-09', '{}',"
        " '', 1, 1, null from generate_series(1, 60) as n",
        (today,),
    )
    found = checked(shop)["run.landed_days_reach_core"]
    assert found.success and found.rows_checked == 1
    volumes = shop.execute(
        "select verdict, is_last from work.day_volume where day = %s", (today,)
    ).fetchall()
    assert volumes == [("none", False)]


def test_a_dimension_that_misses_a_part_of_the_day_is_named(warehouse: Connection) -> None:
    query = (SQL / "checks" / "site_daily_sets_agree.sql").read_bytes()
    row = (
        "('shop', '2026-08-0%s', 'ga4', 'main', '%s', '%s', %s, null, %s, null, null, null, null,"
        " 'EUR', false, %s, false, false, null, false, '', '2026-08-01', 1)"
    )
    rows = [
        (1, "device", "mobile", 60, 200, False),
        (1, "device", "desktop", 40, 100, False),
        (1, "country", "DE", 99, 300, False),
        (1, "page", "/", "null", 290, True),
        (2, "device", "mobile", 100, 300, False),
        (2, "country", "DE", 97, 300, False),
    ]
    values = ", ".join(
        row % (day, which, value, sessions, views, str(other).lower())
        for day, which, value, sessions, views, other in rows
    )
    warehouse.execute(f"insert into work.site_daily values {values}".encode())
    warehouse.execute(
        "insert into work.channel_daily select 'shop', d, 'ga4', 'main', 'c', 'EUR', '', '', '',"
        " 'other', null, null, 90, null, null, null, null, null, d, 1 from (values"
        " (date '2026-08-01')) as days (d)"
    )
    found = warehouse.execute(query).fetchall()
    assert [(f"{row[1]}", row[4], row[5], row[6], row[7], row[9]) for row in found] == [
        ("2026-08-01", "campaign", 90, 100, None, False),
        ("2026-08-01", "page", None, 100, 290, True),
        ("2026-08-02", "country", 97, 100, 300, False),
    ]
