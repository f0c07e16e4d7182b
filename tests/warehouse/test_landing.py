"""Landing: keys, unchanged rows, restatement, replaced files, killed landings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tributary.clock import FixedClock
from tributary.connectors.spec import (
    ConnectionForm,
    Connector,
    Credentials,
    Document,
    FileVersion,
    Page,
    Rejected,
    Request,
    Stream,
)
from tributary.errors import VendorUnavailable
from tributary.pipeline.ingest import ingest
from tributary.settings import Account
from tributary.warehouse.connection import Connection
from tributary.warehouse.loads import LoadResult
from tributary.window import Window

WINDOW = Window(datetime(2026, 8, 1, tzinfo=UTC), datetime(2026, 8, 8, tzinfo=UTC))
SPEND_COLUMNS = (
    "record_key",
    "business_date",
    "campaign_id",
    "campaign_name",
    "source",
    "medium",
    "channel",
    "spend_amount",
    "impressions",
    "clicks",
    "currency_code",
)


def land(
    conn: Connection, pages: Sequence[Page], *, stream: str = "order", hour: int = 0
) -> LoadResult:
    def extract(request: Request) -> Iterator[Page]:
        yield from pages

    table = stream == "spend"
    connector_name = "files" if table else "acme"
    spec = Stream(
        stream,
        "table" if table else "document",
        extract,
        restate_days=0,
        finality_days=0,
        backfill="full",
        columns=SPEND_COLUMNS if table else (),
    )
    connector = Connector(
        connector_name, "Acme", "sales", (spec,), ConnectionForm(), lambda c: "ok"
    )
    if not table:
        conn.execute("select ops.ensure_staging_table('acme__order')")
    account = Account("shop", connector_name, "main", "UTC", "USD")
    clock = FixedClock(datetime(2026, 8, 9, hour, tzinfo=UTC))
    return ingest(
        conn, account, connector, spec, Credentials(), WINDOW, "incremental", "run", clock
    )


def document(key: str, day: int, body: str) -> Document:
    return Document(key, date(2026, 8, day), f'{{"v": "{body}"}}'.encode())


def staged(conn: Connection) -> dict[str, tuple[Any, ...]]:
    rows = conn.execute(
        "select record_key, business_date, payload ->> 'v', load_id, xmin::text from"
        " staging.acme__order"
    ).fetchall()
    return {str(r[0]): tuple(r[1:]) for r in rows}


def changed_days(conn: Connection, result: LoadResult) -> list[int]:
    rows = conn.execute(
        "select day from ops.changed_day where load_id = %s order by 1", (result.load_id,)
    ).fetchall()
    return [r[0].day for r in rows]  # type: ignore[attr-defined]


def test_landing_twice_writes_no_row_version(warehouse: Connection) -> None:
    pages = [Page(documents=[document("a", 1, "x"), document("b", 2, "y")])]
    first = land(warehouse, pages)
    before = staged(warehouse)
    second = land(warehouse, pages, hour=1)
    assert (first.counts.rows_new, first.days_changed) == (2, 2)
    assert (second.counts.rows_new, second.counts.rows_unchanged, second.days_changed) == (0, 2, 0)
    assert staged(warehouse) == before and len(before) == 2


def test_a_record_that_moves_marks_the_day_it_left_and_the_day_it_came_to(
    warehouse: Connection,
) -> None:
    land(warehouse, [Page(documents=[document("a", 1, "x"), document("b", 2, "y")])])
    moved = land(warehouse, [Page(documents=[document("a", 5, "x2")])], hour=1)
    assert changed_days(warehouse, moved) == [1, 5]
    assert staged(warehouse)["a"][:2] == (date(2026, 8, 5), "x2")


def test_the_last_record_of_a_key_wins_within_a_load(warehouse: Connection) -> None:
    land(warehouse, [Page(documents=[document("a", 1, "old")])])
    pages = [Page(documents=[document("a", 1, "mid")]), Page(documents=[document("a", 1, "old")])]
    result = land(warehouse, pages, hour=1)
    assert staged(warehouse)["a"][1] == "old"
    assert result.days_changed == 0


def test_an_older_extract_never_overwrites_a_newer_one(warehouse: Connection) -> None:
    land(warehouse, [Page(documents=[document("a", 1, "new")])], hour=5)
    late = land(warehouse, [Page(documents=[document("a", 1, "stale")])], hour=1)
    assert staged(warehouse)["a"][1] == "new"
    assert late.days_changed == 0


def test_a_failing_extraction_lands_nothing_and_says_why(warehouse: Connection) -> None:
    class Broken(Sequence[Page]):
        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: Any) -> Any:
            if index == 0:
                return Page(documents=[document("a", 1, "x")])
            raise VendorUnavailable("acme went away, ask ada@example.com")

    with pytest.raises(VendorUnavailable):
        land(warehouse, Broken())
    status = warehouse.execute("select status, error from ops.load").fetchall()
    assert [s[0] for s in status] == ["failed"]
    assert "acme went away" in str(status[0][1]) and "ada@example.com" not in str(status[0][1])
    assert staged(warehouse) == {}


def test_a_rejected_record_is_quarantined_once_and_resolved_when_it_lands(
    warehouse: Connection,
) -> None:
    bad = Page(
        rejected=[Rejected("a", "page 1, record 1", "total is not a number", '{"v": "\x00"}')]
    )
    land(warehouse, [bad])
    land(warehouse, [bad], hour=1)
    rows = warehouse.execute(
        "select record_key, reason, resolved_at from ops.quarantine"
    ).fetchall()
    assert rows == [("a", "total is not a number", None)]
    land(warehouse, [Page(documents=[document("a", 1, "fixed")])], hour=2)
    (resolved,) = warehouse.execute("select resolved_at is not null from ops.quarantine").fetchall()
    assert resolved == (True,)


def spend(key: str, day: int, amount: str) -> tuple[Any, ...]:
    return (
        key,
        date(2026, 8, day),
        "c1",
        "Brand",
        "google",
        "cpc",
        "",
        Decimal(amount),
        10,
        1,
        "USD",
    )


def spend_page(name: str, version: str, rows: list[tuple[Any, ...]]) -> Page:
    return Page(rows=rows, file=FileVersion(name, version, complete=True, lines=len(rows)))


def live_spend(conn: Connection) -> list[tuple[Any, ...]]:
    return conn.execute(
        "select file_name, record_key, spend_amount from staging.files__spend"
        " where deleted_at is null order by 1, 2"
    ).fetchall()


def test_a_new_file_version_replaces_the_rows_of_its_old_one(warehouse: Connection) -> None:
    other = spend_page("other.csv", "v1", [spend("z", 1, "9")])
    land(
        warehouse,
        [spend_page("s.csv", "v1", [spend("a", 1, "1.10"), spend("b", 2, "2")]), other],
        stream="spend",
    )
    result = land(
        warehouse,
        [spend_page("s.csv", "v2", [spend("a", 1, "1.1"), spend("c", 3, "3")])],
        stream="spend",
        hour=1,
    )
    assert live_spend(warehouse) == [
        ("other.csv", "z", Decimal("9")),
        ("s.csv", "a", Decimal("1.10")),
        ("s.csv", "c", Decimal("3")),
    ]
    assert changed_days(warehouse, result) == [2, 3]
    assert (result.counts.rows_new, result.counts.rows_deleted, result.counts.rows_unchanged) == (
        1,
        1,
        1,
    )


def test_a_file_that_was_not_read_to_its_end_lands_nothing(warehouse: Connection) -> None:
    half = Page(rows=[spend("a", 1, "1")], file=FileVersion("s.csv", "v1"))
    with pytest.raises(VendorUnavailable, match=r"s\.csv: not read to the end"):
        land(warehouse, [half], stream="spend")
    assert live_spend(warehouse) == []


def test_a_killed_load_is_closed_by_the_next_one(warehouse: Connection) -> None:
    warehouse.execute(
        "insert into ops.load (store_id, connector, account_id, stream, run_id, mode, window_start,"
        " window_end, status, started_at) values ('shop', 'acme', 'main', 'order', 'r',"
        " 'incremental',"
        " '2026-08-01', '2026-08-02', 'running', '2026-08-02')"
    )
    land(warehouse, [Page(documents=[document("a", 1, "x")])])
    statuses = warehouse.execute("select status from ops.load order by load_id").fetchall()
    assert statuses == [("failed",), ("landed",)]


def test_a_day_read_whole_loses_what_no_longer_comes(warehouse: Connection) -> None:
    """A report moves a session to another source: its old row must not stay beside the new one."""
    one = date(2026, 8, 1)
    first = [document("a", 1, "x"), document("b", 1, "y"), document("c", 2, "z")]
    land(warehouse, [Page(documents=first)])

    bad = Rejected("b", "page 1, record 2", "sessions is not a number", "{}")
    again = Page(documents=[document("d", 1, "w")], rejected=[bad], whole_days=frozenset({one}))
    result = land(warehouse, [again], hour=1)
    live = "select record_key from staging.acme__order where deleted_at is null order by 1"
    assert warehouse.execute(live).fetchall() == [("b",), ("c",), ("d",)]
    assert (result.counts.rows_new, result.counts.rows_deleted) == (1, 1)
    assert changed_days(warehouse, result) == [1]

    page = Page(documents=[document("a", 1, "x")], whole_days=frozenset({one}))
    back = land(warehouse, [page], hour=2)
    assert warehouse.execute(live).fetchall() == [("a",), ("c",)]
    assert (back.counts.rows_changed, back.counts.rows_deleted, back.days_changed) == (1, 2, 1)
    same = land(warehouse, [page], hour=3)
    assert (same.counts.rows_unchanged, same.counts.rows_deleted, same.days_changed) == (1, 0, 0)
