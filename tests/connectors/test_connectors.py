"""The one suite every connector passes with its recorded pages; a new one needs no test code."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tributary import connectors, errors
from tributary.connectors.bigquery.api import Api as BigQuery
from tributary.connectors.ga4.api import Api as Ga4
from tributary.connectors.shopify.api import Api as Shopify
from tributary.connectors.spec import Credentials, all_connectors
from tributary.errors import (
    AuthenticationFailed,
    RateLimited,
    Retryable,
    SchemaDrift,
    TributaryError,
    VendorUnavailable,
)
from tributary.transport.limits import RetryPolicy
from tributary.warehouse import candidates
from tributary.warehouse.connection import Connection

HERE = Path(__file__).resolve().parent
CONNECTORS = Path(connectors.__file__).resolve().parent
CLIENT = "tributary.transport.client"
EDITS = {"missing_field", "retyped_field", "bad_record", "new_field", "changed_value"}
LINEAGE = ["extracted_at", "load_id", "first_load_id"]
ATTEMPTS = RetryPolicy().attempts
STATUSES: dict[int, str] = {
    400: "RequestRejected",
    401: "AuthenticationFailed",
    403: "AccountSkipped",
    429: "RateLimited",
    500: "VendorUnavailable",
    503: "VendorUnavailable",
}


def speaking_http() -> set[str]:
    """The connectors whose code holds the HTTP client; no other code may speak HTTP."""
    found = set()
    for name in all_connectors():
        folder, module = CONNECTORS / name, CONNECTORS / f"{name}.py"
        files = folder.rglob("*.py") if folder.is_dir() else [module]
        if any(CLIENT in path.read_text() for path in files):
            found.add(name)
    return found


def staging_table(bench: Any) -> str:
    return f"staging.{bench.case.connector.name}__{bench.case.stream.name}"


def staged(conn: Connection, bench: Any) -> list[tuple[Any, ...]]:
    """Key, day, content and version of every staged row."""
    return conn.execute(
        "select record_key, business_date, (to_jsonb(s) - %s::text[])::text, xmin::text"
        f" from {staging_table(bench)} as s order by 1",
        (LINEAGE,),
    ).fetchall()


def core_rows(conn: Connection, table: str) -> list[dict[str, Any]]:
    cursor = conn.execute(f"select * from work.{table}")
    names = [column.name for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def build(conn: Connection) -> None:
    with conn.transaction():
        candidates.open_run(conn, "run", candidates.pending_loads(conn))
        candidates.build(conn)


def same(found: Any, wanted: Any) -> bool:
    if isinstance(found, Decimal):
        return found == Decimal(str(wanted))
    return bool(found == wanted and type(found) is type(wanted))


def number(conn: Connection, select: str) -> Any:
    row = conn.execute(select).fetchone()
    assert row is not None
    return row[0]


def test_every_connector_that_speaks_http_has_a_case() -> None:
    folders = sorted({path.relative_to(HERE).parts[0] for path in HERE.rglob("case.yml")})
    assert folders
    assert set(folders) <= set(all_connectors()), "a folder of cases names no connector"
    missing = speaking_http() - set(folders)
    assert not missing, f"record pages in tests/connectors/ for {sorted(missing)}"


def test_a_case_says_all_that_the_suite_asks(bench: Any) -> None:
    case, expect = bench.case, bench.case.expect
    assert case.spec["connector"] == Path(case.name).parts[0]
    assert set(case.spec["window_in_request"]) == set(case.modes)
    assert set(case.spec["edits"]) >= EDITS, "an edit is missing: see docs/adding-a-vendor.md"
    assert case.spec["body_errors"] or case.spec["no_body_errors"], "none: say why"
    assert expect["staging"]["absent"] or expect["staging"]["nothing_personal"], "none: say why"
    assert expect["totals"], "name an amount that must be the same in the pages and in core"
    recorded = {path.name for path in (case.folder / "pages").iterdir()}
    named = [exchange["page"] for exchange in case.spec["exchanges"]]
    named += [entry["page"] for entry in (*case.spec["body_errors"], case.spec["throttled"])]
    assert recorded == {case.path(page).name for page in named}


def test_pages_become_the_rows_worked_out_by_hand(bench: Any, warehouse: Connection) -> None:
    bench.land(warehouse)
    build(warehouse)
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


def test_totals_of_the_pages_arrive_in_core(bench: Any, warehouse: Connection) -> None:
    bench.land(warehouse)
    build(warehouse)
    for total in bench.case.expect["totals"]:
        value = Decimal(str(total["value"]))
        assert value, "a total of nothing proves nothing"
        landed = number(warehouse, f"select {total['staging']} from {staging_table(bench)}")
        built = number(warehouse, f"select {total['core']} from work.{total['table']}")
        assert (landed, built) == (value, value), total


def test_every_page_is_followed_and_lands_on_its_day(bench: Any, warehouse: Connection) -> None:
    result = bench.land(warehouse)
    expect = bench.case.expect["staging"]
    pages = {exchange["page"] for exchange in bench.case.spec["exchanges"]}
    assert set(bench.vendor.asked) == pages
    assert result.drift == ()
    assert result.counts.api_calls == len(bench.vendor.requests)
    rows = staged(warehouse, bench)
    assert len(rows) == expect["rows"] == result.counts.rows_new
    days = expect["days"]
    by_key = {key: day for key, day, *_ in rows}
    counted = Counter(day for _, day, *_ in rows)
    assert days and days == (counted if all(type(day) is date for day in days) else by_key)
    quota = number(warehouse, "select quota from ops.load")
    assert expect.get("quota", {}).items() <= dict(quota).items()


def test_what_must_not_be_kept_is_kept_nowhere(bench: Any, warehouse: Connection) -> None:
    bench.edit("bad_record")
    bench.land(warehouse)
    kept = [row[2] for row in staged(warehouse, bench)]
    for part in bench.case.expect["staging"].get("left_out", []):
        assert kept and not any(part in text for text in kept), part
    kept += [row[0] for row in warehouse.execute("select to_jsonb(q)::text from ops.quarantine q")]
    kept += [row[0] for row in warehouse.execute("select to_jsonb(l)::text from ops.load l")]
    pages = bench.case.folder / "pages"
    recorded = "".join(
        path.read_text(errors="replace") for path in sorted(pages.iterdir()) if path.is_file()
    )
    for part in bench.case.expect["staging"]["absent"]:
        assert part in recorded, f"{part} proves nothing: it is not in the pages"
        assert not any(part in text for text in kept), part
    for secret in bench.case.secrets:
        assert not any(secret in text for text in kept)


def test_the_window_is_asked_for(bench: Any) -> None:
    for mode in bench.case.modes:
        bench.vendor.requests.clear()
        bench.pages(mode)
        wanted = bench.case.spec["window_in_request"][mode]
        assert wanted
        asking = [text for text in bench.vendor.texts if all(part in text for part in wanted)]
        assert asking, (mode, bench.vendor.texts[:2])


def test_credentials_are_sent_and_never_logged(
    bench: Any, warehouse: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = bench.case.secrets
    echo = f"try later, {secrets[0]}"
    bench.vendor.before = [lambda request: httpx.Response(500, text=echo)]
    bench.land(warehouse)
    auth = bench.case.spec["auth"]
    for request in bench.vendor.requests:
        sent = request.headers if "header" in auth else request.url.params
        assert sent.get(auth.get("header") or auth["param"]) == auth["value"]
    assert caplog.text and secrets
    for secret in secrets:
        assert secret not in caplog.text
        assert secret not in repr(bench.case.credentials)


@pytest.mark.parametrize(
    ("api", "more", "secret"),
    [
        (BigQuery, (), "service account key"),
        (Ga4, ("123",), "service account key"),
        (Shopify, (), "Admin API access token"),
    ],
)
def test_a_connection_without_a_secret_is_named(api: Any, more: tuple[str], secret: str) -> None:
    with pytest.raises(AuthenticationFailed, match=f"'vendor__shop' holds no {secret}"):
        api(Credentials("https://vendor.example"), "vendor__shop", *more)


def test_an_access_token_is_fetched_once(token_bench: Any) -> None:
    token_bench.pages()
    exchanged = [e for e in token_bench.case.spec["exchanges"] if e.get("is_token")]
    assert len(token_bench.vendor.token_requests) == len(exchanged)
    for request in token_bench.vendor.token_requests:
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        assert "authorization" not in request.headers


@pytest.mark.parametrize(
    ("status", "kind"), [(400, "AuthenticationFailed"), (503, "VendorUnavailable")]
)
def test_a_refused_token_names_the_connection(
    token_bench: Any, warehouse: Connection, status: int, kind: str
) -> None:
    body = {"error": "invalid_grant", "error_description": "Invalid JWT of ada@example.com"}
    token_bench.vendor.before_token = [lambda request: httpx.Response(status, json=body)] * 9
    with pytest.raises(getattr(errors, kind)) as caught:
        token_bench.land(warehouse)
    assert token_bench.case.account.connection_id in str(caught.value)
    assert "ada@example.com" not in str(caught.value)
    assert token_bench.vendor.requests == []


def test_landing_twice_changes_nothing(bench: Any, warehouse: Connection) -> None:
    bench.land(warehouse)
    before = staged(warehouse, bench)
    again = bench.land(warehouse)
    assert before and staged(warehouse, bench) == before
    assert (again.counts.rows_new, again.counts.rows_changed, again.days_changed) == (0, 0, 0)
    if bench.case.stream.kind == "document":  # a table's versions that are known are not read
        assert again.counts.rows_unchanged == len(before)


def test_all_modes_land_the_same_rows(bench: Any, warehouse: Connection) -> None:
    bench.land(warehouse)
    for mode in bench.case.modes:
        assert bench.land(warehouse, mode).days_changed == 0
    if bench.case.modes == ["incremental"]:
        assert bench.case.stream.backfill == "none"


def test_a_corrected_value_keeps_its_key(bench: Any, warehouse: Connection) -> None:
    bench.land(warehouse)
    before = {key: content for key, _, content, _ in staged(warehouse, bench)}
    bench.edit("changed_value")
    result = bench.land(warehouse)
    after = {key: content for key, _, content, _ in staged(warehouse, bench)}
    assert before.keys() == after.keys()
    assert sum(before[key] != after[key] for key in before) == 1
    assert (result.counts.rows_new, result.counts.rows_changed) == (0, 1)


def test_a_bad_record_is_kept_aside_and_the_others_land(bench: Any, warehouse: Connection) -> None:
    edit, rows = bench.edit("bad_record"), bench.case.expect["staging"]["rows"]
    assert rows > 1, "record a page with two records or more"
    result = bench.land(warehouse)
    assert (result.counts.rows_new, result.counts.rows_quarantined) == (rows - 1, 1)
    assert len(staged(warehouse, bench)) == rows - 1
    ((source, reason, payload),) = warehouse.execute(
        "select source, reason, payload from ops.quarantine where resolved_at is null"
    ).fetchall()
    assert source and payload and str(edit["says"]) in reason

    bench.vendor.instead.clear()
    if bench.case.stream.kind == "document":
        assert bench.land(warehouse).counts.rows_new == 1
        still = "select count(*) from ops.quarantine where resolved_at is null"
        assert number(warehouse, still) == 0


@pytest.mark.parametrize("edit", ["missing_field", "retyped_field"])
def test_a_field_that_changed_stops_the_stream(
    bench: Any, warehouse: Connection, edit: str
) -> None:
    said = bench.edit(edit)["says"]
    with pytest.raises(SchemaDrift) as caught:
        bench.land(warehouse)
    assert str(said) in str(caught.value)
    assert bench.case.account.connection_id in str(caught.value)
    assert staged(warehouse, bench) == []


def test_an_unknown_field_is_reported_and_loses_nothing(bench: Any, warehouse: Connection) -> None:
    said = bench.edit("new_field")["says"]
    result = bench.land(warehouse)
    assert any(str(said) in note for note in result.drift), result.drift
    assert result.counts.rows_new == bench.case.expect["staging"]["rows"]


def test_the_vendors_own_wait_is_obeyed(bench: Any, warehouse: Connection) -> None:
    throttled = bench.case.spec["throttled"]
    body = bench.case.page(throttled["page"])
    status, headers = throttled.get("status", 200), throttled.get("headers", {})
    bench.vendor.before = [lambda r: httpx.Response(status, content=body, headers=headers)]
    result = bench.land(warehouse)
    assert result.counts.rows_new == bench.case.expect["staging"]["rows"]
    (wait,) = bench.clock.slept
    assert throttled["wait_seconds"] <= wait <= throttled["wait_seconds"] * 1.2


def test_a_retry_after_header_is_obeyed(bench: Any) -> None:
    headers = {"Retry-After": "7"}
    bench.vendor.before = [lambda request: httpx.Response(429, text="slow", headers=headers)]
    assert bench.pages()
    (wait,) = bench.clock.slept
    assert 7 <= wait <= 8


def test_errors_in_a_good_status_stop_the_stream(bench: Any, warehouse: Connection) -> None:
    for number_of, entry in enumerate(bench.case.spec["body_errors"], 1):
        body = bench.case.page(entry["page"])
        bench.vendor.before = [lambda r, body=body: httpx.Response(200, content=body)] * 9
        with pytest.raises(getattr(errors, entry["error"])) as caught:
            bench.land(warehouse)
        assert bench.case.account.connection_id in str(caught.value)
        failed = "select count(*) from ops.load where status = 'failed'"
        assert number(warehouse, failed) == number_of
    assert staged(warehouse, bench) == []


@pytest.mark.parametrize("body", [b"{}", b'{"error": {"code": 429, "message": "quota"}}', b""])
def test_an_answer_that_says_nothing_is_no_empty_day(
    bench: Any, warehouse: Connection, body: bytes
) -> None:
    bench.vendor.before = [lambda request: httpx.Response(200, content=body)] * 9
    with pytest.raises(TributaryError):
        bench.land(warehouse)
    assert staged(warehouse, bench) == []


@pytest.mark.parametrize("status", sorted(STATUSES))
def test_a_status_means_what_to_do_next(bench: Any, status: int) -> None:
    own = bench.case.spec.get("statuses", {}).get(status, {})
    kind = getattr(errors, own.get("error", STATUSES[status]))
    answer = httpx.Response(status, text="no, ask ada@example.com")
    bench.vendor.before = [lambda request: answer] * 9
    with pytest.raises(kind) as caught:
        bench.pages()
    assert type(caught.value) is kind
    assert bench.case.account.connection_id in str(caught.value)
    assert "ada@example.com" not in str(caught.value)
    tried = own.get("attempts", ATTEMPTS if issubclass(kind, Retryable) else 1)
    assert len(bench.vendor.requests) == tried


def test_a_lost_connection_is_tried_again(bench: Any) -> None:
    def lose(request: httpx.Request) -> httpx.Response:
        raise httpx.RemoteProtocolError("peer closed connection", request=request)

    bench.vendor.before = [lose]
    pages = bench.pages()
    assert len(bench.clock.slept) == 1
    assert rows_of(pages) == bench.case.expect["staging"]["rows"]


def test_a_cut_off_body_is_asked_for_again(bench: Any) -> None:
    whole = bench.case.page(bench.case.spec["first_page"])
    bench.vendor.before = [lambda request: httpx.Response(200, content=whole[: len(whole) // 2])]
    pages = bench.pages()
    assert len(bench.clock.slept) == 1
    assert rows_of(pages) == bench.case.expect["staging"]["rows"]


def rows_of(pages: Any) -> int:
    return sum(len(page.documents) + len(page.rows) for page in pages)


def test_a_vendor_that_stops_half_way_lands_nothing(bench: Any, warehouse: Connection) -> None:
    last = bench.case.spec["exchanges"][-1]["page"]
    bench.vendor.instead[last] = b"{"
    with pytest.raises(VendorUnavailable):
        bench.land(warehouse)
    assert bench.vendor.asked[last] > 1
    assert staged(warehouse, bench) == []


def test_the_test_button_answers_in_a_sentence(bench: Any) -> None:
    with bench.wired():
        said = bench.case.connector.test(bench.case.credentials)
    assert len(said.split()) > 3
    assert not any(secret in said for secret in bench.case.secrets)


def test_the_test_button_names_refused_credentials(bench: Any) -> None:
    bench.vendor.before = [lambda request: httpx.Response(401, text="no")] * 9
    with bench.wired(), pytest.raises(errors.AuthenticationFailed):
        bench.case.connector.test(bench.case.credentials)


def test_too_many_requests_are_not_asked_for_ever(bench: Any) -> None:
    answer = httpx.Response(429, json={"errors": "slow"}, headers={"Retry-After": "3600"})
    bench.vendor.before = [lambda request: answer] * 9
    with pytest.raises(RateLimited) as caught:
        bench.pages()
    assert caught.value.wait_seconds == 3600
    assert bench.clock.slept == []
