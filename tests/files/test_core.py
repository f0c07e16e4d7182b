"""From files to core: restatement, refunds, orders over days, GA4 sessions and purchases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .support import Loop

ORDERS = (
    "order_id,line_id,ordered_at,user_key,sku,title,quantity,gross_amount,discount_amount,"
    "tax_amount,shipping_amount,currency\n"
)
REFUNDS = (
    "refund_id,order_id,refunded_at,user_key,sku,quantity,returned_amount,tax_amount,"
    "shipping_amount,currency\n"
)


def order(number: int, line: int, at: str, gross: str, discount: str = "0") -> str:
    return f"{number},{line},{at},u{number},sku,Thing,1,{gross},{discount},0,0,EUR\n"


def sales(run: Loop) -> dict[str, tuple[Any, ...]]:
    rows = run.rows("select order_id, order_day, net_amount, returned_amount from core.sales_order")
    return {str(key): (day, net, returned) for key, day, net, returned in rows}


def test_a_changed_file_replaces_its_rows_and_nothing_else(
    tmp_path: Path, loop: Callable[[Path], Loop]
) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS + order(1, 1, "2026-03-01", "10") + order(2, 1, "2026-03-02", "20"))
    run = loop(tmp_path)
    run.run()
    before = dict(run.rows("select order_id, xmin::text from core.sales_order"))
    assert {k: v[1] for k, v in sales(run).items()} == {"1": 10, "2": 20}

    path.write_text(
        ORDERS + order(1, 1, "2026-03-01", "10") + order(3, 1, "2026-03-04", "30") + "broken\n"
    )
    counts = run.run()["order_line"]
    assert (counts.rows_new, counts.rows_unchanged, counts.rows_deleted) == (1, 1, 1)
    assert {k: v[1] for k, v in sales(run).items()} == {"1": 10, "3": 30}
    assert run.one("select xmin::text from core.sales_order where order_id = '1'") == (before["1"],)
    assert run.rows("select source, resolved_at is null from ops.quarantine") == [
        ("orders.csv line 4", True)
    ]

    path.write_text(ORDERS + order(1, 1, "2026-03-01", "10") + order(3, 1, "2026-03-04", "31"))
    run.run()
    assert {k: v[1] for k, v in sales(run).items()} == {"1": 10, "3": 31}
    assert run.rows("select resolved_at is null from ops.quarantine") == [(False,)]
    assert run.unify() is False


def test_everything_twice_writes_nothing(tmp_path: Path, loop: Callable[[Path], Loop]) -> None:
    (tmp_path / "orders.csv").write_text(ORDERS + order(1, 1, "2026-03-01", "10"))
    run = loop(tmp_path)
    run.run()
    marks = run.rows("select xmin::text, * from core.sales_order")
    assert all(c.rows_in == 0 for c in run.ingest().values())
    assert run.unify() is False
    assert run.rows("select xmin::text, * from core.sales_order") == marks


def test_an_order_of_two_days_and_files_is_one_order_on_its_first_day(
    tmp_path: Path, loop: Callable[[Path], Loop]
) -> None:
    (tmp_path / "orders_1.csv").write_text(ORDERS + order(1, 2, "2026-03-20", "5"))
    run = loop(tmp_path)
    run.run()
    assert sales(run) == {"1": (date(2026, 3, 20), 5, 0)}

    (tmp_path / "orders_2.csv").write_text(ORDERS + order(1, 1, "2026-03-01", "10", "1"))
    run.run()
    assert sales(run) == {"1": (date(2026, 3, 1), 14, 0)}
    assert run.rows("select line_id, order_day from core.order_line order by 1") == [
        ("1|1", date(2026, 3, 1)),
        ("1|2", date(2026, 3, 1)),
    ]


def test_lines_that_two_exports_share_count_once(
    tmp_path: Path, loop: Callable[[Path], Loop]
) -> None:
    (tmp_path / "a.csv").write_text(
        ORDERS + order(1, 1, "2026-03-01", "10") + order(2, 1, "2026-03-02", "20")
    )
    (tmp_path / "b.csv").write_text(
        ORDERS + order(2, 1, "2026-03-05", "25") + order(3, 1, "2026-03-03", "30")
    )
    run = loop(tmp_path)
    run.run()
    assert sales(run) == {
        "1": (date(2026, 3, 1), 10, 0),
        "2": (date(2026, 3, 5), 25, 0),
        "3": (date(2026, 3, 3), 30, 0),
    }
    # The newer file lets go of the order: the older one's line counts again, on its own day.
    (tmp_path / "b.csv").write_text(ORDERS + order(3, 1, "2026-03-03", "30"))
    run.run()
    assert sales(run)["2"] == (date(2026, 3, 2), 20, 0)


def test_a_refund_lowers_the_order_it_names_and_no_other(
    tmp_path: Path, loop: Callable[[Path], Loop]
) -> None:
    (tmp_path / "orders.csv").write_text(ORDERS + order(1, 1, "2026-03-01", "10"))
    run = loop(tmp_path)
    run.run()
    (tmp_path / "refunds.csv").write_text(
        REFUNDS
        + "r1,1,2026-03-20,u1,sku,1,4.00,0.76,0,EUR\n"
        + "r2,,2026-03-21,u1,sku,1,9.00,0,0,EUR\n"
        + "r3,99,2026-03-22,u1,sku,1,7.00,0,0,EUR\n"
    )
    run.run()
    assert sales(run) == {"1": (date(2026, 3, 1), 6, 4)}
    assert run.one("select sum(value_amount) from core.conversion") == (6,)
    assert run.rows(
        "select refund_id, order_id, refund_day, returned_amount, total_amount"
        " from core.refund order by 1"
    ) == [
        ("r1", "1", date(2026, 3, 20), Decimal("4.00"), Decimal("4.76")),
        ("r2", "", date(2026, 3, 21), Decimal("9.00"), Decimal("9.00")),
        ("r3", "99", date(2026, 3, 22), Decimal("7.00"), Decimal("7.00")),
    ]


def event(at: str, name: str = "page_view", user: str | None = "c1", **more: Any) -> dict[str, Any]:
    """A GA4 export row; `more` are event_params, except the export's own columns."""
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    params = {
        "ga_session_id": more.pop("session", 1),
        "ga_session_number": more.pop("number", 2),
        "page_location": "https://www.shop.example/p",
    }
    collected, first = more.pop("collected", {}), more.pop("first", {})
    revenue = more.pop("revenue", None)
    params |= more
    micros = int(moment.timestamp() * 1_000_000)
    return {
        "event_date": f"{moment:%Y%m%d}",
        "event_timestamp": micros,
        "event_name": name,
        "event_params": [
            {
                "key": k,
                "value": {"string_value": None, "int_value": v}
                if isinstance(v, int)
                else {"string_value": v, "int_value": None},
            }
            for k, v in params.items()
        ],
        "event_bundle_sequence_id": micros % 2**31,
        "user_id": None,
        "user_pseudo_id": user,
        "device": {"category": "mobile"},
        "geo": {"country": "Germany"},
        "traffic_source": {"source": None, "medium": None, "name": None} | first,
        "collected_traffic_source": {
            "manual_source": None,
            "manual_medium": None,
            "manual_campaign_name": None,
            "gclid": None,
        }
        | collected,
        "ecommerce": {"purchase_revenue": revenue, "transaction_id": params.get("transaction_id")},
    }


def write(folder: Path, *events: dict[str, Any]) -> None:
    """One export file per day, as BigQuery has one table per day."""
    for day in {e["event_date"] for e in events}:
        rows = [e for e in events if e["event_date"] == day]
        pq.write_table(pa.Table.from_pylist(rows), folder / f"events_{day}.parquet")


def touches(run: Loop) -> list[tuple[Any, ...]]:
    return run.rows(
        "select identifier, touch_day, source_raw, source, medium, channel"
        " from core.touch order by occurred_at, identifier"
    )


def test_a_sessions_source_comes_from_its_best_evidence(
    tmp_path: Path, loop: Callable[[Path], Loop]
) -> None:
    own, pay = "https://shop.example/a", "https://www.paypal.com/checkout"
    write(
        tmp_path,
        # the first event that names a source, not the one before it
        event("2026-03-01T10:00", user="a"),
        event("2026-03-01T10:01", user="a", source="TikTok", medium="paid_social"),
        event("2026-03-01T10:02", user="a", source="google", medium="organic"),
        # the link's own parameters come before GA4's event parameters
        event(
            "2026-03-01T11:00",
            user="b",
            collected={"manual_source": "klaviyo", "manual_medium": "email"},
            source="(direct)",
            medium="(none)",
        ),
        event(
            "2026-03-01T12:00", user="c", page_location="https://shop.example/?gclid=x&email=a@b.c"
        ),
        event("2026-03-01T13:00", user="d", page_referrer="https://www.google.com/"),
        event("2026-03-01T14:00", user="e", page_referrer="https://blog.example.org/x"),
        # the shop's own pages and a payment page bring nobody
        event(
            "2026-03-01T15:00",
            user="f",
            page_referrer=own,
            source="shop.example",
            medium="referral",
        ),
        event(
            "2026-03-01T16:00", user="g", page_referrer=pay, source="paypal.com", medium="referral"
        ),
        # the user's first source stands in for a first session only
        event(
            "2026-03-01T17:00", user="h", number=1, first={"source": "bing", "medium": "organic"}
        ),
        event(
            "2026-03-01T18:00", user="i", number=2, first={"source": "bing", "medium": "organic"}
        ),
        event("2026-03-01T19:00", user=None),
    )
    run = loop(tmp_path)
    run.run()
    day = date(2026, 3, 1)
    assert touches(run) == [
        ("client:a", day, "TikTok", "tiktok", "paid_social", "paid_social"),
        ("client:b", day, "klaviyo", "klaviyo", "email", "email"),
        ("client:c", day, "", "google", "cpc", "paid_search"),
        ("client:d", day, "", "google", "organic", "organic_search"),
        ("client:e", day, "", "blog.example.org", "referral", "referral"),
        ("client:f", day, "shop.example", "direct", "", "direct"),
        ("client:g", day, "paypal.com", "direct", "", "direct"),
        ("client:h", day, "", "bing", "organic", "organic_search"),
        ("client:i", day, "", "direct", "", "direct"),
    ]
    pages = run.rows("select distinct page_location from staging.files__ga4_event")
    assert not any("?" in page or "@" in page for (page,) in pages)
    assert run.one("select sum(sessions) from core.channel_daily") == (9,)


def test_one_sessions_click_id_makes_no_other_session_paid(
    tmp_path: Path, loop: Callable[[Path], Loop]
) -> None:
    """21 sessions of a day say google / organic, and one of them came by an ad's link."""
    link = {"page_location": "https://shop.example/?gclid=x"}
    write(
        tmp_path,
        *(
            event(
                f"2026-03-01T10:{n:02}",
                user=f"u{n}",
                source="google",
                medium="organic",
                **(link if n == 7 else {}),
            )
            for n in range(21)
        ),
    )
    run = loop(tmp_path)
    run.run()
    daily = "select channel, sum(sessions), count(*) from core.channel_daily group by 1 order by 1"
    assert run.rows(daily) == [("organic_search", 20, 1), ("paid_search", 1, 1)]
    assert [row[0] for row in touches(run) if row[-1] == "paid_search"] == ["client:u7"]
    assert len(touches(run)) == 21


def test_a_session_over_midnight_is_one_touch_also_when_its_days_come_apart(
    tmp_path: Path, loop: Callable[[Path], Loop]
) -> None:
    evening = event("2026-03-01T23:50", source="google", medium="cpc")
    morning = event("2026-03-02T00:10", source="newsletter", medium="email")
    write(tmp_path, morning)
    run = loop(tmp_path)
    run.run()
    assert [row[1:4] for row in touches(run)] == [(date(2026, 3, 2), "newsletter", "newsletter")]
    write(tmp_path, evening)
    run.run()
    assert [row[1:4] for row in touches(run)] == [(date(2026, 3, 1), "google", "google")]
    # A session id that Google uses again days later is another session.
    write(tmp_path, event("2026-03-09T10:00", source="bing", medium="cpc"))
    run.run()
    assert [row[1] for row in touches(run)] == [date(2026, 3, 1), date(2026, 3, 9)]


def test_purchases_count_once_by_transaction_and_never_without_one(
    tmp_path: Path, loop: Callable[[Path], Loop]
) -> None:
    def buy(at: str, number: str | None, user: str = "c1") -> dict[str, Any]:
        more = {"transaction_id": number} if number else {}
        return event(at, "purchase", user, revenue=19.99, currency="EUR", **more)

    write(
        tmp_path,
        buy("2026-03-02T10:00", "T1"),
        buy("2026-03-02T10:05", "T1"),
        buy("2026-03-02T11:00", "(not set)"),
        buy("2026-03-02T12:00", None),
        buy("2026-03-05T12:00", "T2", "c2"),
    )
    run = loop(tmp_path)
    run.run()
    query = "select order_id, order_day, net_amount, currency_code from core.sales_order order by 1"
    assert run.rows(query) == [
        ("T1", date(2026, 3, 2), Decimal("19.99"), "EUR"),
        ("T2", date(2026, 3, 5), Decimal("19.99"), "EUR"),
    ]
    assert run.rows("select identifier_a, identifier_b from core.identity_edge order by 1") == [
        ("client:c1", "order:files:T1"),
        ("client:c2", "order:files:T2"),
    ]
    # An earlier event of T2 arrives late: the order moves to its day.
    write(tmp_path, buy("2026-03-03T12:00", "T2", "c2"))
    run.run()
    assert run.rows(query)[1][1] == date(2026, 3, 3)


def test_ga4_purchases_are_no_orders_where_a_shop_is_connected(
    tmp_path: Path, loop: Callable[[Path], Loop]
) -> None:
    write(tmp_path, event("2026-03-02T10:00", "purchase", revenue=5.0, transaction_id="T1"))
    (tmp_path / "orders.csv").write_text(ORDERS + order(1, 1, "2026-03-01", "10"))
    run = loop(tmp_path)
    run.run()
    assert run.rows("select order_id from core.sales_order") == [("1",)]
    assert run.one("select count(*) from core.touch") == (1,)


def test_a_broken_event_is_quarantined_with_file_and_line(
    tmp_path: Path, loop: Callable[[Path], Loop]
) -> None:
    bad = event("2026-03-01T10:00") | {"event_date": "2026-13-45"}
    pq.write_table(
        pa.Table.from_pylist([event("2026-03-01T10:00"), bad]), tmp_path / "events_20260301.parquet"
    )
    run = loop(tmp_path)
    counts = run.run()["ga4_event"]
    assert (counts.rows_in, counts.rows_new, counts.rows_quarantined) == (2, 1, 1)
    assert run.rows("select source, reason from ops.quarantine") == [
        (
            "events_20260301.parquet line 3",
            "event_date '2026-13-45' is not a day written as YYYYMMDD",
        )
    ]
