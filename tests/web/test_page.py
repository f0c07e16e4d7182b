"""The page: what it shows when full, empty, stopped or without a warehouse; it trusts no text."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from html import unescape

import psycopg
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from psycopg.conninfo import make_conninfo

from tributary.reports.summary import MODELS
from tributary.warehouse.connection import Connection
from tributary.web.connection import open_read_only

MakeApp = Callable[[str], FastAPI]


def rows(html: str, caption: str) -> dict[str, list[str]]:
    """The table with this caption: first cell of each body row -> its other cells."""
    table = re.search(rf"<caption>{re.escape(caption)}</caption>(.*?)</table>", html, re.DOTALL)
    assert table is not None, f"no table {caption!r}"
    body = table[1].split("<tbody>")[1]
    found = {}
    for line in re.findall(r"<tr.*?</tr>", body, re.DOTALL):
        first, *others = (
            unescape(c) for c in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line, re.DOTALL)
        )
        found[first] = others
    assert found
    return found


def test_before_the_first_load_it_says_what_to_do(warehouse: Connection, alice: TestClient) -> None:
    answer = alice.get("/")
    assert answer.status_code == 200
    assert "Nothing has been loaded yet" in answer.text
    assert "make run" in answer.text and "unify" in answer.text


@pytest.mark.parametrize("model", MODELS)
def test_revenue_by_channel_equals_sql_for_every_model(
    filled: Connection, alice: TestClient, model: str
) -> None:
    # 30 final days: data end on 2026-08-09, orders are final after 3 days.
    expected = dict(
        filled.execute(
            f"select coalesce(t.channel, 'Unattributed'), sum(c.{model}_amount)"
            " from core.credit as c left join core.touch as t using (store_id, touch_id)"
            " where c.store_id = 'nordlicht' and c.conversion_day between '2026-07-08' and"
            " '2026-08-06' group by 1".encode()
        ).fetchall()
    )
    shown = rows(
        alice.get("/", params={"store": "nordlicht", "model": model}).text, f"{MODELS[model]}, EUR"
    )
    labels = {"paid_search": "Paid search", "email": "Email"}
    assert len(expected) == 4
    for channel, amount in expected.items():
        label = labels.get(channel, channel)
        assert shown[label][0] == f"{amount:,.2f}", channel
    assert shown["Total"][0] == f"{sum(expected.values()):,.2f}" == "3,655.50"


def test_ratios_are_ratios_of_sums_and_absent_where_nothing_was_spent(
    filled: Connection, alice: TestClient
) -> None:
    shown = rows(alice.get("/?model=linear").text, "Linear, EUR")
    assert shown["Paid search"][2:] == ["217.50", f"{Decimal('428.19') / Decimal('217.50'):.2f}"]
    assert shown["Email"][2:] == ["-", "-"]
    assert shown["<script>alert(1)</script>"][2:] == ["0.00", "-"]
    assert shown["Total"][2:] == ["217.50", f"{Decimal('3655.50') / Decimal('217.50'):.2f}"]


def test_stores_and_currencies_never_share_a_page(filled: Connection, alice: TestClient) -> None:
    euro, dollar = alice.get("/?store=nordlicht").text, alice.get("/?store=prairie").text
    assert "EUR" in euro and "USD" not in euro
    assert "USD" in dollar and "EUR" not in dollar


def test_hostile_names_are_text(stopped: Connection, alice: TestClient) -> None:
    html = alice.get("/?store=prairie").text
    assert "&lt;script&gt;alert(1)" in html and "Prairie &lt;b&gt;&amp; Co" in html
    assert "&lt;img src=x" in html
    assert "<script" not in html and "<img" not in html and "<b>& Co" not in html


def test_the_browser_may_run_nothing_and_ask_nobody(filled: Connection, alice: TestClient) -> None:
    answer = alice.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "script" not in answer.text.replace("&lt;script&gt;", "").replace("&lt;/script&gt;", "")
    assert not re.search(r"(src|href)=.?(https?:)?//", answer.text)


def test_a_stopped_run_shows_its_failed_checks_first_with_worst_rows(
    stopped: Connection, alice: TestClient
) -> None:
    html = alice.get("/?store=nordlicht").text
    assert "The last unify run stopped; nothing of it was published" in html
    assert "as published on 2026-08-10 06:05 UTC" in html
    assert "<b>1 of 3</b> passed" in html
    checks = html[html.index('id="checks"') :]
    assert checks.index("sales_order_net_amount_adds_up") < checks.index("touch_source_known")
    assert "3 of 81 rows" in html
    assert "shopify rejected the token in connection &#39;shopify__nordlicht&#39;" in html
    assert rows(html, "Worst rows")["39"][0] == "prairie"


def test_freshness_tells_late_failed_and_quarantined(
    stopped: Connection, alice: TestClient
) -> None:
    html = " ".join(alice.get("/?store=nordlicht").text.split())
    assert '<span class="state late">late</span> <span class="what">files / nordlicht_files' in html
    assert '<span class="state failed">failed</span>' in html
    assert "1 in quarantine" in html and "days to 2026-08-09" in html


def test_unknown_store_or_model_is_not_found(filled: Connection, alice: TestClient) -> None:
    assert alice.get("/?model=best").status_code == 404
    assert alice.get("/?store=nobody").status_code == 404
    assert alice.get("/nothing").status_code == 404


def test_without_a_warehouse_it_says_so_and_tells_no_address(
    make_app: MakeApp, warehouse_url: str
) -> None:
    down = make_conninfo(warehouse_url, port=1, password="hush-hush", user="keeper")
    client = TestClient(make_app(down), headers={"x-user": "alice"})
    for path in ("/", "/api/summary"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert "The warehouse does not answer" in answer.text
        for secret in ("hush-hush", "keeper", "127.0.0.1", "Traceback"):
            assert secret not in answer.text


def test_an_unconfigured_or_unmigrated_warehouse_gets_its_own_sentence(
    make_app: MakeApp, warehouse: Connection, alice: TestClient
) -> None:
    nothing = TestClient(make_app(""), headers={"x-user": "alice"}).get("/")
    assert nothing.status_code == 503 and "TRIBUTARY_WAREHOUSE_URL" in nothing.text
    warehouse.execute("drop schema ops cascade")
    old = alice.get("/")
    assert old.status_code == 503 and "tributary migrate" in old.text


def test_the_api_gives_exact_amounts_as_text(filled: Connection, alice: TestClient) -> None:
    summary = alice.get("/api/summary").json()
    (money,) = [m for m in summary["money"] if m["period"]["store_id"] == "prairie"]
    assert money["period"]["currency_code"] == "USD"
    assert sum(Decimal(c["linear_amount"]) for c in money["channels"]) == Decimal("3655.50")
    assert [r["spend_amount"] for r in money["channels"] if r["channel"] == "email"] == [None]


def test_the_page_cannot_write(warehouse_url: str) -> None:
    with (
        open_read_only(warehouse_url) as conn,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
    ):
        conn.execute("delete from ops.load")
