"""The gate: a good run passes, each kind of bad row is found by its key, nothing is not good."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import Any, NamedTuple

import pytest

from tributary.errors import CheckFailed
from tributary.quality.results import CheckResult
from tributary.quality.run import check
from tributary.warehouse.connection import Connection

from .conftest import CLOCK, RUN


def failed(conn: Connection, url: str) -> dict[str, CheckResult]:
    """The failing checks by name, whether or not they stop the run."""
    with contextlib.suppress(CheckFailed):
        check(conn, url, RUN, CLOCK)
    rows = conn.execute(
        "select check_name, table_name, severity, success, rows_checked, rows_failed, detail,"
        " reproduce_sql, worst_rows from ops.check_result where run_id = %s and not success",
        (RUN,),
    ).fetchall()
    return {str(row[0]): CheckResult(*row) for row in rows}


def test_a_good_run_passes_every_rule_of_every_table(
    good_run: Connection, warehouse_url: str
) -> None:
    found = check(good_run, warehouse_url, RUN, CLOCK)
    assert [r.name for r in found if not r.success] == []
    kept = good_run.execute(
        "select count(*), count(distinct table_name), min(checked_at) from ops.check_result"
    ).fetchone()
    assert kept == (len(found), 9 + 2 + 1, CLOCK.now())  # built, settings, the run itself
    checked = {r.name: r.rows_checked for r in found}
    assert checked["sales_order.net_is_what_remains"] == 4
    assert checked["order_line.unique"] == 8
    assert len(found) > 60


class Plant(NamedTuple):
    """Bad data, the check that must find it, its severity, and the one row it must name."""

    sql: str
    check: str
    severity: str
    row: dict[str, Any]


# Each batch is one run, so that Great Expectations is asked three times and not nineteen.
BATCHES: dict[str, list[Plant]] = {
    "rows": [
        Plant(
            "update work.sales_order set net_amount = 74.99 where order_id = '2';"
            " update work.conversion set value_amount = 74.99 where order_id = '2'",
            "sales_order.net_is_what_remains",
            "stop",
            {"order_id": "2", "net_amount": 74.99},
        ),
        Plant(
            "update work.order_line set gross_amount = 49 where (order_id, line_id) = ('1', '2')",
            "sales_order.lines_add_up",
            "stop",
            {"order_id": "1", "gross_amount": 100, "gross_amount_of_lines": 99},
        ),
        Plant(
            "update work.refund set total_amount = 22",
            "refund.parts_sum_to_total",
            "stop",
            {"refund_id": "r1", "total_amount": 22},
        ),
        Plant(
            "update work.sales_order set currency_code = 'eur' where order_id = '4'",
            "sales_order.currency_code.pattern",
            "stop",
            {"order_id": "4", "currency_code": "eur"},
        ),
        Plant(
            "update work.sales_order set is_counted = true where order_id = '4'",
            "sales_order.counted_is_real",
            "stop",
            {"order_id": "4", "is_test": True},
        ),
        Plant(
            "update work.channel_daily set spend_amount = -0.01 where day = '2026-08-03'",
            "channel_daily.spend_amount.minimum",
            "stop",
            {"day": "2026-08-03", "campaign_id": "c1", "spend_amount": -0.01},
        ),
        Plant(
            "update work.channel_daily set clicks = 1001 where day = '2026-08-02'",
            "channel_daily.clicks_not_above_impressions",
            "warn",
            {"day": "2026-08-02", "clicks": 1001, "impressions": 1000},
        ),
        Plant(
            "alter table work.touch alter column channel drop not null;"
            " update work.touch set channel = null where touch_id = 202",
            "touch.not_null",
            "stop",
            {"touch_id": 202, "null_columns": "channel"},
        ),
        Plant(
            "update work.touch set evidence_type = 'hearsay' where touch_id = 201",
            "touch.evidence_type.values",
            "stop",
            {"touch_id": 201, "evidence_type": "hearsay"},
        ),
        Plant(
            "update work.identity_edge"
            " set (identifier_a, identifier_b) = (identifier_b, identifier_a)",
            "identity_edge.is_written_one_way",
            "stop",
            {"source_day": "2026-08-02"},
        ),
        Plant(
            "update work.channel_daily set source_day = '2026-09-01', day = '2026-09-01'"
            " where day = '2026-08-05'",
            "run.days_within_window",
            "warn",
            {"table_name": "channel_daily", "source_day": "2026-09-01", "row_count": 1},
        ),
    ],
    "gone_or_doubled": [
        Plant(
            "delete from work.order_line where order_id = '1'",
            "sales_order.lines_add_up",
            "stop",
            {"order_id": "1", "gross_amount_of_lines": 0},
        ),
        Plant(
            "delete from work.refund_line; delete from work.refund",
            "sales_order.refunds_add_up",
            "stop",
            {"order_id": "3", "returned_amount": 20, "returned_amount_of_refunds": 0},
        ),
        Plant(
            "insert into work.conversion select store_id, conversion_type, 104, connector,"
            " account_id, '4', converted_at, conversion_day, identifier, value_amount,"
            " currency_code, is_first_purchase, source_day, load_id from work.conversion"
            " where order_id = '1'",
            "conversion.equals_counted_orders",
            "stop",
            {"order_id": "4", "conversions": 1, "net_amount": None},
        ),
        Plant(
            "insert into work.touch select * from work.touch where touch_id = 201",
            "touch.unique",
            "stop",
            {"touch_id": 201, "copies": 2},
        ),
        Plant(
            # A row of core on a day the run does not rebuild has the same key.
            "insert into core.channel_daily select store_id, day, connector, account_id,"
            " campaign_id, currency_code, campaign_name, source, medium, channel, 1, 1, null, null,"
            " null, null, null, 1, date '2026-07-01', 1 from work.channel_daily"
            " where day = '2026-08-04'",
            "channel_daily.unique",
            "stop",
            {"day": "2026-08-04", "copies": 2},
        ),
    ],
    "unlike_each_other": [
        Plant(
            "update work.refund_line set returned_amount = 19",
            "refund.lines_add_up",
            "stop",
            {"refund_id": "r1", "returned_amount_of_lines": 19},
        ),
        Plant(
            "update work.refund set order_id = '9'; update work.refund_line set order_id = '9'",
            "refund.order_is_known",
            "warn",
            {"order_id": "9", "refund_id": "r1"},
        ),
        Plant(
            "delete from work.conversion where order_id = '1'",
            "conversion.equals_counted_orders",
            "stop",
            {"order_id": "1", "conversions": 0, "net_amount": 75},
        ),
    ],
}


@pytest.mark.parametrize("batch", BATCHES)
def test_planted_bad_rows_are_found_by_their_keys(
    good_run: Connection, warehouse_url: str, batch: str
) -> None:
    for plant in BATCHES[batch]:
        good_run.execute(plant.sql)
    found = failed(good_run, warehouse_url)
    assert {plant.check for plant in BATCHES[batch]} <= found.keys()
    for plant in BATCHES[batch]:
        result = found[plant.check]
        assert (plant.check, result.severity, result.rows_failed) == (
            plant.check,
            plant.severity,
            1,
        )
        assert plant.row.items() <= result.worst_rows[0].items()
        assert len(good_run.execute(result.reproduce_sql).fetchall()) == 1


def test_only_the_five_worst_rows_are_named_and_the_message_says_where_to_see_all(
    good_run: Connection, warehouse_url: str
) -> None:
    good_run.execute(
        "insert into work.channel_daily select 'shop', date '2026-08-01', 'files', 'drop',"
        " 'x' || n, 'EUR', '', '', '', 'other', null, null, null, null, null, null, null, -n,"
        " date '2026-08-01', 1 from generate_series(1, 8) as n"
    )
    with pytest.raises(CheckFailed) as error:
        check(good_run, warehouse_url, RUN, CLOCK)
    message = str(error.value)
    assert "channel_daily.spend_amount.minimum: 8 of 13 rows of core.channel_daily" in message
    assert [f"campaign_id=x{n}," in message for n in range(1, 9)] == [True] * 5 + [False] * 3
    assert "nothing was published" in message and "ops.check_result" in message


def test_a_warning_is_kept_and_stops_nothing(good_run: Connection, warehouse_url: str) -> None:
    good_run.execute("update work.channel_daily set clicks = 1001 where day = '2026-08-02'")
    found = check(good_run, warehouse_url, RUN, CLOCK)
    assert [(r.name, r.severity) for r in found if not r.success] == [
        ("channel_daily.clicks_not_above_impressions", "warn")
    ]


def test_results_show_no_identifier_of_a_person(good_run: Connection, warehouse_url: str) -> None:
    good_run.execute("update work.conversion set identifier = 'mail:ada' where order_id = '1'")
    result = failed(good_run, warehouse_url)["conversion.identifier.pattern"]
    assert result.worst_rows[0]["conversion_id"] == 101
    assert result.worst_rows[0]["identifier"] == "hidden-1"
    kept = good_run.execute("select string_agg(worst_rows::text, ' ') from ops.check_result")
    assert "ada" not in str(kept.fetchone())


def test_bad_rows_are_told_apart_by_numbers_that_lead_to_nobody(
    good_run: Connection, warehouse_url: str
) -> None:
    good_run.execute("update work.conversion set identifier = 'mail:ada' where order_id = '1'")
    good_run.execute("update work.conversion set identifier = 'mail:bob' where order_id <> '1'")
    with pytest.raises(CheckFailed) as error:
        check(good_run, warehouse_url, RUN, CLOCK)
    shown = good_run.execute(
        "select worst_rows, reproduce_sql from ops.check_result"
        " where check_name = 'conversion.identifier.pattern'"
    ).fetchone()
    assert shown is not None
    assert {row["identifier"] for row in shown[0]} == {"hidden-1", "hidden-2"}
    assert [row["identifier"] for row in shown[0] if row["conversion_id"] == 101] == ["hidden-1"]
    hashes = good_run.execute(
        "select left(md5(n), 8) from (values ('mail:ada'), ('ada'), ('mail:bob'), ('bob')) as v (n)"
    ).fetchall()
    assert not [short for (short,) in hashes if short in f"{error.value} {shown}"]


def test_landed_rows_that_became_nothing_stop_the_run(
    warehouse: Connection, warehouse_url: str
) -> None:
    warehouse.execute(
        "insert into ops.load (store_id, connector, account_id, stream, run_id, mode, window_start,"
        " window_end, status, started_at) values ('shop', 'acme', 'main', 'order', 'i',"
        " 'incremental', '2026-08-01', '2026-08-08', 'landed', '2026-08-08');"
        "insert into work.run values ('run-1');"
        "insert into work.run_load select load_id from ops.load;"
        "insert into work.scope values ('shop', 'acme', 'main', '2026-08-02');"
        "select ops.ensure_staging_table('acme__order');"
        "insert into staging.acme__order values"
        " ('shop', 'main', 'a', '2026-08-02', '2026-08-08', '{}', '', 1, 1, null),"
        " ('shop', 'main', 'b', '2026-08-02', '2026-08-08', '{}', '', 1, 1, null),"
        " ('shop', 'main', 'c', '2026-08-02', '2026-08-08', '{}', '', 1, 1, '2026-08-08')"
    )
    with pytest.raises(CheckFailed, match="staged_rows_reach_core"):
        check(warehouse, warehouse_url, RUN, CLOCK)
    (result,) = failed(warehouse, warehouse_url).values()
    assert result.worst_rows == [
        {
            "store_id": "shop",
            "connector": "acme",
            "account_id": "main",
            "stream": "order",
            "staged_rows": 2,
        }
    ]
    # What the vendor withdrew is no reason to stop: the day is empty in staging as well.
    warehouse.execute("update staging.acme__order set deleted_at = '2026-08-08'")
    assert failed(warehouse, warehouse_url) == {}


def test_an_account_that_became_nothing_is_a_warning_beside_others(
    good_run: Connection, warehouse_url: str
) -> None:
    good_run.execute(
        "insert into ops.load (store_id, connector, account_id, stream, run_id, mode, window_start,"
        " window_end, status, started_at) values ('shop', 'acme', 'main', 'order', 'i',"
        " 'incremental', '2026-08-01', '2026-08-08', 'landed', '2026-08-08');"
        "insert into work.run_load select load_id from ops.load where connector = 'acme';"
        "insert into work.scope values ('shop', 'acme', 'main', '2026-08-02');"
        "select ops.ensure_staging_table('acme__order');"
        "insert into staging.acme__order values"
        " ('shop', 'main', 'a', '2026-08-02', '2026-08-08', '{}', '', 2, 2, null)"
    )
    found = failed(good_run, warehouse_url)
    assert {name: r.severity for name, r in found.items()} == {"run.staged_rows_reach_core": "warn"}


def test_a_check_that_cannot_be_asked_fails(good_run: Connection, warehouse_url: str) -> None:
    good_run.execute("alter table work.touch rename column device to gadget")
    with pytest.raises(CheckFailed, match=r"touch\.columns"):
        check(good_run, warehouse_url, RUN, CLOCK)


def test_a_second_check_of_a_run_replaces_the_results_of_the_first(
    good_run: Connection, warehouse_url: str
) -> None:
    good_run.execute("update work.refund set total_amount = 22")
    assert failed(good_run, warehouse_url)
    good_run.execute("update work.refund set total_amount = 21.8")
    assert failed(good_run, warehouse_url) == {}


def test_great_expectations_is_imported_only_when_a_check_runs() -> None:
    code = (
        "import sys; import tributary.quality.run, tributary.quality.credits;"
        " print('great_expectations' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "False"
