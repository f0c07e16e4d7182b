"""Quarantine: what was refused lands later as if it had never been refused, once, and in order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any

import httpx
import pytest

from tributary.clock import FixedClock, SystemClock
from tributary.connectors.files import CONNECTOR as FILES
from tributary.connectors.shopify import CONNECTOR as SHOPIFY
from tributary.connectors.spec import (
    Connector,
    Credentials,
    Document,
    Kept,
    Mode,
    Page,
    Rejected,
    Request,
)
from tributary.local.grade_seed import sandbox
from tributary.pipeline.ingest import ingest
from tributary.pipeline.quarantine import Replayed, replay
from tributary.pipeline.unify import unify
from tributary.sandbox.world import World
from tributary.settings import Account, AccountConfig, StoreConfig, accounts
from tributary.transport.wire import Wire, using_wire
from tributary.warehouse import stores
from tributary.warehouse.checksum import checksum
from tributary.warehouse.connection import Connection, connect
from tributary.window import Window

WINDOW = Window(datetime(2026, 8, 1, tzinfo=UTC), datetime(2026, 8, 8, tzinfo=UTC))


def at(hour: int) -> FixedClock:
    return FixedClock(datetime(2026, 8, 9, tzinfo=UTC) + timedelta(hours=hour))


class Acme:
    """A vendor of one document stream whose records hold a version; today's code reads `v`."""

    account = Account("shop", "acme", "main", "UTC", "USD")

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        conn.execute("select ops.ensure_staging_table('acme__order')")

    @staticmethod
    def decode(account: Account, kept: Kept) -> Document:
        record = json.loads(kept.payload)
        if "v" not in record:
            raise ValueError("the record has no v")
        return Document(record["key"], date(2026, 8, 2), kept.payload.encode())

    def connector(self, pages: list[Page]) -> Connector:
        def extract(request: Request) -> Iterator[Page]:
            yield from pages

        stream = replace(SHOPIFY.streams[0], extract=extract, replay=self.decode)
        return replace(SHOPIFY, name="acme", streams=(stream,))

    def load(self, hour: int, *pages: Page) -> int:
        connector = self.connector(list(pages))
        mode: Mode = "incremental"
        return ingest(
            self.conn,
            self.account,
            connector,
            connector.streams[0],
            Credentials(),
            WINDOW,
            mode,
            f"load {hour}",
            at(hour),
        ).load_id

    def replay(self, hour: int, conn: Connection | None = None, **chosen: Any) -> list[Replayed]:
        found = {"acme": self.connector([])}
        return replay(
            conn or self.conn, [self.account], "r", at(hour), connectors=lambda: found, **chosen
        )

    def staged(self) -> dict[str, int]:
        rows = self.conn.execute("select record_key, payload ->> 'v' from staging.acme__order")
        return {str(key): int(v) for key, v in rows.fetchall()}

    def open(self) -> list[tuple[Any, ...]]:
        return self.conn.execute(
            "select record_key, source, reason from ops.quarantine where resolved_at is null"
            " order by quarantine_id"
        ).fetchall()


def refused(key: str, version: int | None, *, record: int = 1, known: bool = True) -> Page:
    text = {"key": key} if version is None else {"key": key, "v": version}
    where = f"page 1, record {record}"
    return Page(
        rejected=[Rejected(key if known else "", where, "not understood", json.dumps(text))]
    )


def landed(key: str, version: int) -> Page:
    text = json.dumps({"key": key, "v": version}).encode()
    return Page(documents=[Document(key, date(2026, 8, 2), text)])


def test_a_record_that_fits_now_lands_and_one_that_does_not_says_why(warehouse: Connection) -> None:
    acme = Acme(warehouse)
    first = acme.load(1, refused("a", 1), refused("b", None, record=2))
    (result,) = acme.replay(5)
    assert (result.tried, result.fits, result.landed) == (2, 1, 1)
    assert result.left == {"the record has no v": 1}
    assert acme.staged() == {"a": 1}
    assert acme.open() == [("b", "page 1, record 2", "the record has no v")]
    load = warehouse.execute(
        "select mode, status, rows_in, rows_new, rows_quarantined, window_start, window_end,"
        " publication_id, (select array_agg(day) from ops.changed_day as c"
        " where c.load_id = l.load_id) from ops.load as l where load_id = %s",
        result.loads,
    ).fetchone()
    assert load == (
        "replay",
        "landed",
        1,
        1,
        0,
        WINDOW.start,
        WINDOW.end,
        None,
        [date(2026, 8, 2)],
    )
    # The landed row is as old as its extraction, and quarantine still names the load that read it.
    extracted = warehouse.execute("select extracted_at from staging.acme__order").fetchone()
    assert extracted == (at(1).now() - timedelta(microseconds=1),)
    kept = warehouse.execute("select distinct first_load_id, load_id from ops.quarantine")
    assert kept.fetchall() == [(first, first)]


def test_a_second_replay_and_two_at_once_land_nothing_more(
    warehouse: Connection, warehouse_url: str
) -> None:
    acme = Acme(warehouse)
    acme.load(1, *(refused(f"k{n}", n, record=n) for n in range(1, 41)))
    found: list[Replayed] = []

    def one() -> None:
        with connect(warehouse_url) as conn:
            found.extend(acme.replay(5, conn))

    threads = [Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(result.landed for result in found) == len(acme.staged()) == 40
    assert acme.open() == []
    marks = warehouse.execute("select ctid::text, xmin::text from staging.acme__order").fetchall()
    assert acme.replay(6) == []
    again = warehouse.execute("select ctid::text, xmin::text from staging.acme__order").fetchall()
    assert again == marks
    loads = warehouse.execute("select count(*) from ops.load where mode = 'replay'").fetchone()
    assert loads == (1,)


def test_a_dry_run_lands_nothing_and_counts_the_same(warehouse: Connection) -> None:
    acme = Acme(warehouse)
    acme.load(1, refused("a", 1), refused("b", None, record=2))
    (tried,) = acme.replay(5, dry_run=True)
    assert (tried.tried, tried.fits, tried.left) == (2, 1, {"the record has no v": 1})
    assert acme.staged() == {} and len(acme.open()) == 2
    assert warehouse.execute("select count(*) from ops.load").fetchone() == (1,)
    (done,) = acme.replay(6)
    assert (done.fits, done.left) == (tried.fits, tried.left)


def test_a_record_read_again_since_has_the_last_word(warehouse: Connection) -> None:
    acme = Acme(warehouse)
    acme.load(1, refused("a", 1), refused("b", 1, record=2))
    acme.load(2, landed("a", 2), refused("b", 2, record=1))
    # One version of a record waits at most: the newest.
    assert [row[0] for row in acme.open()] == ["b"]
    acme.replay(5)
    assert acme.staged() == {"a": 2, "b": 2}
    # Also when it came back to what had landed before, so that landing wrote nothing.
    acme.load(6, refused("a", 3))
    acme.load(7, landed("a", 2))
    assert acme.open() == [] and acme.replay(8) == []
    assert acme.staged() == {"a": 2, "b": 2}


def test_the_later_record_of_one_load_wins_over_the_refused_one(warehouse: Connection) -> None:
    acme = Acme(warehouse)
    acme.load(1, refused("a", 1), landed("a", 2))
    (result,) = acme.replay(5)
    assert (result.fits, result.landed) == (1, 0)
    assert acme.staged() == {"a": 2} and acme.open() == []


def test_records_without_a_key_never_take_each_others_place(warehouse: Connection) -> None:
    acme = Acme(warehouse)
    acme.load(1, refused("a", 1, known=False))
    acme.load(2, refused("b", 1, known=False))
    assert len(acme.open()) == 2
    acme.replay(5)
    assert acme.staged() == {"a": 1, "b": 1} and acme.open() == []


def test_only_what_was_chosen_is_replayed(warehouse: Connection) -> None:
    acme = Acme(warehouse)
    acme.load(1, refused("a", 1), refused("b", 1, record=2))
    (wanted,) = warehouse.execute(
        "select quarantine_id from ops.quarantine where record_key = 'b'"
    ).fetchall()
    assert acme.replay(5, connector="shopify") == [] and acme.replay(5, stream="refund") == []
    acme.replay(5, ids=[wanted[0]])
    assert acme.staged() == {"b": 1} and [row[0] for row in acme.open()] == ["a"]


def test_an_account_that_is_gone_is_told_and_keeps_its_records(warehouse: Connection) -> None:
    acme = Acme(warehouse)
    acme.load(1, refused("a", 1))
    (result,) = replay(warehouse, [], "r", at(5))
    assert "stores file" in result.problem and result.tried == 1
    assert len(acme.open()) == 1


def read(
    conn: Connection,
    account: Account,
    connector: Connector,
    stream: str,
    credentials: Credentials,
    window: Window,
    hour: int,
) -> None:
    ingest(
        conn,
        account,
        connector,
        connector.stream(stream),
        credentials,
        window,
        "incremental",
        f"load {hour}",
        at(hour),
    )


def is_whole(node: dict[str, Any]) -> bool:
    """Whether a page holds all of an order: nothing more has to be asked for."""
    counted = node["transactionsCount"]["count"] == len(node["transactions"])
    return counted and len(node["refunds"]) < 2 and '"hasNextPage": true' not in json.dumps(node)


def test_a_shopify_order_that_goes_on_in_the_shop_waits_for_a_fresh_read() -> None:
    lists = {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": "x"}}
    page = Path(__file__).parents[1] / "connectors/shopify/pages/orders_1.json"
    (node, *_) = json.loads(page.read_bytes())["data"]["orders"]["nodes"]
    assert SHOPIFY.streams[0].replay is not None
    shop = Account("shop", "shopify", "main", "UTC", "EUR")
    kept = Kept("1", "page 1, record 1", json.dumps(node | {"shippingLines": lists}))
    with pytest.raises(ValueError, match="only its first page is kept"):
        SHOPIFY.streams[0].replay(shop, kept)


def test_shopify_orders_land_from_quarantine_as_if_they_had_never_failed(
    warehouse: Connection, tmp_path: Path
) -> None:
    """The vendor retypes a field of some orders, and the connector learns to read it later. What is
    published then is the same as where nothing was ever refused."""
    world = World.at(3, date(2026, 11, 2), date(2026, 10, 30))
    window = Window(datetime(2026, 10, 30, tzinfo=UTC), world.moment)
    retyped: list[str] = []

    def retypes(request: httpx.Request) -> httpx.Response:
        with httpx.Client(trust_env=False) as client:
            reply = client.send(request)
        data = reply.json()
        for node in (data.get("data") or {}).get("orders", {}).get("nodes", [])[2:4]:
            if is_whole(node):
                node["name"] = {"text": node["name"]}
                retyped.append(node["legacyResourceId"])
        return httpx.Response(reply.status_code, json=data)

    def understands(account: Account, kept: Kept) -> Document:
        record = json.loads(kept.payload)
        record["name"] = record["name"]["text"]
        assert SHOPIFY.streams[0].replay is not None
        return SHOPIFY.streams[0].replay(account, replace(kept, payload=json.dumps(record)))

    new = replace(SHOPIFY, streams=(replace(SHOPIFY.streams[0], replay=understands),))
    with sandbox(world, tmp_path, SystemClock()) as served:
        configured = served.stores()
        stores.sync(warehouse, configured, [SHOPIFY, FILES])
        shops = accounts(configured, "shopify")
        with using_wire(Wire(SystemClock(), Random(7), httpx.MockTransport(retypes))):
            for shop in shops:
                read(warehouse, shop, SHOPIFY, "order", served.credentials(shop), window, 1)
        assert len(retyped) > 5
        assert unify(warehouse, "u1", at(2))
        without = checksum(warehouse)

        assert sum(r.left.total() for r in replay(warehouse, shops, "r", at(3))) == len(retyped)
        results = replay(warehouse, shops, "r", at(4), connectors=lambda: {"shopify": new})
        assert sum(result.landed for result in results) == len(retyped)
        assert sum(result.left.total() for result in results) == 0
        assert unify(warehouse, "u2", at(5))
        replayed = checksum(warehouse)

        for shop in shops:
            read(warehouse, shop, SHOPIFY, "order", served.credentials(shop), window, 6)
        assert not unify(warehouse, "u3", at(7))
    assert replayed != without
    assert checksum(warehouse) == replayed
    # Nothing had to be corrected by reading everything again.
    counts = warehouse.execute(
        "select sum(rows_new + rows_changed), sum(rows_unchanged) > 50 from ops.load"
        " where run_id = 'load 6'"
    ).fetchone()
    assert counts == (0, True)


ORDERS = "order_id,order_date,total,currency,customer_id\n"


def folder_of(tmp_path: Path, mapping: str) -> StoreConfig:
    (tmp_path / "mapping.yml").write_text(mapping)
    options = {"folder": str(tmp_path)}
    account = AccountConfig("files", "drop", options=options)
    return StoreConfig("shop", "Shop", "UTC", "EUR", [account])


def mapping(*, signed: bool, key: bool = True) -> str:
    """Orders; a column that was written in another way since is understood by the later one."""
    datetime_format = "iso" if signed else '"%d.%m.%Y"'
    return (
        "name: shop\nfiles:\n  - match: ['orders*.csv']\n"
        f"    datetime: {datetime_format}\n    rows:\n      - kind: order_line\n"
        + ("        key: [order_id]\n" if key else "")
        + "        columns: {order_id: order_id, ordered_at: order_date, gross_amount: total,"
        " currency_code: currency, user_key: customer_id}\n"
    )


@pytest.mark.parametrize("key", [True, False])
def test_lines_of_a_file_that_is_there_are_read_again_and_of_one_that_is_gone_decoded(
    warehouse: Connection, tmp_path: Path, key: bool
) -> None:
    store = folder_of(tmp_path, mapping(signed=False, key=key))
    path = tmp_path / "orders.csv"
    good, bad = "1,01.08.2026,10,EUR,u1\n", "2,2026-08-02,20,EUR,u2\n3,2026-08-03,30,EUR,u3\n"
    path.write_text(ORDERS + good + bad)
    (account,) = accounts([store])
    stores.sync(warehouse, [store], [FILES])
    read(warehouse, account, FILES, "order_line", Credentials(), WINDOW, 1)
    assert len(open_rows(warehouse)) == 2

    # Still not understood: the file is read again, in vain.
    (result,) = replay(warehouse, [account], "r", at(2))
    assert (result.tried, result.fits, result.files) == (2, 0, ("orders.csv",))
    assert {reason.split(" is ")[1] for reason in result.left} == {"not a time written as %d.%m.%Y"}

    (tmp_path / "mapping.yml").write_text(mapping(signed=True, key=key))
    path.unlink()
    (result,) = replay(warehouse, [account], "r", at(3))
    assert (result.tried, result.fits, result.landed, result.files) == (2, 2, 2, ())
    assert staged(warehouse) == [("1", 10), ("2", 20), ("3", 30)]

    # The file comes back whole and corrected: its version replaces the rows of the replay.
    path.write_text(ORDERS + "1,2026-08-01,10,EUR,u1\n" + bad)
    read(warehouse, account, FILES, "order_line", Credentials(), WINDOW, 4)
    assert staged(warehouse) == [("1", 10), ("2", 20), ("3", 30)]
    assert open_rows(warehouse) == []


def test_a_file_read_again_gives_what_a_first_reading_would(
    warehouse: Connection, tmp_path: Path
) -> None:
    """The lines are refused by an older connector; the bytes of the file never change."""
    store = folder_of(tmp_path, mapping(signed=True, key=False))
    lines = [f"{n},2026-08-0{n % 5 + 1},{n},EUR,u{n}\n" for n in range(1, 30)]
    (tmp_path / "orders.csv").write_text(ORDERS + "".join(lines) + lines[3] + lines[3])
    (account,) = accounts([store])
    stores.sync(warehouse, [store], [FILES])
    stream = FILES.stream("order_line")

    def older(request: Request) -> Iterator[Page]:
        for page in stream.extract(request):
            bad = [row for row in page.rows if row[2] == "4"]
            rejected = [
                Rejected(str(n), f"orders.csv line {n + 5}", "no", "{}") for n, _ in enumerate(bad)
            ]
            kept = [row for row in page.rows if row not in bad]
            yield replace(page, rows=kept, rejected=rejected)

    old = replace(FILES, streams=(replace(stream, extract=older),))
    read(warehouse, account, old, "order_line", Credentials(), WINDOW, 1)
    read(warehouse, account, FILES, "order_line", Credentials(), WINDOW, 2)
    assert len(open_rows(warehouse)) == 3  # the version is known, so it is not read again
    (result,) = replay(warehouse, [account], "r", at(3))
    assert (result.fits, result.landed) == (3, 3)
    replayed = warehouse.execute(
        "select record_key, gross_amount from staging.files__order_line order by 1"
    ).fetchall()
    warehouse.execute("truncate staging.files__order_line, ops.file_version")
    read(warehouse, account, FILES, "order_line", Credentials(), WINDOW, 4)
    first = warehouse.execute(
        "select record_key, gross_amount from staging.files__order_line order by 1"
    ).fetchall()
    assert len(first) == 31 and first == replayed


def test_a_kept_line_without_its_person_is_not_decoded(
    warehouse: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIBUTARY_KEY", "00" * 32)
    store = folder_of(tmp_path, mapping(signed=False))
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS + "2,2026-08-02,20,EUR,ada@example.com\n")
    (account,) = accounts([store])
    stores.sync(warehouse, [store], [FILES])
    read(warehouse, account, FILES, "order_line", Credentials(), WINDOW, 1)
    kept = warehouse.execute("select payload from ops.quarantine").fetchone()
    assert kept is not None and "ada" not in kept[0]
    (tmp_path / "mapping.yml").write_text(mapping(signed=True))
    text = path.read_text()
    path.unlink()
    (result,) = replay(warehouse, [account], "r", at(2))
    assert result.fits == 0 and "personal data was left out" in next(iter(result.left))
    path.write_text(text)
    (result,) = replay(warehouse, [account], "r", at(3))
    assert (result.fits, result.landed) == (1, 1)
    user = warehouse.execute("select user_key from staging.files__order_line").fetchone()
    assert user is not None and user[0].startswith("h") and len(user[0]) == 33


def open_rows(conn: Connection) -> list[tuple[Any, ...]]:
    return conn.execute("select source from ops.quarantine where resolved_at is null").fetchall()


def staged(conn: Connection) -> list[tuple[Any, ...]]:
    return conn.execute(
        "select order_id, gross_amount from staging.files__order_line where deleted_at is null"
        " order by 1"
    ).fetchall()
