"""The sandbox's BigQuery over HTTP: tables, queries, jobs, pages, limits, and who may ask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from fastapi.testclient import TestClient

from tributary.clock import FixedClock
from tributary.sandbox import ga4
from tributary.sandbox.catalog import STORES
from tributary.sandbox.google_tokens import GRANT, key_file, load_keys
from tributary.sandbox.server import Sandbox, create_app
from tributary.sandbox.world import World

PRAIRIE = STORES["prairie"]
SCOPE = "https://www.googleapis.com/auth/bigquery"
BASE = "/bigquery/v2/projects/prairie-analytics"
TABLE = "`prairie-analytics.analytics_310000002.events_20261101`"
SELECT = f"select event_name, ecommerce.purchase_revenue as paid from {TABLE}"
Json = dict[str, Any]


class Wire:
    """A client with a token of a store's service account, on a clock that stands still."""

    def __init__(self, world: World, folder: Path, keys: dict[str, Json]) -> None:
        self.clock = FixedClock(datetime(2026, 11, 21, tzinfo=UTC))
        self.keys = keys
        tokens = dict.fromkeys(STORES, "shpat_0")
        self.sandbox = Sandbox(world, folder, tokens, self.clock, keys)
        self.http = TestClient(create_app(self.sandbox))
        self.headers = {"Authorization": f"Bearer {self.token('prairie')['access_token']}"}

    def token(self, store: str, **changed: Any) -> Json:
        key = json.loads(key_file(self.keys[store], "http://testserver"))
        now = round(self.clock.now().timestamp())
        claims = {
            "iss": key["client_email"],
            "scope": SCOPE,
            "aud": key["token_uri"],
            "iat": now,
            "exp": now + 3600,
            **changed,
        }
        signed = jwt.encode(claims, key["private_key"], algorithm="RS256")
        form = {"grant_type": GRANT, "assertion": signed}
        reply: Json = self.http.post("/google/token", data=form).json()
        return reply

    def get(self, path: str, **params: str) -> tuple[int, Json]:
        reply = self.http.get(BASE + path, params=params, headers=self.headers)
        return reply.status_code, reply.json()

    def post(self, query: str, **more: Any) -> tuple[int, Json]:
        """One question; the rate limit is waited out by asking again."""
        body = {"query": query, "useLegacySql": False, **more}
        while True:
            reply = self.http.post(f"{BASE}/queries", json=body, headers=self.headers)
            if reply.status_code != 403:
                return reply.status_code, reply.json()

    def rows(self, query: str) -> list[Json]:
        """All rows of a query, over all pages."""
        _, page = self.post(query)
        job = page["jobReference"]["jobId"]
        if not page["jobComplete"]:
            _, page = self.get(f"/queries/{job}")
        found = list(page["rows"])
        while token := page.get("pageToken"):
            _, page = self.get(f"/queries/{job}", pageToken=token)
            found += page["rows"]
        assert len(found) == int(page["totalRows"])
        return found


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Json]:
    return load_keys(tmp_path_factory.mktemp("keys") / "google-keys.json")


@pytest.fixture(scope="module")
def wire(
    world: World, keys: dict[str, Json], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Wire]:
    yield Wire(world, tmp_path_factory.mktemp("drop"), keys)


def reason(answer: tuple[int, Json]) -> tuple[int, str]:
    return answer[0], answer[1]["error"]["errors"][0]["reason"]


def test_a_token_needs_the_accounts_signature_and_ends_after_an_hour(
    world: World, keys: dict[str, Json], tmp_path: Path
) -> None:
    wire = Wire(world, tmp_path, keys)
    assert wire.token("prairie")["expires_in"] == 3599
    other = {"iss": keys["nordlicht"]["client_email"]}
    assert wire.token("prairie", **other)["error"] == "invalid_grant"
    assert wire.token("prairie", aud="https://elsewhere")["error"] == "invalid_grant"
    assert wire.token("prairie", exp=1)["error"] == "invalid_grant"
    table = "/datasets/analytics_310000002/tables/events_20261101"
    assert wire.get(table)[0] == 200
    wire.clock.sleep(3600)
    assert reason(wire.get(table)) == (401, "authError")


def test_another_accounts_token_has_no_access(wire: Wire) -> None:
    mine = dict(wire.headers)
    wire.headers["Authorization"] = f"Bearer {wire.token('nordlicht')['access_token']}"
    assert reason(wire.get("/datasets/analytics_310000002/tables/events_20261101")) == (
        403,
        "accessDenied",
    )
    wire.headers = mine


def test_a_table_says_its_rows_and_when_it_changed_without_being_read(
    wire: Wire, world: World
) -> None:
    status, table = wire.get("/datasets/analytics_310000002/tables/events_20261101")
    rows = ga4.days(world, PRAIRIE)[datetime(2026, 11, 1).date()]  # noqa: DTZ001 a day
    assert (status, int(table["numRows"])) == (200, len(rows))
    # Written in the night after its day, rewritten for three more.
    assert int(table["lastModifiedTime"]) == datetime(2026, 11, 5, tzinfo=UTC).timestamp() * 1000
    fields = {field["name"]: field for field in table["schema"]["fields"]}
    assert fields["event_params"]["mode"] == "REPEATED"
    assert fields["event_timestamp"]["type"] == "INTEGER"


def test_what_is_not_there_is_404(wire: Wire) -> None:
    tomorrow = wire.get("/datasets/analytics_310000002/tables/events_20261122")
    assert reason(tomorrow) == (404, "notFound")
    assert tomorrow[1]["error"]["message"].startswith("Not found: Table prairie-analytics:")
    other = wire.get("/datasets/analytics_1/tables/events_20261101")
    assert other[1]["error"]["message"] == "Not found: Dataset prairie-analytics:analytics_1"
    assert reason(wire.get("/queries/job_none")) == (404, "notFound")
    assert reason(wire.post(SELECT, location="EU")) == (404, "notFound")


def test_pages_give_every_row_once_in_the_apis_form(wire: Wire, world: World) -> None:
    events = ga4.days(world, PRAIRIE)[datetime(2026, 11, 1).date()]  # noqa: DTZ001 a day
    found = wire.rows(SELECT)
    assert len(found) == len(events) > 100
    paid = [(e["event_name"], (e.get("ecommerce") or {}).get("purchase_revenue")) for e in events]
    assert [tuple(cell["v"] for cell in row["f"]) for row in found] == [
        (name, None if value is None else str(value)) for name, value in paid
    ]
    assert any(value is not None for _, value in paid)


def test_items_of_a_list_are_chosen_by_key(wire: Wire) -> None:
    query = (
        "select array(select p from unnest(event_params) as p where p.key in ('page_location'))"
        f" as event_params from {TABLE}"
    )
    ((params,),) = {
        tuple(item["v"]["f"][0]["v"] for item in row["f"][0]["v"]) for row in wire.rows(query)
    }
    assert params == "page_location"


def test_some_jobs_take_time(wire: Wire) -> None:
    complete = {wire.post(SELECT)[1]["jobComplete"] for _ in range(20)}
    assert complete == {True, False}


def test_a_dry_run_counts_bytes_and_a_limit_refuses_the_query(wire: Wire) -> None:
    _, dry = wire.post(SELECT, dryRun=True)
    estimate = int(dry["totalBytesProcessed"])
    assert estimate > 1000
    assert "rows" not in dry
    refused = wire.post(SELECT, maximumBytesBilled=str(estimate - 1))
    assert reason(refused)[1] == "bytesBilledLimitExceeded"
    assert wire.post(SELECT, maximumBytesBilled=str(estimate))[0] == 200


@pytest.mark.parametrize(
    "query", ["delete from x", f"select colour from {TABLE}", f"select event_name, from {TABLE}"]
)
def test_a_query_it_does_not_understand_is_refused(wire: Wire, query: str) -> None:
    assert reason(wire.post(query)) == (400, "invalidQuery")


def test_now_and_then_the_rate_limit_is_used_up(wire: Wire) -> None:
    body = {"query": "select 1", "useLegacySql": False, "dryRun": True}
    replies = [
        wire.http.post(f"{BASE}/queries", json=body, headers=wire.headers) for _ in range(61)
    ]
    limited = [reply for reply in replies if reply.status_code == 403]
    assert [reason((reply.status_code, reply.json())) for reply in limited] == [
        (403, "rateLimitExceeded")
    ]


def test_a_day_changes_for_three_days_and_no_more(
    world: World, keys: dict[str, Json], tmp_path: Path
) -> None:
    def stamp(as_of_day: int) -> Json:
        day = datetime(2026, 11, as_of_day).date()  # noqa: DTZ001 a day
        moved = Wire(World(world.seed, day, world.first_day), tmp_path, keys)
        return moved.get("/datasets/analytics_310000002/tables/events_20261101")[1]

    times = [int(stamp(day)["lastModifiedTime"]) for day in (2, 3, 4, 5, 6, 9)]
    day = round(timedelta(days=1).total_seconds() * 1000)
    assert [t - times[0] for t in times] == [0, day, 2 * day, 3 * day, 3 * day, 3 * day]
