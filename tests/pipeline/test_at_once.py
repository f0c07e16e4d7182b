"""Two at once: loads of one stream and publications wait for each other, and lose nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.files.support import WINDOW
from tests.files.test_core import ORDERS, order
from tributary.clock import FixedClock
from tributary.connectors.files import CONNECTOR, recognise
from tributary.connectors.spec import Credentials
from tributary.errors import Superseded
from tributary.pipeline.ingest import ingest
from tributary.settings import Account, AccountConfig, StoreConfig
from tributary.warehouse import stores
from tributary.warehouse.connection import Connection, connect

from .kills import core, state
from .test_mutations import publish

AT = datetime(2026, 4, 1, tzinfo=UTC)


def together(*jobs: Callable[[], Any]) -> list[Any]:
    """Each job in a thread of its own, started at once; their results, or what they raised."""
    ready = threading.Barrier(len(jobs))
    results: list[Any] = [None] * len(jobs)

    def one(n: int) -> None:
        ready.wait()
        try:
            results[n] = jobs[n]()
        except Exception as error:
            results[n] = error

    threads = [threading.Thread(target=one, args=(n,)) for n in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    return results


def _folder(path: Path, orders: int) -> Account:
    text = ORDERS + "".join(order(n, 1, f"2026-03-{1 + n % 20:02d}", "10") for n in range(orders))
    (path / "orders.csv").write_text(text)
    found = recognise(path)
    return Account("shop", "files", "main", found.timezone, found.currency, found.options)


def _sync(conn: Connection, account: Account) -> None:
    entry = AccountConfig("files", "main", options=dict(account.options))
    store = StoreConfig("shop", "Shop", account.timezone, account.currency, [entry])
    stores.sync(conn, [store], [CONNECTOR])


def _load(url: str, account: Account, run_id: str) -> Any:
    with connect(url) as conn:
        stream = CONNECTOR.stream("order_line")
        clock = FixedClock(AT)
        return ingest(
            conn, account, CONNECTOR, stream, Credentials(), WINDOW, "incremental", run_id, clock
        )


def _unify(url: str, run_id: str) -> bool:
    with connect(url) as conn:
        return publish(conn, run_id)


def test_two_loads_of_one_stream_at_once_land_every_row_once(
    tmp_path: Path, warehouse: Connection, warehouse_url: str
) -> None:
    account = _folder(tmp_path, 300)
    _sync(warehouse, account)
    names = [f"run {n}" for n in range(4)]
    jobs = [lambda name=name: _load(warehouse_url, account, name) for name in names]
    results = together(*jobs)
    # The first one lands the file; the others find its version known, and read nothing.
    assert sorted(r.counts.rows_new for r in results) == [0, 0, 0, 300]
    assert sum(r.counts.rows_in for r in results) == 300
    assert warehouse.execute("select count(*) from staging.files__order_line").fetchone() == (300,)
    assert warehouse.execute(
        "select status, count(*), count(*) filter (where publication_id = 0) from ops.load"
        " group by 1"
    ).fetchall() == [("landed", 4, 3)]


def test_two_unify_runs_at_once_publish_everything_once(
    tmp_path: Path, warehouse: Connection, warehouse_url: str
) -> None:
    account = _folder(tmp_path, 60)
    _sync(warehouse, account)
    _load(warehouse_url, account, "load")
    results = together(*[lambda n=n: _unify(warehouse_url, f"unify {n}") for n in range(3)])
    # Whoever was overtaken between its steps says so; the others found nothing left, or published.
    assert {type(r) for r in results} <= {bool, Superseded}
    if True not in results:
        assert _unify(warehouse_url, "next")
    assert not _unify(warehouse_url, "last")
    assert warehouse.execute(
        "select count(*), sum(net_amount) from core.sales_order"
    ).fetchone() == (60, 600)
    published = core(state(warehouse))
    warehouse.execute("update ops.load set publication_id = null where publication_id > 0")
    assert _unify(warehouse_url, "anew")
    assert core(state(warehouse)) == published
    assert warehouse.execute("select count(*) from ops.revision").fetchone() == (0,)


def test_a_load_that_lands_while_another_run_unifies_is_published_whole_by_the_next(
    tmp_path: Path, warehouse: Connection, warehouse_url: str
) -> None:
    account = _folder(tmp_path, 60)
    _sync(warehouse, account)
    _load(warehouse_url, account, "first")
    _folder(tmp_path, 90)
    loaded, unified = together(
        lambda: _load(warehouse_url, account, "second"), lambda: _unify(warehouse_url, "first")
    )
    assert loaded.counts.rows_new == 30
    assert unified is True
    count = warehouse.execute("select count(*) from core.sales_order").fetchone()
    assert count in ((60,), (90,))
    assert _unify(warehouse_url, "second") is (count == (60,))
    assert warehouse.execute("select count(*) from core.sales_order").fetchone() == (90,)
