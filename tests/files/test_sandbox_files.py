"""The sandbox's drop folders land exactly: visits and spend by day and channel equal the truth."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tributary.clock import FixedClock
from tributary.connectors.files import CONNECTOR
from tributary.connectors.spec import Credentials
from tributary.pipeline import unify
from tributary.pipeline.ingest import ingest
from tributary.sandbox import drop, truth
from tributary.sandbox.catalog import STORES
from tributary.sandbox.world import World
from tributary.settings import AccountConfig, StoreConfig, accounts
from tributary.warehouse import stores
from tributary.warehouse.connection import Connection
from tributary.window import Window

AS_OF = date(2026, 8, 1)


def load(conn: Connection, world: World, folder: Path) -> None:
    drop.write(world, folder)
    configs = [
        StoreConfig(
            store.id,
            store.id,
            store.timezone,
            store.currency,
            [
                AccountConfig(
                    "files", f"{store.id}_files", options={"folder": str(folder / store.id)}
                )
            ],
        )
        for store in STORES.values()
    ]
    stores.sync(conn, configs, [CONNECTOR])
    clock = FixedClock(datetime.combine(world.as_of, datetime.min.time(), UTC) + timedelta(hours=1))
    window = Window.of_days(world.as_of - timedelta(days=1), world.as_of)
    for account in accounts(configs):
        for stream in CONNECTOR.streams:
            ingest(
                conn, account, CONNECTOR, stream, Credentials(), window, "incremental", "r", clock
            )
    assert unify.unify(conn, f"run {world.as_of}", clock)


def found(conn: Connection) -> truth.Cells:
    cells = {
        truth.Key("files", "visits", store, day, channel): Decimal(n)
        for store, day, channel, n in conn.execute(
            "select store_id, touch_day, channel, count(*) from core.touch group by 1, 2, 3"
        )
    }
    for measure in ("spend_amount", "impressions", "clicks"):
        rows = conn.execute(
            f"select store_id, day, channel, currency_code, sum({measure}) from core.channel_daily"
            f" where {measure} <> 0 group by 1, 2, 3, 4"
        )
        for store, day, channel, currency, amount in rows:
            money = currency if measure == "spend_amount" else ""
            cells[truth.Key("files", measure, store, day, channel, money)] = Decimal(amount)
    rows = conn.execute(
        "select store_id, conversion_day, conversion_type, currency_code, count(*),"
        " sum(value_amount) from core.conversion where conversion_type <> 'purchase'"
        " group by 1, 2, 3, 4"
    )
    for store, day, kind, currency, n, value in rows:
        key = truth.Key("files", f"{kind}s", store, day)
        cells[key] = cells.get(key, Decimal(0)) + n
        if value:
            cells[truth.Key("files", f"{kind}_value", store, day, "", currency)] = value
    return cells


def expected(world: World) -> truth.Cells:
    return {key: value for key, value in truth.cells(world).items() if key.connector == "files"}


@pytest.mark.parametrize("seed", [7])
def test_the_sandbox_folders_equal_the_truth_also_after_the_clock_moved(
    warehouse: Connection, tmp_path: Path, seed: int
) -> None:
    first = AS_OF - timedelta(days=15)
    for as_of in (AS_OF, AS_OF + timedelta(days=2)):
        world = World.at(seed, as_of, first)
        load(warehouse, world, tmp_path)
        want, have = expected(world), found(warehouse)
        assert len({key.measure for key in want}) == 7
        assert {
            key: (want.get(key), have.get(key))
            for key in want.keys() | have.keys()
            if want.get(key) != have.get(key)
        } == {}
