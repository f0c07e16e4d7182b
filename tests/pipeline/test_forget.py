"""Forgetting a person: no layer names them, every total stays, and nobody comes back."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.files.support import Loop
from tests.files.test_core import ORDERS, event, write
from tributary.clock import FixedClock, SystemClock
from tributary.connectors.shared.values import person_key
from tributary.local import pgtools
from tributary.local.grade_seed import run, sandbox
from tributary.pipeline.forget import Person, forget
from tributary.pipeline.forgotten import value_hash
from tributary.sandbox.world import World
from tributary.warehouse.checksum import checksum
from tributary.warehouse.connection import Connection

from .folder import TOUCHES

CLOCK = FixedClock(datetime(2026, 5, 1, tzinfo=UTC))
EMAIL = "Rosa.Klein@example.org"
MODELS = ("first", "last", "linear", "position_based")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIBUTARY_KEY", "00ff" * 16)


def dump(conn: Connection) -> str:
    """The whole database as text."""
    programs = pgtools.programs(pgtools.server_major(conn))
    info = conn.info
    done = subprocess.run(
        [str(programs.folder / "pg_dump"), "--inserts", info.dbname],
        env={
            "PGHOST": info.host,
            "PGPORT": str(info.port),
            "PGUSER": info.user,
            "PGPASSWORD": info.password,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def named(text: str, values: Iterable[str]) -> set[str]:
    return {value for value in values if value.lower() in text.lower()}


def totals(conn: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Orders, credit by channel, and touches, per day."""
    sums = ", ".join(f"sum({m}_amount), round(sum({m}_share)::numeric, 9)" for m in MODELS)
    return {
        "waterfall": conn.execute(
            "select * from mart.revenue_waterfall order by 1, 2, 3"
        ).fetchall(),
        "credit": conn.execute(
            f"select store_id, conversion_day, channel, {sums} from mart.order_credit"
            " group by 1, 2, 3 order by 1, 2, 3"
        ).fetchall(),
        "touches": conn.execute(
            "select store_id, touch_day, channel, count(*) from core.touch group by 1, 2, 3"
            " order by 1, 2, 3"
        ).fetchall(),
        "people": conn.execute(
            "select store_id, count(distinct person_id), count(*) from core.identity group by 1"
            " order by 1"
        ).fetchall(),
    }


def order(number: int, day: int, who: str, amount: str) -> str:
    return f"o{number},1,2026-03-{day:02d}T12:00,{who},sku,Thing,1,{amount},0,0,0,EUR\n"


def touch(number: int, day: int, who: str, source: str) -> str:
    return f"t{number},2026-03-{day:02d}T09:00,{who},{source},cpc,spring,,\n"


def fill(folder: Path, orders: str = "") -> None:
    """Rosa has a browser, an order seen by GA4, a touch, and a line that does not fit."""
    (folder / "orders.csv").write_text(
        ORDERS
        + order(1, 5, EMAIL, "40.00")
        + order(2, 6, "u2", "30.00")
        + "o9,1,someday,rosa-key,sku,Thing,1,5,0,0,0,EUR\n"
        + orders
    )
    (folder / "touches.csv").write_text(
        TOUCHES + touch(1, 3, EMAIL, "google") + touch(2, 4, "u2", "bing")
    )


def fill_events(folder: Path) -> None:
    write(
        folder,
        event("2026-03-04T10:00", user="rosas.browser", collected={"manual_source": "klaviyo"}),
        event("2026-03-05T11:59", "purchase", user="rosas.browser", transaction_id="o1", number=3),
        event("2026-03-04T10:00", user="other.browser", collected={"manual_source": "tiktok"}),
    )


@pytest.fixture
def rosa(warehouse: Connection, tmp_path: Path) -> Loop:
    fill(tmp_path)
    fill_events(tmp_path)
    loop = Loop(warehouse, tmp_path)
    loop.run()
    return loop


def test_nothing_names_the_person_and_all_totals_stay(rosa: Loop, tmp_path: Path) -> None:
    conn, hashed = rosa.conn, person_key(EMAIL)
    values = [EMAIL, hashed, "rosas.browser"]
    assert named(dump(conn), values) == {hashed, "rosas.browser"}
    assert rosa.one("select count(*) from ops.quarantine where payload like '%rosa-key%'") == (1,)
    old_touches = [
        str(row[0])
        for row in rosa.rows("select touch_id from core.touch where identifier ~ 'rosas.browser'")
    ]
    assert old_touches
    before = totals(conn)
    assert any(before.values())
    sums = checksum(conn)
    told = forget(conn, "shop", Person(emails=[EMAIL], users=["rosa-key"]), CLOCK, dry_run=True)
    assert told.rows["staging.files__touch"] == 1
    assert checksum(conn) == sums
    assert rosa.rows("select * from ops.erasure") == []

    done = forget(conn, "shop", Person(emails=[EMAIL], users=["rosa-key"]), CLOCK)
    assert done.unpublished == ""
    assert done.rows == told.rows
    values += ["rosa-key", *old_touches]
    assert named(dump(conn), values) == set()
    assert totals(conn) == before
    # The order keeps its money and its journey, of nobody.
    assert rosa.one("select net_amount, customer_id ~ '^forgotten-' from core.sales_order"
                    " where order_id = 'o1'") == (40, True)  # fmt: skip
    assert rosa.rows(
        "select distinct touch.identifier ~ '^(user|client):forgotten-' from core.touch"
        " join core.credit using (store_id, touch_id)"
        " join core.conversion using (store_id, conversion_id) where order_id = 'o1'"
    ) == [(True,)]
    audit = rosa.one("select identifiers, finished_at is not null, row_counts from ops.erasure")
    assert audit[:2] == (5, True)  # her address as it was and as a key, of two kinds
    assert audit[2] == dict(told.rows)


def test_twice_changes_nothing(rosa: Loop) -> None:
    forget(rosa.conn, "shop", Person(emails=[EMAIL]), CLOCK)
    sums, text = checksum(rosa.conn), dump(rosa.conn)
    again = forget(rosa.conn, "shop", Person(emails=[EMAIL]), CLOCK)
    assert again.rows == {}
    assert checksum(rosa.conn) == sums
    assert _data(dump(rosa.conn)) == _data(text)
    assert rosa.one("select count(*) from ops.erasure") == (1,)


def test_a_file_that_is_read_again_does_not_bring_the_person_back(
    rosa: Loop, tmp_path: Path
) -> None:
    forget(rosa.conn, "shop", Person(emails=[EMAIL], users=["rosa-key"]), CLOCK)
    before = rosa.rows("select * from core.touch order by 1, 2")
    fill(tmp_path, order(3, 7, EMAIL, "7.00") + order(4, 7, "u4", "8.00"))
    fill_events(tmp_path)
    counts = rosa.run()
    assert (counts["order_line"].rows_new, counts["order_line"].rows_changed) == (2, 0)
    assert counts["order_line"].rows_quarantined == 1
    assert named(dump(rosa.conn), [EMAIL, person_key(EMAIL), "rosas.browser", "rosa-key"]) == set()
    assert rosa.rows("select * from core.touch order by 1, 2") == before
    # What the person does after asking is as anonymous, and nobody else is touched.
    assert rosa.rows(
        "select order_id, customer_id ~ '^forgotten-' from core.sales_order order by 1"
    ) == [("o1", True), ("o2", False), ("o3", True), ("o4", False)]


def test_somebody_elses_identifier_of_another_kind_is_not_touched(
    warehouse: Connection, tmp_path: Path
) -> None:
    (tmp_path / "orders.csv").write_text(ORDERS + order(1, 5, "77", "40.00"))
    loop = Loop(warehouse, tmp_path)
    loop.run()
    assert forget(warehouse, "shop", Person(customers=["77"], clients=["77"]), CLOCK).rows == {}
    assert loop.one("select customer_id from core.sales_order") == ("77",)


def test_a_tombstone_is_keyed(monkeypatch: pytest.MonkeyPatch) -> None:
    one = value_hash("user", "u1")
    assert one != value_hash("client", "u1")
    monkeypatch.setenv("TRIBUTARY_KEY", "11ee" * 16)
    assert value_hash("user", "u1") != one


def test_a_customer_of_the_shop_is_forgotten_and_a_full_reread_changes_nothing(
    warehouse: Connection, tmp_path: Path
) -> None:
    clock = SystemClock()
    world = World.at(3, date(2026, 11, 2), date(2026, 10, 26))
    with sandbox(world, tmp_path, clock) as served:
        assert run(warehouse, served, world, clock)
        store, person = warehouse.execute(
            "select store_id, person_id from core.identity where person_id like 'customer:%'"
            " group by 1, 2 order by count(*) desc, 1, 2 limit 1"
        ).fetchone() or ("", "")
        known = warehouse.execute(
            "select identifier from core.identity where (store_id, person_id) = (%s, %s)"
            " and identifier not like 'order:%%'",
            (store, person),
        ).fetchall()
        values = [str(row[0]).split(":", 1)[1] for row in known]
        assert len(values) >= 2
        assert named(dump(warehouse), values) == set(values)
        before = totals(warehouse)
        done = forget(warehouse, store, Person(customers=[person.split(":")[1]]), clock)
        assert done.unpublished == ""
        assert named(dump(warehouse), values) == set()
        assert totals(warehouse) == before
        sums = checksum(warehouse)
        assert not run(warehouse, served, world, clock)
    assert checksum(warehouse) == sums
    assert named(dump(warehouse), values) == set()


def _data(text: str) -> list[str]:
    """A dump's rows, without the run that found nothing to do and pg_dump's random words."""
    return sorted(
        line
        for line in text.splitlines()
        if line.startswith("INSERT") and "ops.unify_run" not in line
    )
