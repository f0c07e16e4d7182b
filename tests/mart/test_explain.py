"""mart.explain_order and `tributary explain order`: what counts is what has credit, and why not."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tributary.attribution import CREDIT_MODELS
from tributary.reports.explain import explain, render
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


@pytest.mark.parametrize("seed", range(6))
def test_the_touches_said_to_count_are_exactly_those_with_credit(
    warehouse: Connection, seed: int
) -> None:
    add_random_world(warehouse, seed)
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
    assert explain(warehouse, "1", "other") == []
    assert explain(warehouse, "77") == []


def _pairs(conn: Connection, query: str) -> set[tuple[Any, ...]]:
    return set(conn.execute(query).fetchall())
