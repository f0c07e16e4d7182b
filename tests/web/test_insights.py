"""What should I change: what the page shows of findings, and who may decide about them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.web.conftest import MakeApp
from tributary.warehouse.connection import Connection

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def found(filled: Connection) -> Connection:
    filled.execute((Path(__file__).parent / "finding.sql").read_bytes())
    return filled


@pytest.fixture
def editor(make_app: MakeApp, warehouse_url: str) -> TestClient:
    """Alice in an app where she may decide; it follows no redirect by itself."""
    app = make_app(warehouse_url, editor="alice")
    return TestClient(app, headers={"x-user": "alice"}, follow_redirects=False)


def section(html: str) -> str:
    return html.split('id="insights"')[1].split("</section>")[0]


def form(client: TestClient, insight_id: int) -> dict[str, str]:
    """The hidden fields of a finding's form as the page gives them."""
    html = client.get("/?store=nordlicht").text
    (body,) = re.findall(rf'action="insights/{insight_id}"(.*?)</form>', html, re.DOTALL)
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', body))


def status(conn: Connection, insight_id: int = 4242) -> tuple[str, str, str]:
    row = conn.execute(
        "select status, decided_by, note from mart.insight where insight_id = %s", (insight_id,)
    ).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def test_findings_come_first_with_next_step_numbers_and_proof(
    found: Connection, alice: TestClient
) -> None:
    html = alice.get("/?store=nordlicht").text
    assert html.index('id="insights"') < html.index("Revenue and spend in EUR")
    shown = section(html)
    assert shown.index("Email: fewer visits") < shown.index("Links tagged fb-de")
    assert "&lt;img src=x&gt;" in shown and "<img" not in shown
    for text in ("Check the links.", "Chance would have stayed above 90.", "select 1 as proof"):
        assert text in shown
    assert "ops.source_alias" in shown
    assert "4242" not in alice.get("/?store=prairie").text
    assert "Nothing stands out" in section(alice.get("/?store=prairie").text)


def test_who_may_only_look_sees_no_button_and_is_refused(
    found: Connection, alice: TestClient, make_app: MakeApp, warehouse_url: str
) -> None:
    other = make_app(warehouse_url, editor="bob")
    for client in (alice, TestClient(other, headers={"x-user": "alice"})):
        assert "<form" not in client.get("/").text and "<button" not in client.get("/").text
        for body in ({"json": {"decision": "dismiss"}}, {"data": {"decision": "dismiss"}}):
            answer = client.post("/insights/4242", **body)  # type: ignore[arg-type]
            assert answer.status_code == 403 and "edit the Dag unify" in answer.text
    assert status(found) == ("active", "", "")


def test_a_button_decides_in_the_users_name_and_comes_back(
    found: Connection, editor: TestClient
) -> None:
    fields = form(editor, 4242) | {"decision": "dismiss", "note": "test <b>campaign</b>"}
    answer = editor.post("/insights/4242", data=fields)
    assert answer.status_code == 303
    assert answer.headers["location"] == "../?store=nordlicht&model=last_non_direct#insights"
    assert status(found) == ("dismissed", "alice", "test <b>campaign</b>")
    html = section(editor.get("/?store=nordlicht").text)
    assert "Decided or gone (1)" in html and "Dismissed by alice, 2026-08-11 09:00 UTC" in html
    assert "test &lt;b&gt;campaign" in html
    again = editor.post("/insights/4242", data=form(editor, 4242) | {"decision": "reopen"})
    assert again.status_code == 303 and status(found)[0] == "active"
    done = editor.post("/insights/4343", data=form(editor, 4343) | {"decision": "done"})
    assert done.status_code == 303 and status(found, 4343)[0] == "actioned"


def test_a_form_without_our_token_or_with_anothers_is_refused(
    found: Connection, editor: TestClient
) -> None:
    mine, others = form(editor, 4242), form(editor, 4343)
    for token in ("", "0" * 64, others["token"]):
        answer = editor.post("/insights/4242", data=mine | {"token": token, "decision": "dismiss"})
        assert answer.status_code == 403 and "Reload" in answer.text
    assert status(found) == ("active", "", "")


def test_a_request_from_another_site_is_refused_even_with_the_token(
    found: Connection, editor: TestClient
) -> None:
    fields = form(editor, 4242) | {"decision": "dismiss"}
    for site in ("cross-site", "same-site"):
        answer = editor.post("/insights/4242", data=fields, headers={"sec-fetch-site": site})
        assert answer.status_code == 403
    plain = editor.post(
        "/insights/4242", content='{"decision": "dismiss"}', headers={"content-type": "text/plain"}
    )
    assert plain.status_code == 415
    assert status(found) == ("active", "", "")


def test_scripts_decide_with_json(found: Connection, editor: TestClient) -> None:
    answer = editor.post("/insights/4242", json={"decision": "done", "note": "links mended"})
    assert (answer.status_code, answer.json()) == (200, {"status": "actioned"})
    assert status(found) == ("actioned", "alice", "links mended")


def test_what_cannot_be_decided_says_why(found: Connection, editor: TestClient) -> None:
    def post(insight_id: int, body: object) -> int:
        return editor.post(f"/insights/{insight_id}", json=body).status_code

    assert post(1, {"decision": "dismiss"}) == 404
    assert post(2**70, {"decision": "dismiss"}) == 404
    assert post(4242, {"decision": "delete"}) == 400
    assert post(4242, {"note": "x"}) == 400
    assert post(4242, {"decision": "dismiss", "note": "x" * 20_000}) == 413
    found.execute("delete from core.insight where insight_id = 4343")
    found.execute("select ops.settle_insights(null, '2026-08-11T06:05Z')")
    assert post(4343, {"decision": "dismiss"}) == 409
    html = section(editor.get("/?store=nordlicht").text)
    assert "Gone since 2026-08-11 06:05 UTC" in html
    assert 'action="insights/4343"' not in html
