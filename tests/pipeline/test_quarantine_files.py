"""Lines of files that were refused: read again where the file is, decoded where it is gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tributary.connectors.files import CONNECTOR as FILES
from tributary.connectors.spec import (
    Credentials,
    Page,
    Rejected,
    Request,
)
from tributary.pipeline.quarantine import replay
from tributary.settings import AccountConfig, StoreConfig, accounts
from tributary.warehouse import stores
from tributary.warehouse.connection import Connection

from .replaying import WINDOW, at, read

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
