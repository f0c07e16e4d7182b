"""The gate of credits: whole, once, and to touches before the conversion."""

from __future__ import annotations

from typing import Any

import pytest

from tributary.errors import CheckFailed
from tributary.quality.credits import check_credits, models
from tributary.warehouse.connection import Connection

from .conftest import CLOCK, RUN


def test_good_credits_pass_for_every_model(good_credits: Connection) -> None:
    found = check_credits(good_credits, RUN, CLOCK)
    assert [r.name for r in found if not r.success] == []
    assert len(models()) >= 6
    assert {f"credit.{model}_conserves" for model in models()} < {r.name for r in found}
    assert {r.rows_checked for r in found if r.table == "core.credit"} == {4}


def test_the_checks_of_the_candidate_rows_stay_beside_those_of_the_credits(
    good_credits: Connection,
) -> None:
    good_credits.execute(
        "insert into ops.check_result values ('run-1', 'touch.unique', 'core.touch', 'stop', true,"
        " 1, 0, '', '[]', '', '2026-08-09')"
    )
    found = check_credits(good_credits, RUN, CLOCK)
    kept = good_credits.execute("select count(*) from ops.check_result").fetchone()
    assert kept == (len(found) + 1,)


@pytest.mark.parametrize(
    ("sql", "name", "row"),
    [
        (
            "update work.credit set linear_amount = linear_amount + 0.01 where touch_id = 201",
            "credit.linear_conserves",
            {"conversion_id": 101, "amount": 75.01, "value_amount": 75},
        ),
        (
            "update work.credit set time_decay_share = 0.3000001 where touch_id = 201",
            "credit.time_decay_conserves",
            {"conversion_id": 101},
        ),
        (
            "update work.credit set first_share = case touch_id when 201 then -0.5 else 1.5 end"
            " where conversion_id = 101",
            "credit.first_conserves",
            {"conversion_id": 101, "shares": 1, "smallest_share": -0.5},
        ),
        (
            "update work.credit set last_share = 'NaN' where conversion_id = 102",
            "credit.last_conserves",
            {"conversion_id": 102},
        ),
        (
            "delete from work.credit where conversion_id = 102",
            "credit.covers_conversions",
            {"conversion_id": 102, "value_amount": 75},
        ),
        (
            # Nobody noticed that a conversion is new: it is in no scope and has no credit.
            "delete from work.credit where conversion_id = 102;"
            " delete from work.credit_scope where conversion_id = 102",
            "credit.covers_conversions",
            {"conversion_id": 102},
        ),
        (
            "update work.credit set conversion_id = 999 where conversion_id = 103",
            "credit.belongs_to_a_conversion",
            {"conversion_id": 999},
        ),
        (
            "update work.credit set currency_code = 'USD' where conversion_id = 103",
            "credit.belongs_to_a_conversion",
            {"conversion_id": 103, "currency_code": "USD"},
        ),
        (
            # An order in a set of leads.
            "insert into work.credit_set values ('shop', 'other', 'lead', 'hash', '{}', 0);"
            " update work.credit set credit_set_id = 'other' where conversion_id = 103",
            "credit.belongs_to_a_conversion",
            {"credit_set_id": "other", "conversion_id": 103},
        ),
        (
            "update work.credit set touch_id = 0 where touch_id = 201",
            "credit.unattributed_stands_alone",
            {"conversion_id": 101, "credits": 2},
        ),
        (
            "update work.credit set touch_id = 301 where touch_id = 201",
            "credit.unique",
            {"conversion_id": 101, "touch_id": 301, "copies": 2},
        ),
        (
            "update work.touch set occurred_at = '2026-08-02 10:00:00.000001+02'"
            " where touch_id = 201",
            "credit.touch_comes_first",
            {"conversion_id": 101, "touch_id": 201},
        ),
        (
            "delete from work.touch where touch_id = 202",
            "credit.touch_comes_first",
            {"conversion_id": 102, "touch_id": 202, "occurred_at": None},
        ),
    ],
)
def test_a_planted_bad_credit_stops_the_run_and_is_named(
    good_credits: Connection, sql: str, name: str, row: dict[str, Any]
) -> None:
    good_credits.execute(sql)
    with pytest.raises(CheckFailed, match=name.replace(".", r"\.")):
        check_credits(good_credits, RUN, CLOCK)
    found = good_credits.execute(
        "select worst_rows, reproduce_sql, rows_failed from ops.check_result"
        " where check_name = %s and not success",
        (name,),
    ).fetchone()
    assert found is not None
    assert row.items() <= found[0][0].items()
    assert len(good_credits.execute(found[1]).fetchall()) == found[2] == 1


def test_a_touch_at_the_very_moment_of_the_conversion_counts(good_credits: Connection) -> None:
    good_credits.execute(
        "update work.touch set occurred_at = '2026-08-02 10:00+02' where touch_id = 201"
    )
    assert all(result.success for result in check_credits(good_credits, RUN, CLOCK))
