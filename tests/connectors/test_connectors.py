"""The one suite every connector with recorded pages passes; a new one needs no test code."""

from __future__ import annotations

import logging
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tributary import errors
from tributary.connectors.spec import all_connectors
from tributary.errors import (
    AccountSkipped,
    AuthenticationFailed,
    RateLimited,
    RequestRejected,
    TributaryError,
    VendorUnavailable,
)
from tributary.warehouse import candidates
from tributary.warehouse.connection import Connection

HERE = Path(__file__).resolve().parent


def staged(conn: Connection, bench: Any) -> list[tuple[Any, ...]]:
    table = f"staging.{bench.case.spec['connector']}__{bench.case.spec['stream']}"
    return conn.execute(
        f"select record_key, business_date, payload::text, xmin::text from {table} order by 1"
    ).fetchall()


def core_rows(conn: Connection, table: str) -> list[dict[str, Any]]:
    cursor = conn.execute(f"select * from work.{table}")
    names = [column.name for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def same(found: Any, wanted: Any) -> bool:
    if isinstance(found, Decimal):
        return found == Decimal(str(wanted))
    return bool(found == wanted and type(found) is type(wanted))


def test_there_are_cases() -> None:
    cases = {path.parent.name for path in HERE.glob("*/case.yml")}
    assert cases
    assert cases <= set(all_connectors())


def test_pages_become_the_rows_worked_out_by_hand(bench: Any, warehouse: Connection) -> None:
    bench.land(warehouse)
    with warehouse.transaction():
        candidates.open_run(warehouse, "run", candidates.pending_loads(warehouse))
        candidates.build(warehouse)
    assert bench.case.expect["core"]
    for table, wanted in bench.case.expect["core"].items():
        rows = core_rows(warehouse, table)
        missing = [
            want
            for want in wanted
            if not any(all(same(row[k], v) for k, v in want.items()) for row in rows)
        ]
        assert not missing, f"{table} lacks {missing}; it holds {rows}"
        assert len(rows) == len(wanted), table


def test_every_page_is_followed_and_lands_on_its_day(bench: Any, warehouse: Connection) -> None:
    result = bench.land(warehouse)
    expect = bench.case.expect["staging"]
    pages = {exchange["page"] for exchange in bench.case.spec["exchanges"]}
    assert set(bench.vendor.asked) == pages
    assert result.drift == ()
    assert result.counts.api_calls == len(bench.vendor.requests)
    rows = staged(warehouse, bench)
    assert len(rows) == expect["rows"] == result.counts.rows_new
    assert {key: day for key, day, *_ in rows} == expect["days"]
    quota = warehouse.execute("select quota from ops.load").fetchone()
    assert quota is not None and expect["quota"].items() <= dict(quota[0]).items()


def test_what_must_not_be_kept_is_not_in_staging(bench: Any, warehouse: Connection) -> None:
    bench.land(warehouse)
    texts = [row[2] for row in staged(warehouse, bench)]
    recorded = "".join(
        path.read_text() for path in sorted((HERE / bench.case.name / "pages").glob("*.json"))
    )
    for part in bench.case.expect["staging"]["absent"]:
        assert part in recorded, f"{part} proves nothing: it is not in the pages"
        assert not any(part in text for text in texts), part


@pytest.mark.parametrize("mode", ["incremental", "backfill"])
def test_the_window_is_asked_for(bench: Any, mode: str) -> None:
    bench.pages(mode)
    wanted = bench.case.spec["window_in_request"][mode]
    asking = [text for text in bench.vendor.texts if all(part in text for part in wanted)]
    assert asking, bench.vendor.texts[:2]


def test_credentials_are_sent_and_never_logged(
    bench: Any, warehouse: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bench.vendor.before = [lambda request: httpx.Response(500, text="try later")]
    bench.land(warehouse)
    auth = bench.case.spec["auth"]
    assert {r.headers.get(auth["header"]) for r in bench.vendor.requests} == {auth["value"]}
    assert caplog.text
    assert bench.case.credentials.password not in caplog.text
    assert bench.case.credentials.password not in repr(bench.case.credentials)


def test_landing_twice_changes_nothing(bench: Any, warehouse: Connection) -> None:
    bench.land(warehouse)
    before = staged(warehouse, bench)
    again = bench.land(warehouse)
    assert before and staged(warehouse, bench) == before
    assert (again.counts.rows_new, again.counts.rows_changed, again.days_changed) == (0, 0, 0)
    assert again.counts.rows_unchanged == len(before)


def test_both_modes_land_the_same_rows(bench: Any, warehouse: Connection) -> None:
    bench.land(warehouse)
    assert bench.land(warehouse, "backfill").days_changed == 0


def test_the_vendors_wait_is_obeyed(bench: Any, warehouse: Connection) -> None:
    throttled = bench.case.spec["throttled"]
    body = bench.case.page(throttled["page"])
    status, headers = throttled.get("status", 200), throttled.get("headers", {})
    bench.vendor.before = [lambda r: httpx.Response(status, content=body, headers=headers)]
    result = bench.land(warehouse)
    assert result.counts.rows_new == bench.case.expect["staging"]["rows"]
    (wait,) = bench.clock.slept
    assert throttled["wait_seconds"] <= wait <= throttled["wait_seconds"] * 1.2


def test_errors_in_a_good_status_stop_the_stream(bench: Any, warehouse: Connection) -> None:
    assert bench.case.spec["body_errors"]
    for number, entry in enumerate(bench.case.spec["body_errors"], 1):
        body = bench.case.page(entry["page"])
        bench.vendor.before = [lambda r, body=body: httpx.Response(200, content=body)] * 9
        with pytest.raises(getattr(errors, entry["error"])) as caught:
            bench.land(warehouse)
        assert bench.case.account.connection_id in str(caught.value)
        failed = warehouse.execute("select count(*) from ops.load where status = 'failed'")
        assert failed.fetchone() == (number,)
    assert staged(warehouse, bench) == []


@pytest.mark.parametrize(
    ("status", "kind", "attempts"),
    [
        (401, AuthenticationFailed, 1),
        (403, AccountSkipped, 1),
        (400, RequestRejected, 1),
        (429, RateLimited, 6),
        (503, VendorUnavailable, 6),
    ],
)
def test_a_status_means_what_to_do_next(
    bench: Any, status: int, kind: type[TributaryError], attempts: int
) -> None:
    answer = httpx.Response(status, text="no, ask ada@example.com")
    bench.vendor.before = [lambda request: answer] * 9
    with pytest.raises(kind) as caught:
        bench.pages()
    assert bench.case.account.connection_id in str(caught.value)
    assert "ada@example.com" not in str(caught.value)
    assert len(bench.vendor.requests) == attempts


def test_a_cut_off_body_is_asked_for_again(bench: Any) -> None:
    whole = bench.case.page(bench.case.spec["first_page"])
    bench.vendor.before = [lambda request: httpx.Response(200, content=whole[: len(whole) // 2])]
    pages = bench.pages()
    assert len(bench.clock.slept) == 1
    assert sum(len(page.documents) for page in pages) == bench.case.expect["staging"]["rows"]


def test_a_vendor_that_stops_half_way_lands_nothing(bench: Any, warehouse: Connection) -> None:
    last = bench.case.spec["exchanges"][-1]["page"]
    bench.vendor.instead[last] = b"{"
    with pytest.raises(VendorUnavailable):
        bench.land(warehouse)
    assert bench.vendor.asked[last] > 1
    assert staged(warehouse, bench) == []


def test_the_expected_days_are_dates(bench: Any) -> None:
    days = bench.case.expect["staging"]["days"].values()
    assert days and all(type(day) is date for day in days)
