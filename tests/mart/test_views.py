"""The mart views over rows written by hand (rows.sql): every number can be worked out there."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tributary.warehouse import contracts
from tributary.warehouse.connection import Connection

MODELS = ["first", "last", "last_non_direct", "linear", "time_decay", "position_based"]
VIEWS = [
    "channel_performance",
    "explain_order",
    "freshness",
    "identity_hub",
    "order_confidence",
    "order_credit",
    "revenue_waterfall",
]
D = Decimal


def rows(conn: Connection, columns: str, view: str, where: str = "true") -> list[tuple[Any, ...]]:
    order = columns.removeprefix("distinct ")
    return conn.execute(
        f"select {columns} from mart.{view} where {where} order by {order}"
    ).fetchall()


def performance(
    conn: Connection, columns: str, store: str, day: str, channel: str, currency: str = "EUR"
) -> tuple[Any, ...]:
    found = rows(
        conn,
        columns,
        "channel_performance",
        f"(store_id, day, channel, currency_code)"
        f" = ('{store}', '{day}', '{channel}', '{currency}')",
    )
    assert len(found) == 1, (store, day, channel, currency)
    return found[0]


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_has_the_columns_of_its_contract_and_one_row_per_grain(
    shops: Connection, view: str
) -> None:
    contract = contracts.load_all()[f"mart.{view}"]
    columns = shops.execute(
        "select column_name from information_schema.columns"
        " where (table_schema, table_name) = ('mart', %s) order by ordinal_position",
        (view,),
    ).fetchall()
    assert [name for (name,) in columns] == list(contract.columns)
    grain = ", ".join(contract.grain)
    keys = rows(shops, grain, view)
    assert keys
    assert len(keys) == len(set(keys))
    for name, column in contract.columns.items():
        if not column.nullable:
            assert rows(shops, grain, view, f"{name} is null") == [], name


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_empty_and_readable_before_anything_was_loaded(
    warehouse: Connection, view: str
) -> None:
    assert rows(warehouse, "store_id", view) == []


def test_spend_is_null_where_no_source_reports_it_and_zero_where_one_says_zero(
    shops: Connection,
) -> None:
    columns = "spend_amount, impressions, clicks, sessions"
    assert performance(shops, columns, "kiel", "2026-08-03", "paid_search") == (
        D("12.34"),
        1050,
        10,
        None,
    )
    assert performance(shops, columns, "kiel", "2026-08-05", "paid_search")[0] == D("0.00")
    assert performance(shops, columns, "kiel", "2026-08-05", "email") == (None, None, None, 7)
    assert performance(shops, columns, "kiel", "2026-08-05", "unattributed") == (None,) * 4


def test_cash_is_on_the_day_of_the_order_and_credit_also_on_the_day_of_the_touch(
    shops: Connection,
) -> None:
    columns = (
        "linear_conversions, linear_amount, linear_touch_day_amount, first_amount, last_amount"
    )
    assert performance(shops, columns, "kiel", "2026-08-05", "paid_search") == (
        0.5,
        D("50.00"),
        0,
        D("100.00"),
        0,
    )
    # The touch of 3 August earned half of order 1 and all of order 6.
    assert performance(shops, columns, "kiel", "2026-08-03", "paid_search") == (
        0,
        0,
        D("70.01"),
        0,
        0,
    )
    assert performance(shops, columns, "kiel", "2026-08-05", "email") == (
        0.5,
        D("50.00"),
        D("50.00"),
        0,
        D("100.00"),
    )


def test_an_order_without_touch_is_in_the_unattributed_row_of_its_own_day(
    shops: Connection,
) -> None:
    columns = ", ".join(f"{m}_conversions, {m}_amount, {m}_touch_day_amount" for m in MODELS)
    assert performance(shops, columns, "kiel", "2026-08-05", "unattributed") == (
        (1, D("134.00"), D("134.00")) * 6
    )


def test_currencies_are_never_added_up(shops: Connection) -> None:
    where = "day = '2026-08-05' and channel = 'email'"
    assert rows(shops, "currency_code, linear_amount", "channel_performance", where) == [
        ("CHF", D("10.00")),
        ("EUR", D("50.00")),
    ]


def test_a_visit_that_export_and_reports_both_count_is_one_session(shops: Connection) -> None:
    """The 5th has both (and 7 in rows.sql), the 6th only reports."""
    before = dict(
        rows(shops, "store_id, sum(spend_amount)", "channel_performance", "true group by 1")
    )
    shops.execute(
        "insert into core.channel_daily (store_id, day, connector, account_id, campaign_id,"
        " currency_code, campaign_name, source, medium, channel, sessions, source_day, load_id)"
        " select 'kiel', d::date, c, 'web', s || c, 'EUR', '', s, '', ch, n, d::date, 1"
        " from (values"
        " ('2026-08-05', 'bigquery', 'x', 'email', 3), ('2026-08-05', 'files', 'y', 'direct', 2),"
        " ('2026-08-05', 'ga4', 'x', 'email', 100), ('2026-08-05', 'ga4', 'z', 'sms', 50),"
        " ('2026-08-06', 'ga4', 'x', 'email', 70)) as v (d, c, s, ch, n)"
    )
    found = rows(
        shops, "day::text, channel, sessions", "channel_performance", "sessions is not null"
    )
    assert found == [
        ("2026-08-05", "direct", 2),
        ("2026-08-05", "email", 3 + 7),
        ("2026-08-06", "email", 70),
    ]
    after = rows(shops, "store_id, sum(spend_amount)", "channel_performance", "true group by 1")
    assert dict(after) == before


def test_a_lift_test_counts_orders_of_all_currencies_and_money_of_its_own(
    shops: Connection,
) -> None:
    shops.execute(
        "select ops.add_lift_test('kiel', 'email', '2026-08-05', '2026-08-06', 'geo', 'ann',"
        " '2026-09-01', conversions => 1.4, conversions_low => 1, conversions_high => 2,"
        " amount => 55, amount_low => 40, amount_high => 60)"
    )
    columns = "model_conversions, conversions_agree, model_amount, amount_agrees, currency_code"
    # Half of order 1 in EUR and all of order 5, 10.00 CHF.
    found = rows(shops, columns, "lift_test", "model = 'linear'")
    assert found == [(1.5, True, D("50.00"), True, "EUR")]


@pytest.mark.parametrize("basis", ["amount", "touch_day_amount"])
@pytest.mark.parametrize("model", MODELS)
def test_every_model_gives_out_exactly_the_revenue_of_the_orders(
    shops: Connection, model: str, basis: str
) -> None:
    found = shops.execute(
        f"select store_id, currency_code, sum({model}_{basis}), sum({model}_conversions)"
        " from mart.channel_performance group by 1, 2 order by 1, 2"
    ).fetchall()
    assert found == [
        ("kiel", "CHF", D("10.00"), 1),
        ("kiel", "EUR", D("254.01"), 3),
        ("tampa", "USD", D("80.00"), 1),
    ]


def test_a_day_is_final_when_the_slowest_stream_of_its_store_was_read_past_it(
    shops: Connection,
) -> None:
    assert rows(shops, "stream, final_through", "freshness", "store_id = 'kiel'") == [
        ("order", date(2026, 8, 8)),  # 11 August in Berlin less three days
        ("spend", date(2026, 8, 10)),  # over in Berlin, not only in Tokyo
    ]
    final = rows(shops, "distinct day, is_final", "channel_performance", "store_id = 'kiel'")
    assert final == [
        (date(2026, 8, 3), True),
        (date(2026, 8, 5), True),
        (date(2026, 8, 8), False),
        (date(2026, 8, 10), False),
    ]
    assert rows(
        shops, "distinct day", "channel_performance", "store_id = 'tampa' and is_final"
    ) == [
        (date(2026, 8, 4),),
        (date(2026, 8, 5),),
    ]


def test_no_day_is_final_while_a_stream_of_the_store_was_never_published(
    shops: Connection,
) -> None:
    shops.execute(
        "insert into ops.load (store_id, connector, account_id, stream, run_id, mode,"
        " window_start, window_end, status, started_at) values ('tampa', 'shopify', 'tampa',"
        " 'refund', 'i', 'backfill', '2026-08-01', '2026-08-10', 'running', '2026-08-10')"
    )
    shops.execute(
        "insert into ops.stream (connector, stream, kind, feed, restate_days, finality_days,"
        " spill_days, backfill) values ('shopify', 'refund', 'document', 'sales', 0, 0, 0, 'full')"
    )
    assert rows(shops, "distinct is_final", "channel_performance", "store_id = 'tampa'") == [
        (False,)
    ]
    assert (True,) in rows(shops, "distinct is_final", "channel_performance", "store_id = 'kiel'")


def test_freshness_tells_the_last_load_what_landed_and_what_was_published(
    shops: Connection,
) -> None:
    columns = (
        "last_status, last_error, landed_at, read_through, rows_held, rows_quarantined,"
        " loads_pending, published_at"
    )
    found = rows(shops, columns, "freshness", "(store_id, stream) = ('kiel', 'order')")
    assert found == [
        (
            "failed",
            "the shop did not answer",
            datetime(2026, 8, 12, 6, 1, tzinfo=UTC),
            datetime(2026, 8, 11, 22, 30, tzinfo=UTC),
            11,
            1,
            1,
            datetime(2026, 8, 11, 7, tzinfo=UTC),
        )
    ]


def test_order_credit_names_order_and_touch_of_the_current_credit_set_only(
    shops: Connection,
) -> None:
    columns = "order_name, touch_id, value_amount, channel, source, touch_day, linear_amount"
    assert rows(shops, columns, "order_credit", "store_id = 'kiel'") == [
        ("#1", 101, D("100.00"), "paid_search", "google", date(2026, 8, 3), D("50.00")),
        ("#1", 102, D("100.00"), "email", "klaviyo", date(2026, 8, 5), D("50.00")),
        ("#2", 0, D("134.00"), "unattributed", "", None, D("134.00")),
        ("#5", 102, D("10.00"), "email", "klaviyo", date(2026, 8, 5), D("10.00")),
        ("#6", 101, D("20.01"), "paid_search", "google", date(2026, 8, 3), D("20.01")),
    ]


def test_moving_the_pointer_back_shows_the_credits_of_before(shops: Connection) -> None:
    shops.execute(
        "update core.credit_pointer set credit_set_id = 'purchase-before' where store_id = 'kiel'"
    )
    columns = "order_name, touch_id, linear_amount"
    assert rows(shops, columns, "order_credit", "store_id = 'kiel'") == [("#1", 102, D("100.00"))]


def test_the_waterfall_takes_returns_off_on_the_day_of_the_refund(shops: Connection) -> None:
    columns = (
        "day, currency_code, orders, gross_amount, discount_amount, included_tax_amount,"
        " returned_amount, adjustment_amount, net_amount, refunds, refunded_amount"
    )
    assert rows(shops, columns, "revenue_waterfall", "store_id = 'kiel'") == [
        (date(2026, 8, 5), "CHF", 1, 10, 0, 0, 0, 0, D(10), 0, 0),
        (date(2026, 8, 5), "EUR", 2, 357, D("23.80"), D("53.20"), 0, 0, D("280.00"), 0, 0),
        (date(2026, 8, 7), "EUR", 0, 0, 0, 0, 50, -4, D("-46.00"), 1, D("55.50")),
        (date(2026, 8, 8), "EUR", 1, D("20.01"), 0, 0, 0, 0, D("20.01"), 0, 0),
    ]
    columns = "shipping_amount, tax_amount, gift_card_amount, total_amount"
    where = "(store_id, day, currency_code) = ('kiel', '2026-08-05', 'EUR')"
    assert rows(shops, columns, "revenue_waterfall", where) == [
        (D("5.00"), D("54.00"), D("25"), D("363.20"))
    ]


def test_the_waterfall_and_the_credits_agree_on_net_revenue(shops: Connection) -> None:
    waterfall = shops.execute(
        "select store_id, currency_code, sum(net_amount) from mart.revenue_waterfall"
        " group by 1, 2 order by 1, 2"
    ).fetchall()
    credited = shops.execute(
        "select store_id, currency_code, sum(linear_amount) from mart.order_credit"
        " group by 1, 2 order by 1, 2"
    ).fetchall()
    assert waterfall == credited
    assert len(waterfall) == 3


def test_an_account_that_left_the_stores_file_holds_no_day_back(shops: Connection) -> None:
    shops.execute("insert into ops.expected_stream values ('kiel', 'files', 'kiel_files', 'spend')")
    before = rows(shops, "distinct day, is_final", "channel_performance", "store_id = 'kiel'")
    assert (date(2026, 8, 3), True) in before
    shops.execute(
        "update ops.load set window_end = '2026-01-01', window_start = '2025-12-01'"
        " where store_id = 'kiel' and stream = 'order'"
    )
    after = rows(shops, "distinct day, is_final", "channel_performance", "store_id = 'kiel'")
    assert (date(2026, 8, 3), True) in after
    shops.execute("insert into ops.expected_stream values ('kiel', 'shopify', 'kiel', 'order')")
    held = rows(shops, "distinct day, is_final", "channel_performance", "store_id = 'kiel'")
    assert (date(2026, 8, 3), False) in held
