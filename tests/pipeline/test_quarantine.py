"""Quarantine: what was refused lands later as if it had never been refused, once, and in order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from threading import Thread
from typing import Any

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
from tributary.pipeline.ingest import ingest
from tributary.pipeline.quarantine import Replayed, replay
from tributary.settings import Account
from tributary.warehouse.connection import Connection, connect

from .replaying import WINDOW, at


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
