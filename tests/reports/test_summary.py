"""The summary's numbers against SQL, its period, and the text people read."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tributary.reports.summary import MODELS, UNATTRIBUTED, read_summary
from tributary.reports.text import render_status, render_summary, table
from tributary.warehouse.connection import Connection


def test_an_empty_warehouse_has_an_empty_summary(warehouse: Connection) -> None:
    summary = read_summary(warehouse)
    assert (summary.streams, summary.run, summary.checks, summary.money) == ((), None, (), ())
    assert "Nothing has been loaded yet" in render_summary(summary)
    assert "No unify run yet" in render_status(summary)


def test_every_model_credits_the_net_revenue_of_the_period_to_the_cent(filled: Connection) -> None:
    money = read_summary(filled).money
    assert [(m.period.store_id, m.period.currency_code) for m in money] == [
        ("nordlicht", "EUR"),
        ("prairie", "USD"),
    ]
    for store in money:
        assert store.waterfall is not None
        # days 7 to 36 of the data: sum of 100.35 + n
        net = Decimal("100.35") * 30 + sum(range(7, 37))
        assert store.waterfall.net_amount == net == Decimal("3655.50")
        assert store.waterfall.orders == 30
        for model in MODELS:
            assert store.revenue(model) == net, model


def test_the_waterfall_adds_up(filled: Connection) -> None:
    for store in read_summary(filled).money:
        w = store.waterfall
        assert w is not None and w.gross_amount > w.net_amount > 0
        assert w.net_amount == (
            w.gross_amount
            - w.discount_amount
            - w.included_tax_amount
            - w.returned_amount
            - w.adjustment_amount
        )


def test_the_period_is_the_last_30_final_days_of_the_slowest_stream(filled: Connection) -> None:
    # Read until 2026-08-10 06:00 UTC; orders are final after 3 days, spend at once.
    periods = [m.period for m in read_summary(filled).money]
    assert [(p.first_day, p.end_day) for p in periods] == [(date(2026, 7, 8), date(2026, 8, 7))] * 2


def test_days_that_are_landed_but_not_published_are_not_final(stopped: Connection) -> None:
    periods = [m.period for m in read_summary(stopped).money]
    assert [p.end_day for p in periods] == [date(2026, 8, 7)] * 2
    stopped.execute("update ops.load set publication_id = 1 where status = 'landed'")
    assert [m.period.end_day for m in read_summary(stopped).money] == [
        date(2026, 8, 7),
        date(2026, 8, 8),
    ]


def test_a_period_ends_with_the_data_when_those_are_old(filled: Connection) -> None:
    filled.execute("update ops.load set window_end = '2026-12-01T06:00Z'")
    periods = [m.period for m in read_summary(filled).money]
    assert [(p.first_day, p.end_day) for p in periods] == [
        (date(2026, 7, 11), date(2026, 8, 10))
    ] * 2


def test_spend_nobody_reported_is_none_and_gives_no_ratio(filled: Connection) -> None:
    store = read_summary(filled).money[0]
    rows = {row.channel: row for row in store.channels}
    assert rows["email"].spend_amount is None and rows["email"].roas("linear") is None
    assert rows["<script>alert(1)</script>"].spend_amount == 0
    assert rows["<script>alert(1)</script>"].roas("linear") is None
    assert rows[UNATTRIBUTED].spend_amount is None
    assert store.spend == Decimal("7.25") * 30
    assert store.roas("first") == Decimal("3655.50") / Decimal("217.50")


def test_streams_say_what_they_hold_and_what_went_wrong(stopped: Connection) -> None:
    summary = read_summary(stopped)
    streams = {(s.account_id, s.stream): s for s in summary.streams}
    assert len(streams) == 4
    assert streams["nordlicht", "order"].status == "failed"
    assert "Renew it" in streams["nordlicht", "order"].error
    assert streams["nordlicht", "order"].rows_held == 40
    assert streams["prairie_files", "spend"].rows_quarantined == 1
    assert streams["prairie", "order"].loads_pending == 1
    assert summary.loads_pending == 1


def test_a_run_with_nothing_to_do_hides_no_earlier_run(filled: Connection) -> None:
    summary = read_summary(filled)
    assert summary.run is not None and summary.run.run_id == "unify-1"
    assert [phase for phase, _ in summary.run.phases] == ["build", "check", "attribute", "publish"]
    assert (summary.checks_passed, len(summary.checks)) == (11, 11)


def test_failed_checks_come_with_their_worst_rows_stops_first(stopped: Connection) -> None:
    failed = read_summary(stopped).failed_checks
    assert [(c.severity, c.rows_failed) for c in failed] == [("stop", 3), ("warn", 1)]
    assert failed[0].worst_rows[1] == {"store_id": "prairie", "order_id": "38", "net_amount": 12.5}


def test_the_text_shows_every_model_and_the_unattributed_row(filled: Connection) -> None:
    text = render_summary(read_summary(filled))
    lines = text.splitlines()
    assert "Checks passed: 11 of 11" in lines
    euro = lines.index("Nordlicht: net revenue by channel and model, EUR, 2026-07-08 to 2026-08-06")
    assert "(unattributed)" in "\n".join(lines[euro : euro + 8])
    assert lines[euro + 7].split() == ["total", "217.50", *["3,655.50"] * len(MODELS)]


def test_the_status_names_the_failed_stream_and_the_stopped_run(stopped: Connection) -> None:
    text = render_status(read_summary(stopped))
    assert "shopify/nordlicht order: AuthenticationFailed" in text
    assert "Unify run unify-3: stopped" in text
    assert "STOP sales_order_net_amount_adds_up" in text


def test_a_table_aligns_text_left_and_numbers_right() -> None:
    assert table(["name", "rows"], [["a", "1"], ["long name", "1,000"]]) == (
        "name        rows\n---------  -----\na              1\nlong name  1,000"
    )


def test_the_period_is_as_long_as_asked_and_never_longer_than_the_data(filled: Connection) -> None:
    short = [m.period for m in read_summary(filled, days=3).money]
    whole = [m.period for m in read_summary(filled, days=1_000_000).money]
    assert [(p.end_day - p.first_day).days for p in short] == [3, 3]
    rows = filled.execute(
        "select min(day) from mart.channel_performance where is_final"
        " group by store_id, currency_code order by store_id, currency_code"
    ).fetchall()
    assert [p.first_day for p in whole] == [row[0] for row in rows]
