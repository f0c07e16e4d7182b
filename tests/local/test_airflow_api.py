"""How the launcher asks Airflow on a machine that is busy."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tributary.errors import TributaryError
from tributary.local.airflow import Api

URL = "http://127.0.0.1:1"


def asked(answer: Callable[[int], httpx.Response]) -> tuple[Api, list[str]]:
    """An Api whose wire gives answer(n) to the nth request, and the requests it saw."""
    seen: list[str] = []

    def wire(request: httpx.Request) -> httpx.Response:
        seen.append(request.method)
        return answer(len(seen))

    api = Api(URL, "secret")
    api._client = httpx.Client(base_url=URL, transport=httpx.MockTransport(wire))
    return api, seen


def late(count: int) -> Callable[[int], httpx.Response]:
    def answer(number: int) -> httpx.Response:
        if number <= count:
            raise httpx.ReadTimeout("timed out")
        return httpx.Response(200, json={"dags": [{"dag_id": "unify"}], "state": "queued"})

    return answer


def test_a_question_that_is_answered_late_is_asked_again() -> None:
    api, seen = asked(late(4))
    assert api.dag_ids() == {"unify"}
    assert seen == ["GET"] * 5


def test_an_airflow_that_never_answers_is_told_of() -> None:
    api, seen = asked(late(99))
    with pytest.raises(TributaryError, match="does not answer"):
        api.dag_ids()
    assert seen == ["GET"] * 5


def test_a_run_is_never_started_twice_by_asking_again() -> None:
    api, seen = asked(late(99))
    with pytest.raises(TributaryError, match="does not answer"):
        api.trigger("unify")
    assert seen == ["POST"]
