"""`tributary backfill`: what it would read, what it asks of Airflow, and how it says it ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from tributary.clock import FixedClock
from tributary.connectors.spec import ConnectionForm, Connector, Stream, all_connectors
from tributary.errors import ConfigurationError
from tributary.local.airflow import Api
from tributary.local.backfill import Backfill
from tributary.local.backfill_plan import Days, Plan, days_of, explain, plan
from tributary.settings import AccountConfig, StoreConfig
from tributary.warehouse import loads, stores
from tributary.warehouse.connection import Connection
from tributary.warehouse.loads import Counts, Target
from tributary.window import Window

TODAY = date(2026, 11, 21)
AUGUST = Days(date(2026, 8, 1), date(2026, 8, 31))
FEEDS = ["files", "sales", "social"]
SHOP = Target("north", "shopify", "shopify_social", "order")


@pytest.fixture
def shops(warehouse: Connection) -> Connection:
    """Two stores with a shop each, one with a drop folder and a social account."""
    counters = Stream("post", "table", lambda _: iter(()), 0, 1, "none")
    social = Connector("social", "Social", "social", (counters,), ConnectionForm(), lambda _: "")
    configured = [
        StoreConfig("north", "North", "Europe/Berlin", "EUR", _accounts("shopify", "social")),
        StoreConfig("west", "West", "America/Chicago", "USD", _accounts("shopify", "files")),
    ]
    known = all_connectors()
    stores.sync(warehouse, configured, [known["shopify"], known["files"], social])
    return warehouse


def _accounts(*connectors: str) -> list[AccountConfig]:
    return [AccountConfig(connector, f"{connector}_{connectors[1]}") for connector in connectors]


@pytest.mark.parametrize(
    ("first", "last", "day_by_day", "message"),
    [
        ("2026-08-02", "2026-08-01", False, "turn them round"),
        ("2026-08-01", "2026-11-22", False, "in the future: the last day there can be data for is"),
        ("1.8.2026", "2026-08-01", False, "--from 1.8.2026 is not a date like"),
        ("2026-08-01", "soon", False, "--to soon is not a date like"),
        ("2026-11-01", "2026-11-21", True, "read to 2026-11-20"),
    ],
)
def test_days_that_cannot_be_read_are_said_with_the_next_step(
    first: str, last: str, day_by_day: bool, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        days_of(first, last, TODAY, day_by_day=day_by_day)


def test_both_days_are_read() -> None:
    days = days_of("2026-08-01", "2026-08-31", TODAY)
    assert (days.count, days.end, str(days)) == (31, date(2026, 9, 1), "2026-08-01 to 2026-08-31")
    assert str(days_of("2026-11-21", "2026-11-21", TODAY)) == "2026-11-21"


def test_a_stream_without_a_past_is_shown_and_its_feed_not_read(shops: Connection) -> None:
    found = plan(shops, AUGUST, [], FEEDS)
    assert found.feeds == ["files", "sales"]
    assert {p.stream: p.accounts for p in found.parts if p.feed != "files"} == {
        "order": 2,
        "post": 1,
    }
    text = explain(found)
    assert "skipped: lifetime counters" in text
    assert "what happened on these days" in text
    with pytest.raises(ConfigurationError, match="no stream of social has a past"):
        plan(shops, AUGUST, ["social"], FEEDS)


def test_the_cheaper_way_is_said_with_its_figures(shops: Connection) -> None:
    ranged = plan(shops, AUGUST, ["sales"], FEEDS)
    assert (ranged.loads, ranged.runs) == (2, 1)
    assert "is cheaper: 2 loads instead of 62" in explain(ranged)
    daily = plan(shops, AUGUST, ["sales"], FEEDS, day_by_day=True)
    assert daily.runs == 31
    assert "31 runs, 62 loads. One run per feed would be 2 loads." in explain(daily)
    one = plan(shops, AUGUST, ["sales"], FEEDS, store="west")
    assert (one.loads, one.store) == (1, "west")


def test_api_calls_are_estimated_from_landed_loads_of_a_day_or_more(shops: Connection) -> None:
    assert "Never loaded yet: shopify order." in explain(plan(shops, AUGUST, ["sales"], FEEDS))
    _land(shops, SHOP, "full", days=10, calls=40)
    _land(shops, SHOP, "hour", days=1 / 24, calls=9)
    found = plan(shops, AUGUST, ["sales"], FEEDS)
    assert [(p.accounts, p.calls_per_day) for p in found.parts] == [(1, 4.0)]
    assert "About 124 API calls" in explain(found)


def test_what_is_not_known_is_named_with_what_is(shops: Connection) -> None:
    with pytest.raises(ConfigurationError, match="no feed mail; there are files, sales, social"):
        plan(shops, AUGUST, ["mail"], FEEDS)
    with pytest.raises(ConfigurationError, match="no store 'south'; there are north, west"):
        plan(shops, AUGUST, [], FEEDS, store="south")
    with pytest.raises(ConfigurationError, match="no account of files, north is known"):
        plan(shops, AUGUST, ["files"], FEEDS, store="north")


def _land(
    conn: Connection, target: Target, run_id: str, days: float, calls: int, changed: int = 0
) -> None:
    start = datetime(2026, 8, 1, tzinfo=UTC)
    window = Window(start, start + timedelta(days=days))
    load = loads.start(conn, target, run_id, "backfill", window, window.end)
    counts = Counts(api_calls=calls, rows_new=changed, rows_unchanged=5)
    loads.finish(
        conn,
        load,
        counts,
        quota={},
        drift=frozenset(),
        nothing_changed=not changed,
        at=window.end,
    )


@dataclass
class Airflow:
    """Plays Airflow's API: each look at a run lets it land, each look at unify publish."""

    conn: Connection
    outcome: str = "success"
    unify: str = "success"
    is_busy: bool = False
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    runs: dict[str, str] = field(default_factory=dict)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path, body = request.url.path, json.loads(request.content or b"null")
        self.asked.append((request.method, path, body))
        if path == "/auth/token":
            return httpx.Response(201, json={"access_token": "t"})
        if "Authorization" not in request.headers:
            return httpx.Response(401)
        return self._answer(request, path, body)

    def _answer(self, request: httpx.Request, path: str, body: Any) -> httpx.Response:
        if path == "/api/v2/dags":
            names = ("unify", "ingest_sales", "ingest_files")
            return httpx.Response(200, json={"dags": [{"dag_id": name} for name in names]})
        if path == "/api/v2/backfills":
            days = [f"2026-08-0{n}" for n in range(1, 4)]
            self.runs = {f"scheduled__{day}": "queued" for day in days}
            return httpx.Response(409 if self.is_busy else 200, json={"id": 7})
        if path == "/api/v2/dags/~/dagRuns":
            self._publish()
            return httpx.Response(200, json={"dag_runs": []})
        if request.method == "POST":
            self.runs["manual"] = "queued"
            return httpx.Response(200, json=self._run("manual"))
        if path.endswith("/manual"):
            self._finish("manual")
            return httpx.Response(200, json=self._run("manual"))
        if path.endswith("/dagRuns"):
            offset = int(request.url.params["offset"])
            names = list(self.runs)[offset : offset + 2]
            for name in names:
                self._finish(name)
            found = [self._run(name) for name in names]
            return httpx.Response(200, json={"dag_runs": found, "total_entries": len(self.runs)})
        return httpx.Response(200, json={})

    def _run(self, name: str) -> dict[str, str]:
        return {"dag_run_id": name, "state": self.runs[name]}

    def _finish(self, name: str) -> None:
        steps = {"queued": "running", "running": self.outcome}
        if self.runs[name] == "running":
            if self.outcome == "success":
                _land(self.conn, SHOP, f"ingest_sales/{name}", 1, 3, changed=2)
            else:
                at = datetime(2026, 9, 1, tzinfo=UTC)
                load = loads.start(
                    self.conn, SHOP, f"ingest_sales/{name}", "backfill", Window.of_days(*_DAY), at
                )
                loads.fail(self.conn, load, "shopify did not answer. Clear the task.", at)
        self.runs[name] = steps.get(self.runs[name], self.runs[name])

    def _publish(self) -> None:
        if self.unify == "success":
            self.conn.execute("update ops.load set publication_id = 1 where publication_id is null")


_DAY = (date(2026, 8, 1), date(2026, 8, 2))


def _run(conn: Connection, airflow: Airflow, found: Plan) -> tuple[int, list[str]]:
    api = Api("http://127.0.0.1:1", "secret")
    api._client = httpx.Client(
        base_url="http://127.0.0.1:1", transport=httpx.MockTransport(airflow)
    )
    said: list[str] = []
    clock = FixedClock(datetime(2026, 11, 21, tzinfo=UTC))
    try:
        return Backfill(api, conn, found, clock, said.append).run(), said
    finally:
        api.close()


def test_a_range_is_one_run_and_ends_when_it_is_published(shops: Connection) -> None:
    airflow = Airflow(shops)
    code, said = _run(shops, airflow, plan(shops, AUGUST, ["sales"], FEEDS, store="west"))
    assert code == 0
    sent = [body for method, path, body in airflow.asked if path.endswith("ingest_sales/dagRuns")]
    assert sent[0]["conf"] == {
        "mode": "backfill",
        "store": "west",
        "start": "2026-08-01",
        "end": "2026-09-01",
    }
    assert ("PATCH", "/api/v2/dags/ingest_sales", {"is_paused": False}) in airflow.asked
    assert said[-1] == (
        "2026-08-01 to 2026-08-31: 1 load landed, 2 rows new, 0 changed, 5 unchanged,"
        " 0 days changed; published"
    )


def test_day_by_day_is_airflows_backfill_of_runs_it_may_have_had(shops: Connection) -> None:
    airflow = Airflow(shops)
    days = Days(date(2026, 8, 1), date(2026, 8, 3))
    found = plan(shops, days, ["sales"], FEEDS, day_by_day=True)
    code, said = _run(shops, airflow, found)
    assert code == 0
    [asked] = [body for _, path, body in airflow.asked if path == "/api/v2/backfills"]
    assert asked["from_date"][:10] == "2026-08-01" and asked["to_date"][:10] == "2026-08-03"
    assert asked["reprocess_behavior"] == "completed"
    assert asked["dag_run_conf"] == {"mode": "backfill"}  # not what an earlier run was asked for
    assert "3 loads landed" in said[-1]
    airflow = Airflow(shops, is_busy=True)
    with pytest.raises(ConfigurationError, match="another backfill of ingest_sales"):
        _run(shops, airflow, found)


def test_a_failed_load_is_told_with_its_sentence_and_the_exit_code(shops: Connection) -> None:
    code, said = _run(shops, Airflow(shops, "failed"), plan(shops, AUGUST, ["sales"], FEEDS))
    assert code == 1
    assert "ingest_sales: the run manual FAILED" in said
    assert "    shopify__shopify_social order: shopify did not answer. Clear the task." in said
    assert said[-1].endswith(
        "1 FAILED, 0 rows new, 0 changed, 0 unchanged, 0 days changed; published"
    )


def test_what_unify_does_not_publish_is_no_success(shops: Connection) -> None:
    shops.execute(
        "insert into ops.unify_run (run_id, status, started_at, message)"
        " values ('u', 'stopped', '2026-11-20', '1 check of run u failed')"
    )
    airflow = Airflow(shops, unify="stopped")
    code, said = _run(shops, airflow, plan(shops, AUGUST, ["sales"], FEEDS))
    assert code == 1
    assert "unify did not publish it: 1 check of run u failed" in said
    assert said[-1].endswith("NOT published")
    woken = [path for method, path, _ in airflow.asked if method == "POST"]
    assert woken.count("/api/v2/dags/unify/dagRuns") == 1


def test_a_backfill_without_an_airflow_is_a_sentence(tributary: Callable[..., Any]) -> None:
    range_ = ("--from", "2026-08-01", "--to", "2026-08-02")
    done = tributary("backfill", *range_)
    assert (done.returncode, "make run" in done.stderr) == (2, True)
    done = tributary("backfill", *range_, environ={"AIRFLOW_URL": "http://127.0.0.1:1"})
    assert (done.returncode, "TRIBUTARY_WAREHOUSE_URL is not set" in done.stderr) == (2, True)


def test_a_dry_run_asks_the_warehouse_only(
    shops: Connection, warehouse_url: str, tributary: Callable[..., Any]
) -> None:
    done = tributary(
        *("backfill", "--from", "2026-08-01", "--to", "2026-08-31", "--dry-run"),
        environ={"AIRFLOW_URL": "http://127.0.0.1:1", "TRIBUTARY_WAREHOUSE_URL": warehouse_url},
    )
    assert done.returncode == 0, done.stderr
    assert "2026-08-01 to 2026-08-31 (31 days, as each account counts them)" in done.stdout
    assert "shopify order" in done.stdout
    assert done.stdout.endswith("Nothing was read: --dry-run.\n")
