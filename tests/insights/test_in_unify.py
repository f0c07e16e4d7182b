"""The rules on a real warehouse: what is found, that its proof shows it, and its publication."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tributary.pipeline.insights import compute
from tributary.reports.summary import read_summary
from tributary.warehouse import candidates
from tributary.warehouse.checksum import checksum
from tributary.warehouse.connection import Connection
from tributary.warehouse.publish import publish

AT = datetime(2026, 11, 19, 1, tzinfo=UTC)


@pytest.fixture
def shop(warehouse: Connection) -> Connection:
    warehouse.execute((Path(__file__).parent / "rows.sql").read_bytes())
    return warehouse


def run(conn: Connection, run_id: str) -> dict[str, int]:
    """A unify run with nothing to build: its insights and its publication."""
    candidates.open_run(conn, run_id, [])
    with conn.transaction():
        compute(conn)
    return publish(conn, run_id, AT)


def found(conn: Connection) -> dict[str, dict[str, Any]]:
    """Rule and subject -> the finding."""
    cursor = conn.execute("select * from mart.insight order by rule, subject")
    names = [column.name for column in cursor.description or []]
    rows = [dict(zip(names, row, strict=True)) for row in cursor]
    return {f"{row['rule']} {row['subject']}".strip(): row for row in rows}


def test_one_of_each_is_found_with_its_numbers(shop: Connection) -> None:
    assert run(shop, "one")["insight"] == 5
    rows = found(shop)
    assert list(rows) == [
        "channel_moved paid_search visits",
        "orders_without_touch",
        "spend_without_orders display",
        "stream_late files/north_files/spend",
        "unrecognised_source nl-haupt / rundbrief",
    ]
    moved = rows["channel_moved paid_search visits"]
    assert (moved["observed"], moved["expected"]) == (6, Decimal("56.5"))
    assert (moved["first_day"], moved["end_day"]) == (date(2026, 11, 13), date(2026, 11, 14))
    # Six of the day's eight orders had a visit left, and the 14 days' six more never had one.
    untraced = rows["orders_without_touch"]
    assert (untraced["sample_size"], untraced["observed"]) == (196, Decimal("0.4388"))
    assert untraced["money_amount"] == 86 * 50
    spend = rows["spend_without_orders display"]
    # Of the 28 days to 15 November the file has 26, at 30.00 each; an order brings 50.00.
    assert (spend["money_amount"], spend["expected"]) == (Decimal("780.00"), Decimal("15.6"))
    late = rows["stream_late files/north_files/spend"]
    assert (late["observed"], late["first_day"]) == (5, date(2026, 11, 14))
    unknown = rows["unrecognised_source nl-haupt / rundbrief"]
    assert (unknown["observed"], unknown["money_amount"]) == (200, 0)
    assert "'^nl-haupt$', '^rundbrief$', 'email'" in unknown["fix_sql"]
    assert {row["status"] for row in rows.values()} == {"active"}
    money = [row for row in rows.values() if row["money_amount"] is not None]
    assert {row["currency_code"] for row in money} == {"EUR"}


def test_money_is_held_against_orders_of_days_they_were_read_for(shop: Connection) -> None:
    shop.execute("update ops.load set window_end = '2026-11-06T00:00Z' where connector = 'shopify'")
    run(shop, "one")
    rows = found(shop)
    spend = rows["spend_without_orders display"]
    assert (spend["first_day"], spend["end_day"]) == (date(2026, 10, 9), date(2026, 11, 6))
    assert (spend["money_amount"], spend["expected"]) == (Decimal("840.00"), Decimal("16.8"))
    unknown = rows["unrecognised_source nl-haupt / rundbrief"]
    assert (unknown["end_day"], unknown["observed"]) == (date(2026, 11, 6), 100)


def test_a_shop_that_sells_in_two_currencies_is_judged_in_its_own(shop: Connection) -> None:
    """Every second order of a day is in CHF."""
    for table in ("conversion", "credit"):
        shop.execute(
            f"update core.{table} as t set currency_code = 'CHF' from (select conversion_id,"
            " row_number() over (partition by conversion_day order by conversion_id) as n"
            " from core.conversion) as v where v.conversion_id = t.conversion_id and v.n % 2 = 0"
        )
    run(shop, "one")
    rows = found(shop)
    spend = rows["spend_without_orders display"]
    # 780.00 at 50.00 EUR an order, as before there were francs.
    assert (spend["money_amount"], spend["expected"]) == (Decimal("780.00"), Decimal("15.6"))
    untraced = rows["orders_without_touch"]
    assert (untraced["sample_size"], untraced["observed"]) == (196, Decimal("0.4388"))
    euros = shop.execute(
        "select count(*) from mart.order_credit where touch_id = 0 and currency_code = 'EUR'"
        " and conversion_day between '2026-11-02' and '2026-11-15'"
    ).fetchone()
    assert euros is not None and 0 < euros[0] < 86
    assert untraced["money_amount"] == 50 * euros[0]


def test_an_account_that_left_the_stores_file_is_neither_late_nor_waited_for(
    shop: Connection,
) -> None:
    run(shop, "one")
    before = checksum(shop)["core.insight"]
    # Its last load was half a year of orders, visits and spend ago; what it brought stays.
    shop.execute(
        "insert into core.account values ('north', 'files', 'gone', 'UTC', 'EUR');"
        "insert into ops.load (store_id, connector, account_id, stream, run_id, mode,"
        " window_start, window_end, status, started_at, finished_at, publication_id)"
        " select 'north', 'files', 'gone', stream, 'before', 'incremental', '2026-08-01',"
        " '2026-09-20', 'landed', '2026-09-20', '2026-09-20', 1 from ops.stream;"
        "insert into core.conversion values ('north', 'purchase', 1, 'files', 'gone', '1',"
        " '2026-09-01 09:00', '2026-09-01', 'order:files:1', 0, 'EUR', null, '2026-09-01', 1);"
        "update core.touch set account_id = 'gone' where touch_day = '2026-09-01';"
        "update core.channel_daily set account_id = 'gone' where day = '2026-09-01'"
    )
    run(shop, "waits")
    assert "stream_late files/gone/spend" in found(shop)
    shop.execute(
        "insert into ops.expected_stream select l.store_id, l.connector, l.account_id, l.stream"
        " from ops.load as l where l.account_id <> 'gone'"
    )
    run(shop, "two")
    assert checksum(shop)["core.insight"] == before
    gone = "select distinct is_expected, account_id from mart.freshness order by 1, 2"
    assert shop.execute(gone).fetchall() == [
        (False, "gone"),
        (True, "north"),
        (True, "north_files"),
    ]
    states = {s.account_id: (s.status, s.error) for s in read_summary(shop).streams}
    assert states["gone"] == ("not read", "")
    assert states["north"] == ("landed", "")


def test_the_proof_of_each_finding_shows_its_number_to_an_analyst(shop: Connection) -> None:
    run(shop, "one")
    rows = found(shop)
    shop.execute("set role analyst")
    proofs = {key: shop.execute(row["evidence_sql"]).fetchall() for key, row in rows.items()}
    shop.execute("reset role")
    days = {row[0]: row[2] for row in proofs["channel_moved paid_search visits"]}
    assert days[date(2026, 11, 13)] == 6 and len(days) == 57
    assert proofs["spend_without_orders display"] == [(Decimal("780.00"), 0, 0, None)]
    recent = proofs["orders_without_touch"][:14]
    assert (sum(r[1] for r in recent), sum(r[2] for r in recent)) == (196, 86)
    assert sum(row[3] for row in proofs["unrecognised_source nl-haupt / rundbrief"]) == 200
    assert [row[0] for row in proofs["stream_late files/north_files/spend"]][:1] != []


def test_the_statement_that_mends_it_mends_it(shop: Connection) -> None:
    run(shop, "one")
    shop.execute(found(shop)["unrecognised_source nl-haupt / rundbrief"]["fix_sql"])
    channel = "select ops.channel('north', 'nl-haupt', 'rundbrief', '', '', '')"
    assert shop.execute(channel).fetchone() == ("email",)


def test_a_second_run_moves_nothing_and_forgets_nothing(shop: Connection) -> None:
    run(shop, "one")
    sums = checksum(shop)
    assert sums["core.insight"].startswith("5 ")
    assert set(run(shop, "two").values()) == {0}
    assert checksum(shop) == sums
    assert shop.execute("select count(*) from ops.insight_event").fetchone() == (5,)


def test_a_publication_without_the_insights_step_leaves_them(shop: Connection) -> None:
    run(shop, "one")
    candidates.open_run(shop, "two", [])
    assert publish(shop, "two", AT)["insight"] == 0
    assert len(found(shop)) == 5


def test_what_is_mended_is_resolved(shop: Connection) -> None:
    run(shop, "one")
    shop.execute("delete from core.channel_daily")
    shop.execute("update core.touch set channel = 'email' where channel = 'other'")
    run(shop, "two")
    status = {key: row["status"] for key, row in found(shop).items()}
    assert status["spend_without_orders display"] == "resolved"
    assert status["unrecognised_source nl-haupt / rundbrief"] == "resolved"
    assert status["orders_without_touch"] == "active"
