"""Third-party data end to end, against a plain pandas computation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd

from tributary.reports.quarantine import by_reason, render_list

from .support import Loop

GA4_SAMPLE = "touchpoints/ga4_events_sample_2020-11_2020-12.parquet"
MODELS = ("first", "last", "last_non_direct", "linear", "time_decay", "position_based")


def test_clicks_sales_and_spend(shared_data: Path, loop: Callable[[Path], Loop]) -> None:
    run = loop(shared_data / "touchpoints/clicks_sales_spend")
    counts = run.run()
    assert {name: c.rows_in for name, c in counts.items() if c.rows_in} == {
        "touch": 2067,
        "order_line": 200,
        "spend": 2555,
    }
    assert run.one("select count(*), sum(net_amount) from core.sales_order") == (
        200,
        Decimal("7487455.10"),
    )
    assert run.one("select count(*), sum(value_amount) from core.conversion") == (
        200,
        Decimal("7487455.10"),
    )
    assert run.one("select sum(spend_amount) from core.channel_daily") == (Decimal("1141303.41"),)
    assert run.one(
        "select count(*), min(lookback_days), count(distinct channel) from core.touch"
    ) == (
        2067,
        366,
        7,
    )
    for model in MODELS:
        total, without = run.one(
            f"select sum({model}_amount),"
            f" count(*) filter (where touch_id = 0 and {model}_share = 1) from core.credit"
        )
        assert total == Decimal("7487455.10"), model
        assert without == 83, model


def test_online_retail_by_month(shared_data: Path, loop: Callable[[Path], Loop]) -> None:
    path = shared_data / "sales/online_retail_2010-12_2011-06.csv.gz"
    plain = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert len(plain) == 245_903
    plain["amount"] = [
        Decimal(q) * Decimal(p) for q, p in zip(plain.Quantity, plain.UnitPrice, strict=True)
    ]
    plain["month"] = plain.InvoiceDate.str[:7]
    cancelled = plain.InvoiceNo.str.startswith("C")
    negative = plain.Quantity.str.startswith("-") & ~cancelled

    run = loop(path.parent)
    counts = run.run()
    lines, refunds = counts["order_line"], counts["refund"]
    assert lines.rows_in + refunds.rows_in == 245_903
    assert lines.rows_quarantined == negative.sum() == 758
    assert lines.rows_duplicate + refunds.rows_duplicate == plain.duplicated().sum() == 2012
    assert run.one("select count(*) from core.order_line") == (245_903 - 4_494 - 758,)
    assert run.one("select count(*) from core.refund_line") == (4_494,)
    assert run.rows(
        "select reason ~ 'negative', count(*) from ops.quarantine where resolved_at is null"
        " group by 1"
    ) == [(True, 758)]

    listed = render_list(by_reason(run.conn), datetime(2026, 1, 4, tzinfo=UTC))
    assert listed.splitlines()[2].split()[:4] == ["shop", "files/main", "order_line", "quantity"]
    assert "758 records wait" in listed and len(by_reason(run.conn)) == 1

    gross = plain[~cancelled & ~negative].groupby("month").amount.sum().to_dict()
    returned = (-plain[cancelled].groupby("month").amount.sum()).to_dict()
    assert _by_month(run, "order_day", "gross_amount", "order_line") == gross
    assert _by_month(run, "order_day", "net_amount", "sales_order") == gross
    assert _by_month(run, "conversion_day", "value_amount", "conversion") == gross
    assert _by_month(run, "refund_day", "returned_amount", "refund") == returned
    net = {month: gross[month] - returned[month] for month in gross}
    assert sum(net.values()) == sum(plain[~negative].amount)
    assert (
        dict(
            run.rows(
                "select to_char(day, 'YYYY-MM'), sum(net_amount)"
                " from mart.revenue_waterfall group by 1"
            )
        )
        == net
    )


def test_ga4_sample_by_day(shared_data: Path, loop: Callable[[Path], Loop]) -> None:
    path = shared_data / GA4_SAMPLE
    purchases = ga4_purchases(path)
    assert (len(purchases), purchases.revenue.sum()) == (510, 36_184)

    run = loop(path)
    counts = run.run()["ga4_event"]
    assert (counts.rows_in, counts.rows_quarantined) == (17_453, 0)
    staged = run.rows(
        "select business_date, count(*)::int, sum(coalesce(purchase_revenue, 0))"
        " from staging.files__ga4_event where event_name = 'purchase' group by 1"
    )
    by_day = purchases.groupby("day").revenue.agg(["size", "sum"])
    assert {day: (n, amount) for day, n, amount in staged} == {
        day: (row["size"], row["sum"]) for day, row in by_day.iterrows()
    }

    first = ga4_first_purchases(purchases)
    assert (len(first), first.revenue.sum()) == (486, 35_888)
    core = run.rows(
        "select order_day, count(*)::int, sum(net_amount) from core.sales_order group by 1"
    )
    expected = first.groupby("day").revenue.agg(["size", "sum"])
    assert {day: (n, amount) for day, n, amount in core} == {
        day: (row["size"], row["sum"]) for day, row in expected.iterrows()
    }
    assert run.one("select count(*), sum(value_amount) from core.conversion") == (486, 35_888)
    # One touch per session; what Google hid stays as received; the shop's own pages are no source.
    assert run.one("select count(*) from core.touch") == (14_578,)
    assert run.one("select sum(sessions) from core.channel_daily") == (14_578,)
    sources = dict(run.rows("select source_raw, count(*)::int from core.touch group by 1"))
    assert sources["(data deleted)"] > 100
    assert sources["<Other>"] > 100
    assert run.one("select count(*) from core.touch where source ~ 'merchandisestore'") == (0,)


def ga4_purchases(path: Path) -> pd.DataFrame:
    """The purchase events of the sample with day, revenue and id, by pandas alone."""
    plain = pd.read_parquet(path, columns=["event_date", "event_name", "ecommerce", "event_params"])
    purchases = plain[plain.event_name == "purchase"].copy()
    purchases["revenue"] = [
        Decimal(str(e["purchase_revenue"] or 0))
        if e["purchase_revenue"] == e["purchase_revenue"]
        else Decimal(0)
        for e in purchases.ecommerce
    ]
    purchases["day"] = [date.fromisoformat(d) for d in purchases.event_date]
    purchases["id"] = [
        _transaction(e, p) for e, p in zip(purchases.ecommerce, purchases.event_params, strict=True)
    ]
    return purchases


def ga4_first_purchases(purchases: pd.DataFrame) -> pd.DataFrame:
    """What core keeps, the first of an id: 18 came without id (and without revenue), 6 twice."""
    return purchases[purchases.id != ""].drop_duplicates("id")


def _by_month(run: Loop, day: str, amount: str, table: str) -> dict[str, Decimal]:
    rows = run.rows(f"select to_char({day}, 'YYYY-MM'), sum({amount}) from core.{table} group by 1")
    return {month: Decimal(total) for month, total in rows}


def _transaction(ecommerce: dict[str, object], params: list[dict[str, object]]) -> str:
    values = {p["key"]: p["value"] for p in params}
    param = values.get("transaction_id") or {}
    assert isinstance(param, dict)
    for found in (ecommerce["transaction_id"], param.get("string_value"), param.get("int_value")):
        if found and found == found and str(found) != "(not set)":
            return str(found if isinstance(found, str) else int(found))
    return ""
