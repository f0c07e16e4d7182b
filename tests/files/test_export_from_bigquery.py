"""GA4's event export from BigQuery: the same core as from files, days replaced whole or kept."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from tributary.connectors.bigquery import CONNECTOR
from tributary.connectors.files import CONNECTOR as FILES
from tributary.connectors.files.mapping import load
from tributary.connectors.shared.ga4_event import PAYMENT_SITES, STAGING_COLUMNS
from tributary.errors import (
    AuthenticationFailed,
    ConfigurationError,
    RateLimited,
    VendorUnavailable,
)
from tributary.sandbox import drop, ga4
from tributary.sandbox.bigquery_api import error, export_of
from tributary.sandbox.catalog import STORES
from tributary.sandbox.world import World
from tributary.settings import AccountConfig, StoreConfig
from tributary.warehouse.connection import Connection
from tributary.window import Window

from .bigquery import ExportLoop, Project, Rows, credentials, export
from .support import Loop
from .test_core import event
from .test_real_sets import GA4_SAMPLE, ga4_purchases

MARCH = Window.of_days(date(2026, 3, 1), date(2026, 3, 5), "Europe/Berlin")
LATER = datetime(2026, 3, 21, tzinfo=UTC)


def tables(*events: dict[str, Any]) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    for one in events:
        found.setdefault(f"events_{one['event_date']}", []).append(one)
    return found


def buy(at: str, number: str, revenue: float = 19.99, user: str = "c1") -> dict[str, Any]:
    return event(at, "purchase", user=user, revenue=revenue, transaction_id=number)


def orders(run: ExportLoop) -> list[tuple[Any, ...]]:
    return run.rows("select order_id, order_day, net_amount from core.sales_order order by 1")


def test_files_and_bigquery_decode_into_the_same_columns() -> None:
    assert CONNECTOR.stream("ga4_event").columns == STAGING_COLUMNS
    assert FILES.stream("ga4_event").columns == STAGING_COLUMNS
    shipped = Path(drop.__file__).parents[1] / "connectors/files/mappings/ga4_export.yml"
    assert load(shipped).files[0].ignored_referrers == PAYMENT_SITES


def test_the_same_days_by_files_and_by_bigquery_give_the_same_core(
    warehouse: Connection, tmp_path: Path
) -> None:
    prairie = STORES["prairie"]
    first_day, as_of = date(2026, 10, 25), date(2026, 11, 2)
    first = World.at(3, as_of, first_day)
    by_files = Loop(warehouse, _drop(tmp_path, first))
    store = StoreConfig(
        "by_query",
        "By query",
        by_files.store.timezone,
        by_files.store.currency,
        [AccountConfig("bigquery", "main", options={"property": prairie.ga4_property})],
        order_source="event_export",
    )
    project = Project(export_of(prairie, first))
    queried = ExportLoop(warehouse, project, store=store, google_project=prairie.google_project)
    start = first_day - timedelta(days=1)
    for days, mode in ((0, "backfill"), (2, "incremental")):
        world = World(3, as_of + timedelta(days=days), first_day)
        project.serve(export_of(prairie, world))
        _drop(tmp_path, world)
        window = Window.of_days(start, world.as_of, "UTC")
        result = queried.run(window, mode)  # type: ignore[arg-type]
        counts = by_files.run()["ga4_event"]
        assert result.counts.rows_in > 200
        for name in ("rows_new", "rows_changed", "rows_deleted", "rows_duplicate"):
            assert getattr(result.counts, name) == getattr(counts, name), name
        for table, size in (
            ("touch", 200),
            ("channel_daily", 60),
            ("conversion", 20),
            ("sales_order", 20),
            ("identity_edge", 20),
        ):
            files, query = _rows(warehouse, table, "shop"), _rows(warehouse, table, "by_query")
            assert len(files) > size, table
            assert files == query, table
        start = as_of


def _drop(folder: Path, world: World) -> Path:
    store = dataclasses.replace(STORES["prairie"], event_export="files")
    for name, data in drop.contents(world, store).items():
        if name.startswith("events_"):
            (folder / name).write_bytes(data)
    return folder


def _rows(conn: Connection, table: str, store: str) -> list[str]:
    """Rows of a store as text, without what says which way they came."""
    own = "{store_id,connector,account_id,load_id,touch_id,conversion_id,publication_id}"
    rows = conn.execute(
        f"select (to_jsonb(t) - %s::text[])::text from core.{table} as t where store_id = %s",
        (own, store),
    ).fetchall()
    return sorted(str(row[0]).replace("order:bigquery:", "order:files:") for row in rows)


def test_ga4_sample_by_day(shared_data: Path, warehouse: Connection) -> None:
    path = shared_data / GA4_SAMPLE
    purchases = ga4_purchases(path)
    assert (len(purchases), purchases.revenue.sum()) == (510, 36_184)
    table = pq.read_table(path)
    days: dict[str, Rows] = {}
    for row in table.to_pylist():
        days.setdefault(f"events_{row['event_date']}", []).append(row)
    assert len(days) == 61
    store = StoreConfig(
        "merch",
        "Merchandise",
        "UTC",  # the sample's days are UTC's
        "USD",
        [AccountConfig("bigquery", "main", options={"property": "77"})],
    )
    run = ExportLoop(warehouse, Project(export(table.schema, days)), store=store)
    window = Window.of_days(date(2020, 11, 1), date(2021, 1, 1))
    counts = run.ingest(window).counts
    assert (counts.rows_in, counts.rows_quarantined) == (17_453, 0)

    staged = run.rows(
        "select business_date, count(*)::int, sum(coalesce(purchase_revenue, 0))"
        " from staging.bigquery__ga4_event where event_name = 'purchase' group by 1"
    )
    by_day = purchases.groupby("day").revenue.agg(["size", "sum"])
    assert {day: (n, amount) for day, n, amount in staged} == {
        day: (row["size"], row["sum"]) for day, row in by_day.iterrows()
    }


def test_a_rewritten_day_replaces_its_rows_whole_and_no_other_day(warehouse: Connection) -> None:
    before = tables(buy("2026-03-01T10:00", "T1"), buy("2026-03-02T10:00", "T2"))
    project = Project(export(ga4.SCHEMA, before))
    run = ExportLoop(warehouse, project)
    run.run(MARCH)
    assert project.queried == ["events_20260301", "events_20260302"]
    marks = run.rows("select xmin::text from core.sales_order where order_id = 'T2'")

    after = before | tables(buy("2026-03-01T11:00", "T3", 5.5))
    project.serve(export(ga4.SCHEMA, after, {"events_20260301": LATER}))
    project.asked.clear()
    counts = run.run(MARCH).counts
    assert project.queried == ["events_20260301"]
    assert (counts.rows_new, counts.rows_deleted, counts.rows_unchanged) == (1, 1, 0)
    assert orders(run) == [
        ("T2", date(2026, 3, 2), Decimal("19.99")),
        ("T3", date(2026, 3, 1), Decimal("5.5")),
    ]
    assert run.rows("select xmin::text from core.sales_order where order_id = 'T2'") == marks


def test_an_unchanged_day_is_not_read_again(warehouse: Connection) -> None:
    project = Project(export(ga4.SCHEMA, tables(buy("2026-03-01T10:00", "T1"))))
    run = ExportLoop(warehouse, project)
    run.run(MARCH)
    project.asked.clear()
    result = run.run(MARCH)
    assert (project.queried, result.counts.rows_in, result.days_changed) == ([], 0, 0)
    assert result.counts.api_calls == len(project.asked) == 4  # four days asked for their state


@pytest.mark.parametrize("gone", ["missing", "empty"])
def test_a_missing_or_empty_table_keeps_the_day(warehouse: Connection, gone: str) -> None:
    full = tables(buy("2026-03-01T10:00", "T1"), buy("2026-03-02T10:00", "T2"))
    project = Project(export(ga4.SCHEMA, full))
    run = ExportLoop(warehouse, project)
    run.run(MARCH)
    left = {name: rows for name, rows in full.items() if name != "events_20260301"}
    if gone == "empty":
        left["events_20260301"] = []
    project.serve(export(ga4.SCHEMA, left, {"events_20260301": LATER}))
    result = run.run(MARCH)
    assert (result.counts.rows_in, result.counts.rows_deleted) == (0, 0)
    assert [row[0] for row in orders(run)] == ["T1", "T2"]
    noted = gone == "empty"
    assert any("events_20260301 is empty now" in note for note in result.drift) == noted


def test_a_table_emptied_between_two_questions_lands_nothing(warehouse: Connection) -> None:
    project = Project(export(ga4.SCHEMA, tables(buy("2026-03-01T10:00", "T1"))))
    run = ExportLoop(warehouse, project)
    none = {"jobComplete": True, "totalRows": "0", "schema": {"fields": []}}
    project.instead = lambda request: (
        httpx.Response(200, json=none)
        if request.method == "POST" and b"dryRun" not in request.content
        else None
    )
    with pytest.raises(VendorUnavailable, match="is being rewritten"):
        run.ingest(MARCH)
    assert run.one("select count(*) from staging.bigquery__ga4_event") == (0,)


def test_fewer_rows_than_counted_land_nothing(warehouse: Connection) -> None:
    days = tables(buy("2026-03-01T10:00", "T1"), buy("2026-03-01T11:00", "T2"))
    project = Project(export(ga4.SCHEMA, days))
    run = ExportLoop(warehouse, project)
    whole = {"jobComplete": True, "totalRows": "3", "schema": {"fields": []}, "rows": []}
    project.instead = lambda request: (
        httpx.Response(200, json=whole)
        if request.method == "POST" and b"dryRun" not in request.content
        else None
    )
    with pytest.raises(VendorUnavailable, match="0 of 3 rows"):
        run.ingest(MARCH)
    assert run.one("select count(*) from staging.bigquery__ga4_event") == (0,)


def test_a_purchase_seen_earlier_moves_to_its_first_day(warehouse: Connection) -> None:
    days = tables(buy("2026-03-03T10:00", "T1"))
    project = Project(export(ga4.SCHEMA, days))
    run = ExportLoop(warehouse, project)
    run.run(MARCH)
    assert orders(run) == [("T1", date(2026, 3, 3), Decimal("19.99"))]
    project.serve(export(ga4.SCHEMA, days | tables(buy("2026-03-01T10:00", "T1"))))
    run.run(MARCH)
    assert orders(run) == [("T1", date(2026, 3, 1), Decimal("19.99"))]


def test_an_incremental_run_also_asks_for_the_days_that_may_have_been_rewritten(
    warehouse: Connection,
) -> None:
    project = Project(export(ga4.SCHEMA, {}))
    run = ExportLoop(warehouse, project)
    hour = Window(datetime(2026, 3, 10, 9, tzinfo=UTC), datetime(2026, 3, 10, 10, tzinfo=UTC))
    run.pages(hour, "incremental")
    asked = [text.split("/tables/")[1].strip() for text in project.asked]
    assert asked == [f"events_202603{day:02d}" for day in (6, 7, 8, 9, 10)]
    project.asked.clear()
    run.pages(hour, "backfill")
    assert len(project.asked) == 1


def test_the_day_being_collected_is_not_read(warehouse: Connection) -> None:
    days = tables(buy("2026-03-01T10:00", "T1"))
    days["events_intraday_20260302"] = tables(buy("2026-03-02T10:00", "T2"))["events_20260302"]
    project = Project(export(ga4.SCHEMA, days))
    run = ExportLoop(warehouse, project)
    run.run(MARCH)
    assert not any("intraday" in text for text in project.asked)
    assert [row[0] for row in orders(run)] == ["T1"]


def test_a_query_over_the_byte_limit_is_never_run(warehouse: Connection) -> None:
    project = Project(export(ga4.SCHEMA, tables(buy("2026-03-01T10:00", "T1"))))
    options = {"property": "77", "maximum_bytes_billed": "10"}
    run = ExportLoop(warehouse, project, store=_store(options))
    with pytest.raises(ConfigurationError, match="more than the 10 allowed; nothing was read"):
        run.ingest(MARCH)
    assert project.queried == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "option property is ''"),
        ({"property": "GA4-77"}, "option property is 'GA4-77'"),
        ({"property": "77", "project": "a`b"}, "option project"),
        ({"property": "77", "maximum_bytes_billed": "10 GB"}, "option maximum_bytes_billed"),
        ({"property": "77", "lookback_days": "a month"}, "option lookback_days"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(
    warehouse: Connection, options: dict[str, str], said: str
) -> None:
    run = ExportLoop(warehouse, Project(export(ga4.SCHEMA, {})), store=_store(options))
    with pytest.raises(ConfigurationError, match=said):
        run.ingest(MARCH)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"property": "78"}, "Not found: Dataset"), ({"property": "77", "location": "US"}, "US")],
)
def test_another_property_or_place_is_a_setting_to_correct(
    warehouse: Connection, options: dict[str, str], said: str
) -> None:
    project = Project(export(ga4.SCHEMA, tables(buy("2026-03-01T10:00", "T1"))))
    run = ExportLoop(warehouse, project, store=_store(options))
    with pytest.raises(ConfigurationError, match=said):
        run.ingest(MARCH)


@pytest.mark.parametrize(
    ("reason", "wait", "attempts"), [("quotaExceeded", 600, 1), ("rateLimitExceeded", 5, 6)]
)
def test_a_short_limit_is_waited_out_and_a_long_one_left_to_the_scheduler(
    warehouse: Connection, reason: str, wait: float, attempts: int
) -> None:
    project = Project(export(ga4.SCHEMA, {}))
    run = ExportLoop(warehouse, project)
    status, body = error(403, reason, "Quota exceeded")
    project.instead = lambda request: httpx.Response(status, json=body)
    with pytest.raises(RateLimited) as caught:
        run.ingest(MARCH)
    assert caught.value.wait_seconds == wait
    assert len(project.asked) == attempts


@pytest.mark.parametrize("secret", ["", "not json", '{"client_email": "a", "private_key": "b"}'])
def test_a_key_that_is_none_says_what_to_paste(warehouse: Connection, secret: str) -> None:
    run = ExportLoop(warehouse, Project(export(ga4.SCHEMA, {})))
    run._credentials = dataclasses.replace(credentials(), password=secret)
    with pytest.raises(AuthenticationFailed, match="bigquery__main"):
        run.ingest(MARCH)


def test_the_test_button_asks_without_cost(warehouse: Connection) -> None:
    project = Project(export(ga4.SCHEMA, {}))
    run = ExportLoop(warehouse, project)
    with run.wired():
        assert CONNECTOR.test(credentials()) == "Connected: queries may run in project shop-web."
    assert len(project.asked) == 1 and '"dryRun":true' in project.asked[0]


def _store(options: dict[str, str]) -> StoreConfig:
    account = AccountConfig("bigquery", "main", options=options)
    return StoreConfig("shop", "Shop", "Europe/Berlin", "EUR", [account])
