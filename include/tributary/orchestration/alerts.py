"""Tells people of failures, once each: by e-mail (SMTP connection) and to a webhook.

`watch` are the arguments of a Dag. After each run the incidents of the warehouse are brought up to
date (warehouse/incidents.py) and the new ones are told in every way that is set up:

e-mail   TRIBUTARY_ALERT_EMAIL (comma-separated) and the Airflow connection `smtp_default`
webhook  the Airflow connection `alert_webhook`: its host is the URL, its password a bearer token

Callbacks run in the Dag processor and, for deadlines, in the triggerer; a failing way to tell is
logged and tried again after the next run.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference
from airflow.sdk.exceptions import AirflowNotFoundException
from asgiref.sync import sync_to_async

from tributary.orchestration import access

if TYPE_CHECKING:
    from tributary.warehouse.connection import Connection
    from tributary.warehouse.incidents import Incident, Problem

log = logging.getLogger(__name__)
WEBHOOK, SMTP = "alert_webhook", "smtp_default"
Send = Callable[["Incident"], None]


def watch(minutes: int) -> dict[str, Any]:
    """Arguments of a Dag whose failures, and runs longer than `minutes`, are told to people."""
    return {
        "on_failure_callback": run_failed,
        "on_success_callback": run_succeeded,
        "deadline": DeadlineAlert(
            reference=DeadlineReference.DAGRUN_QUEUED_AT,
            interval=timedelta(minutes=minutes),
            callback=AsyncCallback(deadline_missed, kwargs={"minutes": minutes}),
        ),
    }


def run_failed(context: Mapping[str, Any]) -> None:
    """A Dag run failed: the accounts or checks behind it, or the run itself when it was neither."""
    _report(*_names(context), _problems)


def run_succeeded(context: Mapping[str, Any]) -> None:
    """A Dag run succeeded: what works again is closed."""
    dag_id, run_id = _names(context)
    _report(dag_id, run_id, lambda conn, dag, run: [], succeeded_dag=dag_id)


async def deadline_missed(minutes: int, **kwargs: Any) -> None:
    """A Dag run is not done in time; it goes on."""
    run = kwargs["context"]["dag_run"]
    dag_id, run_id = str(run["dag_id"]), str(run["dag_run_id"])

    def late(conn: Connection, dag: str, run: str) -> list[Problem]:
        return [_late_run(dag, run, minutes)]

    await sync_to_async(_report)(dag_id, run_id, late)


def _names(context: Mapping[str, Any]) -> tuple[str, str]:
    return str(context["dag"].dag_id), str(context["run_id"])


def _problems(conn: Connection, dag_id: str, run_id: str) -> list[Problem]:
    from tributary.warehouse import incidents

    found = incidents.failed_loads(conn, dag_id, run_id)
    if dag_id == "unify":
        found += incidents.stopped_unify(conn, run_id)
    return found or [
        incidents.Problem(
            "run",
            f"run {dag_id}",
            f"a run of {dag_id} failed",
            "A task failed before it could say why in the warehouse. The last lines of the red"
            " task's log have the reason and the next step.",
        )
    ]


def _late_run(dag_id: str, run_id: str, minutes: int) -> Problem:
    from tributary.warehouse.incidents import Problem

    return Problem(
        "deadline",
        f"deadline {dag_id}",
        f"a run of {dag_id} is not done after {minutes} minutes",
        f"Run {run_id} goes on. If a task waits in state scheduled or queued, look at its pool and"
        " at the scheduler; if it runs, its log says what it waits for.",
    )


def _report(
    dag_id: str,
    run_id: str,
    problems: Callable[[Connection, str, str], list[Problem]],
    succeeded_dag: str = "",
) -> None:
    from tributary.clock import SystemClock
    from tributary.warehouse import incidents

    at = SystemClock().now()
    with access.warehouse("tributary alerts") as conn:
        incidents.close_recovered(conn, at, succeeded_dag)
        found = problems(conn, dag_id, run_id) + incidents.late_streams(conn, at)
        incidents.observe(conn, found, dag_id, run_id, at)
        for way, send in _ways().items():
            try:
                with incidents.telling(conn, way) as untold:
                    for incident in untold:
                        send(incident)
            except Exception as error:
                log.error("An alert could not be sent by %s: %s", way, _clean(error))


def _ways() -> dict[str, Send]:
    """The ways that are set up."""
    ways: dict[str, Send] = {}
    recipients = [to.strip() for to in os.environ.get("TRIBUTARY_ALERT_EMAIL", "").split(",")]
    if any(recipients):
        ways["email"] = lambda incident: _send_mail([to for to in recipients if to], incident)
    with suppress(AirflowNotFoundException):
        found = access.of_connection(BaseHook.get_connection(WEBHOOK))
        ways["webhook"] = lambda incident: _post(found.host, found.password, incident)
    return ways


def _send_mail(recipients: Sequence[str], incident: Incident) -> None:
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    with SmtpHook(smtp_conn_id=SMTP) as hook:
        hook.send_email_smtp(
            to=list(recipients),
            subject=f"[Tributary] {incident.summary}",
            html_content="<br>".join(escape(line) for line in _text(incident).splitlines()),
        )


def _post(url: str, token: str, incident: Incident) -> None:
    """`text` is what chat services show; the rest is for programs."""
    from tributary.transport.webhook import post

    body = {
        "text": f"Tributary: {_text(incident)}",
        "incident": {
            "id": incident.incident_id,
            "summary": incident.summary,
            "detail": incident.detail,
            "dag_id": incident.dag_id,
            "run_id": incident.run_id,
            "opened_at": incident.opened_at.isoformat(),
            "url": _url(incident),
        },
    }
    post(url, body, token=token, connection=WEBHOOK)


def _text(incident: Incident) -> str:
    return f"{incident.summary}.\n{incident.detail}\n{_url(incident)}"


def _url(incident: Incident) -> str:
    from airflow.configuration import conf

    base = conf.get("api", "base_url", fallback="") or "http://localhost:8080"
    return f"{base.rstrip('/')}/dags/{incident.dag_id}/runs/{incident.run_id}"


def _clean(error: Exception) -> str:
    from tributary.transport.redaction import redact

    return redact(f"{type(error).__name__}: {error}")
