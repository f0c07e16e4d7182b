"""mart.explain_order and `tributary explain order`: what counts is what has credit, and why not."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tributary.attribution import CREDIT_MODELS
from tributary.attribution.config import LOOKBACK_DAYS, AttributionConfig
from tributary.errors import CheckFailed, ConfigurationError
from tributary.identity.hubs import LIMITS
from tributary.pipeline.attribute import configs, outdated_stores
from tributary.pipeline.identity import hub_limits
from tributary.reports.explain import explain, render
from tributary.settings import load_stores
from tributary.warehouse import stores
from tributary.warehouse.connection import Connection

from .attributed import (
    NOON,
    add_order,
    add_random_world,
    add_store,
    add_touch,
    attribute_all,
    before,
    join_people,
    set_rules,
)

MODELS = CREDIT_MODELS


def reasons(conn: Connection, order: str = "1") -> dict[int, str]:
    rows = conn.execute(
        "select touch_id, reason from mart.explain_order where order_id = %s order by 1", (order,)
    ).fetchall()
    return {int(touch): str(reason) for touch, reason in rows}


def test_each_touch_that_does_not_count_says_why(warehouse: Connection) -> None:
    add_store(warehouse)
    add_order(warehouse, 1)
    join_people(warehouse, [("client:a", "user:1")])
    add_touch(warehouse, 1, before(31))
    add_touch(warehouse, 2, before(30))
    add_touch(warehouse, 3, before(30, microseconds=1))
    add_touch(warehouse, 4, before(0))
    add_touch(warehouse, 5, before(0, microseconds=-1))
    add_touch(warehouse, 6, before(1), evidence="view")
    add_touch(warehouse, 7, before(2), "direct")
    add_touch(warehouse, 8, before(2), evidence="visit", who="client:a")
    add_touch(warehouse, 9, before(2), evidence="visit", connector="shopify")
    add_touch(warehouse, 10, before(6), evidence="email_click")
    add_touch(warehouse, 11, before(6), evidence="email_click", lookback=7)
    add_touch(warehouse, 12, before(1), who="user:2")
    attribute_all(warehouse)
    assert reasons(warehouse) == {
        1: "outside_lookback",
        2: "",
        3: "outside_lookback",
        4: "",
        5: "after_conversion",
        6: "view_beside_others",
        7: "direct_beside_others",
        8: "",
        9: "other_visit_source",
        10: "outside_lookback",
        11: "",
    }


def test_a_stores_own_rules_are_told_too(warehouse: Connection) -> None:
    add_store(warehouse)
    set_rules(
        warehouse,
        exclude_channels=["sms"],
        repeat="since-last",
        max_touches=2,
        conversion_types={"purchase": {"coupon": 3}},
    )
    add_order(warehouse, 7, before(20))
    add_order(warehouse, 1)
    add_touch(warehouse, 1, before(21))
    add_touch(warehouse, 2, before(10), "sms")
    add_touch(warehouse, 3, before(9), "referral", source="checkout.klarna.com")
    add_touch(warehouse, 4, before(9), "referral", source="paypal")
    add_touch(warehouse, 5, before(8), "referral", source="blog.example")
    add_touch(warehouse, 6, before(4), evidence="coupon")
    add_touch(warehouse, 7, before(2), evidence="coupon")
    add_touch(warehouse, 8, before(1))
    attribute_all(warehouse)
    assert reasons(warehouse) == {
        1: "before_previous_order",
        2: "excluded_channel",
        3: "excluded_source",
        4: "excluded_source",
        5: "beyond_max_touches",
        6: "outside_lookback",
        7: "",
        8: "",
    }
    assert reasons(warehouse, "7")[1] == ""


@pytest.mark.parametrize(
    ("transform", "direct", "counted"),
    [
        ("unique", "ignore-if-last", [1, 2, 3, 4, 5, 6]),
        ("exposure", "ignore-if-last", [1, 3, 4, 5]),
        ("first", "ignore-if-last", [1, 3, 4]),
        ("exposure", "ignore-if-other", [1, 4, 5]),
        ("exposure", "as-any", [1, 3, 4, 5, 7]),
    ],
)
def test_a_path_transform_is_told_too(
    warehouse: Connection, transform: str, direct: str, counted: list[int]
) -> None:
    add_store(warehouse)
    set_rules(warehouse, path_transform=transform, direct=direct)
    add_order(warehouse, 1)
    channels = ["email", "email", "direct", "affiliate", "email", "email", "direct", "direct"]
    for number, channel in enumerate(channels, start=1):
        add_touch(warehouse, number, before(20 - number), channel)
    attribute_all(warehouse)
    found = reasons(warehouse)
    assert [touch for touch, reason in found.items() if not reason] == counted
    credited = warehouse.execute("select touch_id from core.credit order by 1").fetchall()
    assert [touch for (touch,) in credited] == counted
    out = {"direct_after_others", "direct_beside_others", "repeated_channel"}
    assert {reason for reason in found.values() if reason} <= out


def test_the_stores_file_states_a_stores_rules(warehouse: Connection, tmp_path: Path) -> None:
    path = tmp_path / "stores.yml"
    path.write_text(
        "stores:\n"
        "- {id: kiel, name: Kiel, timezone: Europe/Berlin, currency: EUR, accounts: [],\n"
        "   attribution: {lookback_days: {click: 14}, repeat: since-last, max_touches: 50,\n"
        "     conversion_types: {purchase: {view: 2}, lead: {click: 7, repeat: overlap}},\n"
        "     exclude_channels: [sms]},\n"
        "   identity: {hub_limits: {client: 8}}}\n"
        "- {id: tampa, name: Tampa, timezone: America/New_York, currency: USD, accounts: []}\n"
    )
    stores.sync(warehouse, load_stores(path), [])
    rules = configs(warehouse)
    found = {store: rules[store, "purchase"] for store in ("kiel", "tampa")}
    assert found["tampa"] == rules["tampa", "lead"] == AttributionConfig()
    assert rules["kiel", "lead"].lookback_days == {**LOOKBACK_DAYS, "click": 7}
    assert (rules["kiel", "lead"].repeat, rules["kiel", "lead"].max_touches) == ("overlap", 50)
    assert rules["kiel", "registration"].lookback_days == {**LOOKBACK_DAYS, "click": 14}
    assert rules["kiel", "registration"].repeat == "since-last"
    assert found["kiel"].lookback_days == {**LOOKBACK_DAYS, "click": 14, "view": 2}
    assert (found["kiel"].repeat, found["kiel"].max_touches) == ("since-last", 50)
    assert found["kiel"].exclude_channels == ("sms",)
    assert (found["kiel"].half_life_days, found["kiel"].direct) == (7.0, "ignore-if-other")
    assert hub_limits(warehouse)["kiel"] == {**LIMITS, "client": 8}
    assert hub_limits(warehouse)["tampa"] == LIMITS

    path.write_text(path.read_text().replace("click: 14", "clique: 14"))
    stores.sync(warehouse, load_stores(path), [])
    with pytest.raises(ConfigurationError, match=r"store kiel in the stores file.*clique"):
        configs(warehouse)


def test_other_rules_make_another_credit_set_and_keep_the_one_before(
    warehouse: Connection,
) -> None:
    add_store(warehouse)
    add_order(warehouse, 1)
    add_touch(warehouse, 1, before(20))
    add_touch(warehouse, 2, before(2))
    attribute_all(warehouse)
    assert outdated_stores(warehouse) == []
    set_rules(warehouse, lookback_days={"click": 7})
    assert outdated_stores(warehouse) == ["kiel"]
    attribute_all(warehouse, "unify-2")
    assert reasons(warehouse) == {1: "outside_lookback", 2: ""}
    sets = warehouse.execute(
        "select credit_set_id, array_agg(touch_id order by touch_id) from core.credit group by 1"
        " order by 2"
    ).fetchall()
    assert [touches for _, touches in sets] == [[1, 2], [2]]


def test_an_order_without_a_touch_that_counts_shows_its_unattributed_credit(
    warehouse: Connection,
) -> None:
    add_store(warehouse)
    add_order(warehouse, 1)
    add_touch(warehouse, 1, before(40))
    attribute_all(warehouse)
    assert reasons(warehouse) == {0: "", 1: "outside_lookback"}
    row = warehouse.execute(
        "select channel, is_counted, linear_share, linear_amount from mart.explain_order"
        " where touch_id = 0"
    ).fetchone()
    assert row == ("unattributed", True, 1.0, Decimal("100.00"))


RULES: dict[str, Any] = {
    "defaults": {},
    "since the last order": {"repeat": "since-last"},
    "short journeys": {"max_touches": 2, "direct": "as-any"},
    "some channels": {"exclude_channels": ["email"], "lookback_days": {"click": 3, "view": 40}},
    "only paid": {"include_channels": ["paid_search", "direct"], "exclude_sources": []},
    "all at once": {"repeat": "since-last", "max_touches": 1, "exclude_channels": ["paid_search"]},
}


@pytest.mark.parametrize(("seed", "rules"), list(enumerate(RULES)), ids=RULES)
def test_the_touches_said_to_count_are_exactly_those_with_credit(
    warehouse: Connection, seed: int, rules: str
) -> None:
    add_random_world(warehouse, seed)
    set_rules(warehouse, **RULES[rules])
    attribute_all(warehouse)
    told = _pairs(warehouse, "select order_id::bigint, touch_id from mart.explain_order"
                             " where is_counted")  # fmt: skip
    credited = _pairs(
        warehouse,
        "select conversion_id, touch_id from core.credit join core.credit_pointer"
        " using (store_id, credit_set_id)",
    )
    assert told == credited
    assert {touch for _, touch in told} - {0}
    without = warehouse.execute(
        "select count(*) filter (where reason <> ''), count(distinct reason) from"
        " mart.explain_order where not is_counted"
    ).fetchone()
    assert without is not None
    assert without[0] > 10
    assert without[1] >= 4
    for model in MODELS:
        wrong = warehouse.execute(
            f"select conversion_id from mart.explain_order group by conversion_id, value_amount"
            f" having sum({model}_amount) <> value_amount or abs(sum({model}_share) - 1) > 1e-9"
        ).fetchall()
        assert wrong == []


def test_the_command_names_touches_reasons_credit_run_and_source_rows(
    warehouse: Connection,
) -> None:
    add_store(warehouse)
    add_order(warehouse, 1)
    add_touch(warehouse, 1, before(3), "paid_search", source="google")
    add_touch(warehouse, 2, before(1), "email", source="klaviyo")
    add_touch(warehouse, 3, before(35), "email")
    add_touch(warehouse, 4, NOON + timedelta(days=1), "email")
    attribute_all(warehouse)
    (found,) = explain(warehouse, "1")
    assert found.models == list(MODELS)
    text = render(found)
    assert "of kiel: 100.00 EUR net, placed 2026-08-20 12:00 UTC" in text
    assert "written by run unify-1, published 2026-09-01 00:00 UTC" in text
    assert "no: older than the 30 days its kind counts for" in text
    assert "1 more after the order" in text
    (search,) = [line for line in text.splitlines() if line.startswith("2  paid_search")]
    assert search.split()[2:6] == ["100.00", "0.00", "0.00", "50.00"]
    assert "files/main" in text
    assert "The models agree on " in text
    assert "most goes to paid_search, 0 to 100 %" in text
    assert explain(warehouse, "1", "other") == []
    assert explain(warehouse, "77") == []


def _pairs(conn: Connection, query: str) -> set[tuple[Any, ...]]:
    return set(conn.execute(query).fetchall())


def test_how_far_the_models_agree_on_an_order(warehouse: Connection) -> None:
    add_store(warehouse)
    for order, who in ((1, "a"), (2, "b"), (3, "c"), (4, "d")):
        add_order(warehouse, order, who=f"client:{who}")
    add_touch(warehouse, 1, before(2), "email", who="client:a")
    add_touch(warehouse, 2, before(1), "email", who="client:a")
    add_touch(warehouse, 3, before(7), "email", who="client:b")
    add_touch(warehouse, 4, before(0), "affiliate", who="client:b")
    add_touch(warehouse, 5, before(1), "direct", who="client:c")
    attribute_all(warehouse)
    found = warehouse.execute(
        "select order_id, touches, channels, agreement, leading_channel, leading_share,"
        " leading_lowest_share, leading_highest_share from mart.order_confidence order by 1"
    ).fetchall()
    # Of order 2 e-mail has 1 first; 0 last, last non-direct, and as affiliate alone is paid, first
    # and last paid; 1/3 by decay of a half-life; 1/2 by the other four.
    email = [1, 0, 0, 0, 0, Fraction(1, 3), *[Fraction(1, 2)] * 4]
    mean = sum(email) / Fraction(10)
    distance = sum(abs(share - mean) for share in email) / 10
    assert found == [
        ("1", 2, 1, 1, "email", 1, 1, 1),
        ("2", 2, 2, six(1 - distance), "affiliate", six(1 - mean), 0, 1),
        ("3", 1, 1, 1, "direct", 1, 1, 1),
        ("4", 0, 0, 1, "unattributed", 1, 1, 1),
    ]


def test_an_amount_that_cannot_be_split_exactly_stops_with_its_conversion(
    warehouse: Connection,
) -> None:
    add_store(warehouse)
    add_order(warehouse, 1, value="123456789012.345678")
    add_order(warehouse, 2, value="12345.1234567890123456789")
    with pytest.raises(CheckFailed, match=r"conversion 2 of core\.conversion is worth 12345\.1234"):
        attribute_all(warehouse)


def six(number: Fraction) -> Decimal:
    return round(Decimal(number.numerator) / Decimal(number.denominator), 6)
