"""Every bad day a vendor can have has one named outcome, and leaves every number exact."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random

import httpx
import pytest

from tributary.clock import FixedClock, SystemClock
from tributary.connectors.spec import all_connectors
from tributary.errors import (
    AuthenticationFailed,
    RateLimited,
    SchemaDrift,
    TributaryError,
    VendorUnavailable,
)
from tributary.local.grade import grade
from tributary.local.grade_seed import Served, run, sandbox
from tributary.pipeline.ingest import ingest
from tributary.sandbox import truth
from tributary.sandbox.fault_shapes import DIALECTS, NEW_FIELD
from tributary.sandbox.faults import KINDS
from tributary.sandbox.world import World
from tributary.settings import accounts
from tributary.transport.wire import Wire, using_wire
from tributary.warehouse import stores
from tributary.warehouse.connection import Connection, connect
from tributary.warehouse.loads import LoadResult
from tributary.window import Window

CLOCK = SystemClock()
FIRST_DAY, SPOILED_FROM, AS_OF = date(2026, 10, 26), date(2026, 10, 30), date(2026, 11, 2)
SEEDS = [int(seed) for seed in os.environ.get("TRIBUTARY_PROOF_SEEDS", "7,11,42,5").split(",")]


class Hurried(FixedClock):
    """Waits at most a moment: the sandbox's own limits run by the real clock."""

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        CLOCK.sleep(min(seconds, 0.05))


@dataclass(frozen=True)
class Case:
    """A fault and what it must come to; `error` None: the load lands all the same."""

    kind: str
    error: type[TributaryError] | None = None
    times: int = 1
    waits: bool = False
    drift: str = ""
    skip: int = 0


CASES = [
    Case("throttled", times=3, waits=True),
    Case("throttled", RateLimited, times=50, waits=True),
    Case("unavailable", times=2, waits=True),
    Case("unavailable", VendorUnavailable, times=50, waits=True),
    Case("truncated", waits=True),
    Case("truncated", VendorUnavailable, times=50, waits=True),
    Case("error_in_body", waits=True),
    Case("renamed_field", SchemaDrift),
    Case("new_field", drift=NEW_FIELD),
    Case("duplicate_page"),
    Case("slow"),
    Case("token_expired", AuthenticationFailed),
    Case("token_revoked", AuthenticationFailed, times=50),
    Case("empty"),
    Case("clock_moved", skip=1),
]
# A vendor whose outcome differs: Google's tokens are renewed, and a BigQuery job says how many rows
# it has, so that a short or repeated page is seen.
OTHERWISE = {
    "ga4": {"token_expired": Case("token_expired", skip=1)},
    "bigquery": {
        "token_expired": Case("token_expired", skip=1),
        "duplicate_page": Case("duplicate_page", VendorUnavailable),
        "empty": Case("empty", VendorUnavailable),
    },
}


def cases(vendor: str) -> list[Case]:
    return [OTHERWISE.get(vendor, {}).get(case.kind, case) for case in CASES]


def test_every_kind_of_fault_has_a_case() -> None:
    assert {case.kind for case in CASES} == set(KINDS)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    world = World.at(3, AS_OF, FIRST_DAY)
    with sandbox(world, tmp_path_factory.mktemp("sandbox"), CLOCK) as server:
        yield server


def ask(served: Served, **fault: object) -> httpx.Response:
    return httpx.post(f"{served.url}/control/faults", json=fault, trust_env=False)


def coming(served: Served) -> list[dict[str, object]]:
    reply = httpx.get(f"{served.url}/control/faults", trust_env=False).json()
    found: list[dict[str, object]] = reply["coming"]
    return found


def read(conn: Connection, served: Served, vendor: str, wire: Wire) -> list[LoadResult]:
    """Every stream of every account of a vendor, over the last days of the world."""
    configured, connectors = served.stores(), all_connectors()
    stores.sync(conn, configured, list(connectors.values()))
    conn.execute("update ops.file_version set content_hash = ''")  # read again what is unchanged
    window = Window(*(datetime.combine(day, time(), UTC) for day in (SPOILED_FROM, AS_OF)))
    with using_wire(wire):
        return [
            ingest(
                conn,
                account,
                connectors[vendor],
                stream,
                served.credentials(account),
                window,
                "incremental",
                "under a fault",
                CLOCK,
            )
            for account in accounts(configured)
            if account.connector == vendor
            for stream in connectors[vendor].streams_of(account)
        ]


def suffer(conn: Connection, served: Served, vendor: str, case: Case) -> list[LoadResult]:
    """The case's outcome is the one stated; then the vendor's day is good again."""
    clock = Hurried(CLOCK.now())  # as the server's, whose tokens have an age
    reply = ask(
        served, kind=case.kind, vendor=vendor, times=case.times, skip=case.skip, seconds=0.2
    )
    assert reply.status_code == 200, reply.text
    results: list[LoadResult] = []
    try:
        if case.error is None:
            results = read(conn, served, vendor, Wire(clock, Random(1)))
            assert all(result.counts.rows_quarantined == 0 for result in results)
            if case.drift:
                assert any(case.drift in note for result in results for note in result.drift)
            assert coming(served) == [], "the fault did not happen"
        else:
            with pytest.raises(case.error) as raised:
                read(conn, served, vendor, Wire(clock, Random(1)))
            assert type(raised.value) is case.error
            failed = conn.execute(
                "select error from ops.load where status = 'failed' order by load_id desc limit 1"
            ).fetchone()
            assert failed == (str(raised.value),)
    finally:
        httpx.delete(f"{served.url}/control/faults", trust_env=False)
    assert clock.slept or not case.waits
    return results


def assert_exact(conn: Connection, world: World) -> None:
    cells = truth.cells(world)
    assert len(cells) > 400
    report = grade(conn, cells, world.seed)
    assert report.is_exact, report.to_text()


@pytest.mark.parametrize("vendor", list(DIALECTS))
def test_each_fault_has_its_outcome_and_the_numbers_stay_exact(
    vendor: str, warehouse: Connection, served: Served
) -> None:
    landed = 0
    for case in cases(vendor):
        if case.kind == "clock_moved":
            continue  # below
        for result in suffer(warehouse, served, vendor, case):
            landed += result.counts.rows_new
            assert result.counts.rows_deleted == 0, case
    assert landed > 20
    running = warehouse.execute("select count(*) from ops.load where status = 'running'")
    assert running.fetchone() == (0,)
    world = World.at(3, AS_OF, FIRST_DAY)
    run(warehouse, served, world, CLOCK)
    assert_exact(warehouse, world)


def world_after(case: Case, world: World) -> World:
    if case.kind != "clock_moved":
        return world
    return World(world.seed, world.as_of + timedelta(days=1), world.first_day)


@pytest.mark.parametrize("vendor", list(DIALECTS))
def test_a_world_that_moves_between_two_pages_is_read_exactly_in_the_end(
    vendor: str, warehouse: Connection, served: Served
) -> None:
    world, (case,) = World.at(3, AS_OF, FIRST_DAY), [c for c in CASES if c.kind == "clock_moved"]
    try:
        assert suffer(warehouse, served, vendor, case)
        moved = world_after(case, world)
        run(warehouse, served, moved, CLOCK)
        assert_exact(warehouse, moved)
    finally:
        served.move_clock(AS_OF)


def test_a_fault_nobody_knows_is_refused_with_the_list(served: Served) -> None:
    for body in ({"kind": "flood", "vendor": "shopify"}, {"kind": "slow", "vendor": "nobody"}, {}):
        reply = ask(served, **body)
        assert reply.status_code == 400
        assert reply.json()["error"]
        assert set(reply.json()["kinds"]) == set(KINDS)
    assert coming(served) == []


def test_skip_and_account_choose_the_answer_that_is_spoiled(
    warehouse: Connection, served: Served
) -> None:
    ask(served, kind="token_expired", vendor="shopify", account="prairie", skip=1)
    with pytest.raises(AuthenticationFailed, match="prairie"):
        read(warehouse, served, "shopify", Wire())
    loads = warehouse.execute("select account_id, status, pages from ops.load order by load_id")
    assert [row[:2] for row in loads.fetchall()] == [("nordlicht", "landed"), ("prairie", "failed")]
    assert coming(served) == []


@pytest.mark.prove
@pytest.mark.parametrize("seed", SEEDS)
def test_grading_is_exact_after_each_fault(
    seed: int, template: str, cluster: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The fault meets the first landing; a second, good one completes it."""
    world = World.at(seed, AS_OF, FIRST_DAY)
    graded = 0
    with (
        sandbox(world, tmp_path_factory.mktemp("sandbox"), CLOCK) as server,
        connect(cluster.url("postgres")) as admin,  # type: ignore[attr-defined]
    ):
        for vendor in DIALECTS:
            for case in cases(vendor):
                admin.execute(f"create database fault_proof template {template}")
                with connect(cluster.url("fault_proof")) as conn:  # type: ignore[attr-defined]
                    suffer(conn, server, vendor, case)
                    graded_world = world_after(case, world)
                    run(conn, server, graded_world, CLOCK)
                    assert_exact(conn, graded_world)
                if case.kind == "clock_moved":
                    server.move_clock(AS_OF)
                graded += 1
                admin.execute("drop database fault_proof with (force)")
    assert graded == len(DIALECTS) * len(CASES)
