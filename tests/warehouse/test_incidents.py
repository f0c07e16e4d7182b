"""Incidents of the warehouse: which streams are late, and what ends with an account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tributary.warehouse import incidents
from tributary.warehouse.connection import Connection

AT = datetime(2026, 11, 19, 6, tzinfo=UTC)
LANDED = AT - timedelta(hours=36)


@pytest.fixture
def shop(warehouse: Connection) -> Connection:
    """Account main landed a day and a half ago, account other failed then, both are configured."""
    warehouse.execute(
        "insert into core.store values ('shop', 'Shop', 'UTC', 'EUR', 'auto', 'shop')"
    )
    for account, status in (("main", "landed"), ("other", "failed")):
        warehouse.execute(
            "insert into ops.expected_stream values ('shop', 'acme', %s, 'order')", (account,)
        )
        warehouse.execute(
            "insert into ops.load (store_id, connector, account_id, stream, run_id, mode,"
            " window_start, window_end, status, started_at, finished_at, error) values ('shop',"
            " 'acme', %s, 'order', 'ingest_sales/1', 'incremental', %s, %s, %s, %s, %s, 'refused')",
            (account, AT - timedelta(days=2), LANDED, status, LANDED, LANDED),
        )
    return warehouse


def seen(conn: Connection) -> list[str]:
    """A look after a run: what recovered is closed, what is wrong is noted; the open subjects."""
    incidents.close_recovered(conn, AT)
    problems = incidents.failed_loads(conn, "ingest_sales", "1")
    incidents.observe(conn, problems + incidents.late_streams(conn, AT), "ingest_sales", "1", AT)
    rows = conn.execute("select subject from ops.incident where closed_at is null order by 1")
    return [str(subject) for (subject,) in rows]


def test_an_account_that_left_the_stores_file_ends_its_incidents(shop: Connection) -> None:
    assert seen(shop) == ["late acme__main order", "load acme__other"]
    shop.execute("delete from ops.expected_stream where account_id = 'main'")
    assert seen(shop) == ["load acme__other"]
    shop.execute("delete from ops.expected_stream")
    incidents.close_recovered(shop, AT)
    assert shop.execute("select 1 from ops.incident where closed_at is null").fetchall() == []
    assert incidents.late_streams(shop, AT) == []
