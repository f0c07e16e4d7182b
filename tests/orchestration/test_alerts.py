"""Failures are told once, by mail and to a webhook that really listen, and closed when cured."""

from __future__ import annotations

import asyncio
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

RunDag = Callable[..., Any]
GOOD = (
    "date,channel,campaign_id,campaign_name,source,medium,spend,impressions,clicks,currency\n"
    "2026-08-01,,c1,Summer,google,cpc,{spend},1000,40,EUR\n"
)


@dataclass
class Inbox:
    """What arrived."""

    mails: list[str] = field(default_factory=list)
    posts: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    refuse: bool = False


class _Mail(socketserver.StreamRequestHandler):
    """As much SMTP as one message needs."""

    inbox: Inbox

    def handle(self) -> None:
        self._say("220 ready")
        while line := self.rfile.readline().decode().strip():
            verb = line.upper()
            if verb == "DATA":
                self._say("354 go on")
                self.inbox.mails.append(self._message())
            self._say("221 bye" if verb == "QUIT" else "250 ok")
            if verb == "QUIT":
                return

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def _message(self) -> str:
        lines = []
        while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
            lines.append(line)
        return "\n".join(lines)


class _Hook(BaseHTTPRequestHandler):
    inbox: Inbox

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.inbox.refuse:
            self.send_error(500)
            return
        self.inbox.posts.append((self.path, self.headers.get("Authorization", ""), body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def inbox(airflow: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    found = Inbox()
    mail = socketserver.ThreadingTCPServer(
        ("127.0.0.1", 0), type("Mail", (_Mail,), {"inbox": found})
    )
    hook = HTTPServer(("127.0.0.1", 0), type("Hook", (_Hook,), {"inbox": found}))
    for server in (mail, hook):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    smtp = {
        "conn_type": "smtp",
        "host": "127.0.0.1",
        "port": mail.server_address[1],
        "extra": {"disable_tls": True, "disable_ssl": True, "from_email": "t@example.org"},
    }
    webhook = {
        "conn_type": "http",
        "host": f"http://127.0.0.1:{hook.server_address[1]}/services/T0/secretpath",
        "password": "hush-hush-token",
    }
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(smtp))
    monkeypatch.setenv("AIRFLOW_CONN_ALERT_WEBHOOK", json.dumps(webhook))
    monkeypatch.setenv("TRIBUTARY_ALERT_EMAIL", "ops@example.org, boss@example.org")
    yield found
    for server in (mail, hook):
        server.shutdown()
        server.server_close()


BAD = "colour,shape\nred,round\n"


def north_is_well_and_prairie(installation: Any, text: str) -> None:
    installation.drop("north", "spend.csv", GOOD.format(spend="1.00"))
    installation.drop("prairie", "spend.csv", text)


def incidents(installation: Any) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = installation.warehouse.execute(
        "select subject, occurrences, closed_at is null, sent_to from ops.incident"
        " order by incident_id"
    ).fetchall()
    return rows


def ended(dag_id: str, run: Any) -> None:
    """What the Dag processor calls after a run."""
    from tributary.orchestration import alerts

    context = {"dag": type("Dag", (), {"dag_id": dag_id}), "run_id": run.run_id}
    (alerts.run_succeeded if run.state == "success" else alerts.run_failed)(context)


def test_every_dag_tells_of_failures_success_and_lateness(bag: Any) -> None:
    from tributary.orchestration import alerts

    assert bag.dags
    for dag in bag.dags.values():
        assert dag.on_failure_callback in (alerts.run_failed, [alerts.run_failed]), dag.dag_id
        assert dag.on_success_callback in (alerts.run_succeeded, [alerts.run_succeeded])
        (deadline,) = dag.deadline if isinstance(dag.deadline, list) else [dag.deadline]
        assert deadline.interval > timedelta(minutes=30)
        assert deadline.callback.path.endswith("alerts.deadline_missed")


def test_an_account_that_fails_is_told_once_and_closed_when_it_lands(
    installation: Any, run_dag: RunDag, inbox: Inbox
) -> None:
    north_is_well_and_prairie(installation, BAD)
    for _ in range(3):
        run = run_dag("ingest_files")
        assert run.state == "failed"
        ended("ingest_files", run)
    (incident,) = incidents(installation)
    assert incident[0] == "load files__prairie_files"
    assert incident[1] >= 3
    assert incident[2:] == (True, ["email", "webhook"])
    (mail,) = inbox.mails
    assert "Subject: [Tributary] files account prairie_files of store prairie" in mail
    ((path, bearer, body),) = inbox.posts
    assert (path, bearer) == ("/services/T0/secretpath", "Bearer hush-hush-token")
    assert "spend.csv" in body["text"]
    assert f"/dags/ingest_files/runs/{body['incident']['run_id']}" in body["incident"]["url"]

    installation.drop("prairie", "spend.csv", GOOD.format(spend="2.00"))
    run = run_dag("ingest_files")
    assert run.state == "success"
    ended("ingest_files", run)
    assert incidents(installation)[0][2] is False
    assert len(inbox.mails) == len(inbox.posts) == 1

    installation.drop("prairie", "spend.csv", BAD)
    ended("ingest_files", run_dag("ingest_files"))
    assert len(incidents(installation)) == 2
    assert len(inbox.mails) == len(inbox.posts) == 2


def test_a_stopped_unify_says_which_check(installation: Any, run_dag: RunDag, inbox: Inbox) -> None:
    for store in ("north", "prairie"):
        installation.drop(store, "spend.csv", GOOD.format(spend="-5.00"))
    assert run_dag("ingest_files").state == "success"
    run = run_dag("unify")
    assert run.state == "failed"
    ended("unify", run)
    assert [row[0] for row in incidents(installation)] == ["unify"]
    (post,) = inbox.posts
    assert "spend_amount" in post[2]["text"]
    assert "nothing was published" in post[2]["text"]


def test_a_way_that_fails_is_tried_again_and_its_secret_stays_out_of_the_log(
    installation: Any, run_dag: RunDag, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    north_is_well_and_prairie(installation, BAD)
    inbox.refuse = True
    ended("ingest_files", run_dag("ingest_files"))
    assert incidents(installation)[0][3] == ["email"]
    assert "could not be sent by webhook" in caplog.text
    assert "hush-hush" not in caplog.text
    assert "secretpath" not in caplog.text
    inbox.refuse = False
    ended("ingest_files", run_dag("ingest_files"))
    assert len(inbox.mails) == len(inbox.posts) == 1


def test_a_stream_that_landed_long_ago_is_late(
    installation: Any, run_dag: RunDag, inbox: Inbox
) -> None:
    north_is_well_and_prairie(installation, GOOD.format(spend="1.00"))
    run = run_dag("ingest_files")
    old = datetime.now(UTC) - timedelta(hours=27)
    installation.warehouse.execute(
        "update ops.load set finished_at = %s where account_id = 'north_files'", (old,)
    )
    ended("ingest_files", run)
    assert [row[0] for row in incidents(installation)] == ["late files__north_files spend"]
    assert "is late" in inbox.posts[0][2]["incident"]["summary"]
    ended("ingest_files", run_dag("ingest_files"))
    assert incidents(installation)[0][2] is False


def test_a_run_that_takes_too_long_is_told(installation: Any, inbox: Inbox) -> None:
    from tributary.orchestration import alerts

    run = {"dag_id": "unify", "dag_run_id": "scheduled__1"}
    for _ in range(2):
        asyncio.run(alerts.deadline_missed(minutes=60, context={"dag_run": run}))
    assert incidents(installation) == [("deadline unify", 2, True, ["email", "webhook"])]
    assert "not done after 60 minutes" in inbox.posts[0][2]["text"]
    assert len(inbox.mails) == 1
    alerts.run_succeeded({"dag": type("Dag", (), {"dag_id": "unify"}), "run_id": "scheduled__1"})
    assert incidents(installation)[0][2] is False


def test_without_any_way_set_up_incidents_are_kept_all_the_same(
    installation: Any, run_dag: RunDag
) -> None:
    north_is_well_and_prairie(installation, BAD)
    ended("ingest_files", run_dag("ingest_files"))
    assert [(row[0], row[3]) for row in incidents(installation)] == [
        ("load files__prairie_files", [])
    ]
