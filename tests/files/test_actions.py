"""Registrations and leads: from GA4's events to credits, beside purchases and never among them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tributary.clock import FixedClock
from tributary.pipeline.forget import Person, forget
from tributary.settings import AttributionSettings

from .support import Loop
from .test_core import event, write

Folder = Callable[[Path], Loop]


def visit(at: str, user: str, session: int = 1, **source: str) -> dict[str, Any]:
    return event(at, user=user, session=session, **source)


def act(at: str, name: str, user: str | None = "c1", **more: Any) -> dict[str, Any]:
    """A sign_up or generate_lead; `signed_in` is the export's user_id."""
    signed_in = more.pop("signed_in", None)
    return event(at, name, user=user, **more) | {"user_id": signed_in}


def buy(at: str, number: str, user: str = "c1", revenue: float = 100.0) -> dict[str, Any]:
    return event(at, "purchase", user=user, revenue=revenue, transaction_id=number)


def conversions(run: Loop, kind: str) -> list[tuple[Any, ...]]:
    return run.rows(
        "select order_id, conversion_day::text, identifier, value_amount, currency_code"
        f" from core.conversion where conversion_type = '{kind}' order by converted_at, order_id"
    )


def credited(run: Loop, kind: str, model: str = "linear") -> dict[str, tuple[float, Decimal]]:
    """Channel -> conversions and value."""
    rows = run.rows(
        "select channel, sum(credited_conversions), sum(credited_amount)"
        f" from mart.channel_conversions where conversion_type = '{kind}' and model = '{model}'"
        " group by channel"
    )
    return {channel: (round(count, 9), value) for channel, count, value in rows}


def set_types(run: Loop, by_type: dict[str, Any]) -> None:
    """What the stores file says of types of conversions."""
    run.store = msgspec.structs.replace(
        run.store, attribution=msgspec.convert({"conversion_types": by_type}, AttributionSettings)
    )


EMAIL = {"source": "newsletter", "medium": "email"}
SEARCH = {"source": "google", "medium": "cpc"}
# 2026-03-01T09:00 and 2026-03-02T09:30 UTC, in microseconds.
FIRST, SECOND = 1772355600000000, 1772443800000000


def test_a_sign_up_and_a_lead_are_conversions_credited_to_the_channels_before_them(
    tmp_path: Path, loop: Folder
) -> None:
    write(
        tmp_path,
        visit("2026-02-27T08:00", "c1", 7, **SEARCH),
        visit("2026-03-01T08:50", "c1", 8, **EMAIL),
        act("2026-03-01T09:00", "sign_up", session=8),
        act("2026-03-02T09:30", "generate_lead", session=9, value="25.5", currency="CHF"),
        act("2026-03-02T09:40", "generate_lead", "c2"),
    )
    run = loop(tmp_path)
    run.run()
    assert conversions(run, "registration") == [
        (f"sign_up:{FIRST}", "2026-03-01", "client:c1", Decimal(0), "USD")
    ]
    assert conversions(run, "lead") == [
        (f"generate_lead:{SECOND}", "2026-03-02", "client:c1", Decimal("25.5"), "CHF"),
        (f"generate_lead:{SECOND + 600_000_000}", "2026-03-02", "client:c2", Decimal(0), "USD"),
    ]
    assert credited(run, "registration") == {"email": (0.5, 0), "paid_search": (0.5, 0)}
    # The session of the lead itself is direct, which stands back.
    assert credited(run, "lead") == {
        "email": (0.5, Decimal("12.75")),
        "paid_search": (0.5, Decimal("12.75")),
        "direct": (1, 0),
    }
    assert credited(run, "lead", "first")["paid_search"] == (1, Decimal("25.5"))
    sets = run.rows(
        "select conversion_type, split_part(credit_set_id, '-', 1) from core.credit_set"
    )
    assert sorted(sets) == [(kind, kind) for kind in ("lead", "purchase", "registration")]


def test_the_first_sign_up_of_a_browser_or_user_counts_and_every_lead(
    tmp_path: Path, loop: Folder
) -> None:
    write(
        tmp_path,
        act("2026-03-01T09:00", "sign_up"),
        act("2026-03-01T09:01", "sign_up"),  # the same browser
        act("2026-03-02T09:00", "sign_up", "c2", signed_in="u7"),
        act("2026-03-03T09:00", "sign_up", "c3", signed_in="u7"),  # the same user
        act("2026-03-03T09:00", "sign_up", "c4"),  # another's, in the same microsecond
        act("2026-03-04T09:00", "sign_up", None),  # nobody's: cannot be anybody's second
        act("2026-03-05T09:00", "sign_up", None),
        *[act("2026-03-06T09:00", "generate_lead")] * 2,  # the export holds one event twice
        act("2026-03-06T09:05", "generate_lead"),
    )
    run = loop(tmp_path)
    run.run()
    people = [row[2] for row in conversions(run, "registration")]
    assert people[:2] == ["client:c1", "user:u7"]
    assert people[2] == "client:c4"
    assert [who.split(":")[:2] for who in people[3:]] == [["order", "files"]] * 2
    assert len(conversions(run, "lead")) == 2


def test_a_late_earlier_sign_up_takes_the_place_of_the_later_one(
    tmp_path: Path, loop: Folder
) -> None:
    later = act("2026-03-09T09:00", "sign_up", "c2", signed_in="u7")
    write(
        tmp_path,
        visit("2026-03-09T08:00", "c2", **SEARCH),
        later,
        buy("2026-03-09T10:00", "T1", "c2"),
    )
    run = loop(tmp_path)
    run.run()
    of_purchases = "select touch_id, linear_amount, shapley_amount from mart.order_credit"
    purchases = run.rows(of_purchases)
    assert [row[2] for row in conversions(run, "registration")] == ["user:u7"]
    assert credited(run, "registration") == {"paid_search": (1, 0)}
    earlier = act("2026-03-02T09:00", "sign_up", "c1", signed_in="u7")
    write(tmp_path, visit("2026-03-02T08:59", "c1", **EMAIL), earlier)
    run.run()
    assert [row[1] for row in conversions(run, "registration")] == ["2026-03-02"]
    assert credited(run, "registration") == {"email": (1, 0)}
    # And back, when the vendor withdraws it.
    write(tmp_path, visit("2026-03-02T08:59", "c1", **EMAIL))
    run.run()
    assert [row[1] for row in conversions(run, "registration")] == ["2026-03-09"]
    assert credited(run, "registration") == {"paid_search": (1, 0)}
    assert run.rows(of_purchases) == purchases
    assert len(purchases) == 1


def test_a_sign_up_that_counted_for_nothing_and_loses_its_user_lets_the_users_next_one_count(
    tmp_path: Path, loop: Folder
) -> None:
    second = act("2026-03-02T09:00", "sign_up", "c1", signed_in="u7")
    write(
        tmp_path,
        act("2026-03-01T09:00", "sign_up", "c1"),
        second,
        act("2026-03-09T09:00", "sign_up", "c2", signed_in="u7"),
    )
    run = loop(tmp_path)
    run.run()
    assert [row[2] for row in conversions(run, "registration")] == ["client:c1"]
    write(tmp_path, second | {"user_id": None})
    run.run()
    assert [row[2] for row in conversions(run, "registration")] == ["client:c1", "user:u7"]


def test_leads_worth_money_move_no_number_of_the_purchases(tmp_path: Path, loop: Folder) -> None:
    sales = [
        visit("2026-03-01T08:00", "c1", **SEARCH),
        buy("2026-03-01T09:00", "T1", revenue=59.5),
        visit("2026-03-02T08:00", "c2", **EMAIL),
        buy("2026-03-02T09:00", "T2", "c2", revenue=20.25),
    ]
    write(tmp_path, *sales)
    run = loop(tmp_path)
    run.run()
    views = (
        "select store_id, day, channel, currency_code, linear_conversions, linear_amount,"
        " shapley_amount, first_touch_day_amount, sessions, is_touch_day_final"
        " from mart.channel_performance",
        "select order_id, touch_id, linear_amount from mart.order_credit",
        "select order_id, touch_id, reason, linear_amount from mart.explain_order",
        "select * from mart.revenue_waterfall",
        "select * from mart.channel_confidence",
        "select * from mart.traffic_source",
        "select credit_set_id, config_hash from core.credit_set where conversion_type = 'purchase'",
        "select * from mart.channel_conversions where conversion_type = 'purchase'",
    )
    before = [sorted(run.rows(view), key=str) for view in views]
    assert sum(row[5] for row in before[0]) == Decimal("79.75")
    write(
        tmp_path,
        *sales,
        act("2026-03-01T08:30", "generate_lead", value="1000.01", currency="USD"),
        act("2026-03-02T08:30", "generate_lead", "c2", value="7", currency="USD"),
        act("2026-03-02T08:31", "sign_up", "c2", value="3", currency="USD"),
    )
    # Whatever lookback these have, that of purchases says when their money is final.
    set_types(run, {"lead": {"visit": 300}})
    run.run()
    assert [sorted(run.rows(view), key=str) for view in views] == before
    # Their visits were there: no purchase was credited again.
    scope = run.rows("select distinct split_part(credit_set_id, '-', 1) from work.credit_scope")
    assert sorted(scope) == [("lead",), ("registration",)]
    (days,) = run.one(
        "select config #>> '{lookback_days,visit}' from core.credit_set"
        " where conversion_type = 'lead'"
    )
    assert days == "300"
    assert credited(run, "lead") == {"paid_search": (1, Decimal("1000.01")), "email": (1, 7)}
    assert credited(run, "registration") == {"email": (1, 3)}
    assert credited(run, "purchase") == {
        "paid_search": (1, Decimal("59.5")),
        "email": (1, Decimal("20.25")),
    }


def test_each_type_has_its_own_rules(tmp_path: Path, loop: Folder) -> None:
    write(
        tmp_path,
        visit("2026-03-01T08:00", "c1", 1, **SEARCH),
        act("2026-03-06T08:00", "generate_lead", session=2),
        visit("2026-03-06T09:00", "c1", 3, **EMAIL),
        act("2026-03-06T10:00", "generate_lead", session=3),
        act("2026-03-06T10:01", "sign_up", session=3),
        buy("2026-03-06T10:02", "T1"),
    )
    run = loop(tmp_path)
    run.run()
    assert credited(run, "lead") == {"paid_search": (1.5, 0), "email": (0.5, 0)}
    set_types(run, {"lead": {"repeat": "since-last"}, "registration": {"visit": 2}})
    assert run.ingest() and run.unify()
    assert credited(run, "lead") == {"paid_search": (1, 0), "email": (1, 0)}
    assert credited(run, "registration") == {"email": (1, 0)}
    assert credited(run, "purchase") == {"paid_search": (0.5, 50), "email": (0.5, 50)}
    # Only the sets whose rules changed are new ones.
    count = run.rows("select conversion_type, count(*) from core.credit_set group by 1 order by 1")
    assert count == [("lead", 2), ("purchase", 1), ("registration", 2)]


def test_a_second_run_writes_nothing_and_a_store_without_such_events_has_no_sets_of_them(
    tmp_path: Path, loop: Folder
) -> None:
    write(tmp_path, visit("2026-03-01T08:00", "c1", **SEARCH), buy("2026-03-01T09:00", "T1"))
    run = loop(tmp_path)
    run.run()
    assert run.rows("select conversion_type from core.credit_pointer") == [("purchase",)]
    write(tmp_path, act("2026-03-04T09:30", "generate_lead"), act("2026-03-05T09:30", "sign_up"))
    run.run()
    kinds = run.rows("select conversion_type from core.credit_pointer order by 1")
    assert kinds == [("lead",), ("purchase",), ("registration",)]
    versions = (
        "select ctid, xmin, * from core.conversion order by 5",
        "select ctid, xmin, * from core.credit order by 5, 6",
    )
    before = [run.rows(query) for query in versions]
    run.conn.execute("update ops.load set publication_id = null")  # as if all were new
    assert run.unify()
    assert [run.rows(query) for query in versions] == before
    assert len(before[1]) == 3


def test_what_is_no_amount_waits_in_quarantine(tmp_path: Path, loop: Folder) -> None:
    write(
        tmp_path,
        act("2026-03-01T09:00", "generate_lead", value="much"),
        act("2026-03-01T09:05", "generate_lead", value="-3", currency="euro"),
        # As 64 bits of its smallest unit it would stop the whole store.
        act("2026-03-01T09:06", "generate_lead", value="12345.1234567890123456789"),
    )
    run = loop(tmp_path)
    run.run()
    assert [row[3:] for row in conversions(run, "lead")] == [(Decimal(-3), "USD")]
    assert run.rows("select reason from ops.quarantine order by 1") == [
        ("value '12345.1234567890123456789' has more than 18 digits",),
        ("value 'much' is not an amount",),
    ]


def test_forgetting_a_person_keeps_the_lead_and_its_value(
    tmp_path: Path, loop: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIBUTARY_KEY", "00ff" * 16)
    write(
        tmp_path,
        visit("2026-03-01T08:00", "c1", **SEARCH),
        act("2026-03-01T09:00", "generate_lead", value="25", currency="USD", signed_in="u7"),
        act("2026-03-01T09:01", "sign_up", signed_in="u7"),
        act("2026-03-03T09:01", "sign_up", "c1"),
    )
    run = loop(tmp_path)
    run.run()
    ids = "select conversion_type, conversion_id, value_amount from core.conversion order by 1"
    before = run.rows(ids)
    assert len(before) == 2
    forget(run.conn, "shop", Person(users=["u7"]), FixedClock(datetime(2026, 4, 1, tzinfo=UTC)))
    assert run.rows(ids) == before
    assert credited(run, "lead") == {"paid_search": (1, 25)}
    people = {row[2] for kind in ("lead", "registration") for row in conversions(run, kind)}
    assert len(people) == 1 and "forgotten-" in people.pop()
