"""What must reach core however late, in whatever portions, and while other runs are at work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from tributary.clock import FixedClock
from tributary.connectors.spec import Credentials
from tributary.errors import ConfigurationError
from tributary.pipeline import unify
from tributary.pipeline.ingest import ingest
from tributary.warehouse import stores
from tributary.warehouse.checksum import checksum
from tributary.warehouse.connection import connect
from tributary.window import Window

from .support import CONNECTOR, Loop
from .test_core import ORDERS, REFUNDS, event, order, sales, touches, write

CLOCK = FixedClock(datetime(2026, 1, 9, tzinfo=UTC))


def build_all_again(run: Loop) -> None:
    run.conn.execute("update ops.load set publication_id = null where publication_id > 0")
    assert unify.unify(run.conn, "all again", CLOCK)


def test_a_window_is_read_to_the_present_and_no_further(
    tmp_path: Path, loop: Callable[[Path], Loop]
) -> None:
    write(tmp_path, event("2026-03-01T10:00", source="google", medium="cpc"))
    run = loop(tmp_path)
    stores.sync(run.conn, [run.store], [CONNECTOR])

    def read(first: datetime) -> None:
        window, stream = Window(first, first + timedelta(days=30)), CONNECTOR.stream("ga4_event")
        key = Credentials()
        ingest(run.conn, run.account, CONNECTOR, stream, key, window, "backfill", "r", CLOCK)

    read(CLOCK.now() - timedelta(days=2))
    kept = "select window_start, window_end, status from ops.load"
    assert run.one(kept) == (CLOCK.now() - timedelta(days=2), CLOCK.now(), "landed")
    with pytest.raises(ConfigurationError, match="days that have begun"):
        read(CLOCK.now())
    assert len(run.rows(kept)) == 1


def test_a_session_id_used_again_gives_the_same_touches_by_day_and_at_once(
    tmp_path: Path, loop: Callable[[Path], Loop]
) -> None:
    write(tmp_path, event("2026-03-01T10:00", source="google", medium="cpc"))
    run = loop(tmp_path)
    run.run()
    write(tmp_path, event("2026-03-04T10:00", source="bing", medium="cpc"))
    run.run()
    by_day, sums = touches(run), checksum(run.conn)
    assert [row[2] for row in by_day] == ["google", "bing"]
    build_all_again(run)
    assert touches(run) == by_day
    assert checksum(run.conn) == sums


def test_a_line_of_a_refund_that_names_another_order_moves_to_that_order(
    tmp_path: Path, loop: Callable[[Path], Loop]
) -> None:
    (tmp_path / "orders.csv").write_text(
        ORDERS + order(1, 1, "2026-03-01", "10") + order(2, 1, "2026-03-02", "20")
    )
    first = "r1,1,2026-03-10,u1,a,1,1.00,0,0,EUR\n"
    (tmp_path / "refunds.csv").write_text(REFUNDS + first + "r1,1,2026-03-20,u1,b,1,2.00,0,0,EUR\n")
    run = loop(tmp_path)
    run.run()
    assert {key: row[1:] for key, row in sales(run).items()} == {"1": (7, 3), "2": (20, 0)}
    (tmp_path / "refunds.csv").write_text(REFUNDS + first + "r1,2,2026-03-20,u1,b,1,2.00,0,0,EUR\n")
    run.run()
    assert {key: row[1:] for key, row in sales(run).items()} == {"1": (9, 1), "2": (18, 2)}
    assert run.one("select sum(returned_amount) from core.refund") == (3,)


def test_a_store_that_changes_its_visit_source_has_the_visits_of_all_days(
    tmp_path: Path, loop: Callable[[Path], Loop]
) -> None:
    (tmp_path / "orders.csv").write_text(ORDERS + order(1, 1, "2026-03-02", "10"))
    write(
        tmp_path,
        event("2026-03-01T10:00", source="google", medium="cpc"),
        event("2026-03-02T10:00", name="purchase", transaction_id="1", session=2),
    )
    run = loop(tmp_path)
    run.store = msgspec.structs.replace(run.store, visit_source="shop_moments")
    run.run()
    channels = "select channel, sum(linear_amount) from mart.order_credit group by 1 order by 1"
    credited = run.rows(channels)
    assert [row[0] for row in credited] == ["unattributed"]
    run.store = msgspec.structs.replace(run.store, visit_source="event_export")
    run.run()
    assert "unattributed" not in dict(run.rows(channels))
    assert sum(row[1] for row in run.rows(channels)) == 10
    run.ingest()
    assert run.unify() is False


def test_a_store_that_changes_its_order_source_counts_no_order_twice(
    tmp_path: Path, loop: Callable[[Path], Loop]
) -> None:
    (tmp_path / "orders.csv").write_text(ORDERS + order(1, 1, "2026-03-02", "10"))
    write(
        tmp_path,
        event("2026-03-02T10:00", name="purchase", transaction_id="1", revenue=9.0),
    )
    run = loop(tmp_path)
    run.run()
    assert run.rows("select order_id, value_amount from core.conversion") == [("1", 10)]
    run.store = msgspec.structs.replace(run.store, order_source="event_export")
    run.run()
    assert run.rows("select order_id, value_amount from core.conversion") == [("1", 9)]


def test_a_load_that_lands_while_a_run_builds_waits_whole_for_the_next(
    tmp_path: Path, loop: Callable[[Path], Loop], warehouse_url: str
) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS + order(1, 1, "2026-03-20", "5"))
    run = loop(tmp_path)
    run.run()
    path.write_text(ORDERS + order(1, 1, "2026-03-20", "5") + order(2, 1, "2026-03-01", "7"))
    run.ingest()
    # The build is held at its start, after it has listed its loads; the order then changes its day.
    with connect(warehouse_url) as other, connect(warehouse_url) as third:
        with other.transaction():
            other.execute("lock table staging.files__touch in access exclusive mode")
            building = threading.Thread(target=unify.build, args=(run.conn, "first", CLOCK))
            building.start()
            waits = "select count(*) from pg_locks where not granted"
            while third.execute(waits).fetchone() == (0,):
                building.join(0.02)
            other.execute(
                "update staging.files__order_line set gross_amount = 8 where order_id = '2'"
            )
        building.join()
    assert run.rows("select gross_amount from work.sales_order where order_id = '2'") == [(7,)]


def test_a_run_that_is_cleared_after_it_published_publishes_what_came_since(
    tmp_path: Path, loop: Callable[[Path], Loop]
) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS + order(1, 1, "2026-03-01", "10"))
    run = loop(tmp_path)
    run.run()
    for amount in ("11", "12"):
        path.write_text(ORDERS + order(1, 1, "2026-03-01", amount))
        run.ingest()
        assert unify.unify(run.conn, "run 1", CLOCK)
        unify.publish(run.conn, "run 1", CLOCK)
    assert sales(run)["1"][1] == 12
    assert run.unify() is False
    assert run.rows(
        "select value_from, value_to from ops.revision where column_name = 'net_amount'"
    ) == [("10", "12")]
