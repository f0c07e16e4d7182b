"""From file to rows: separators, encodings, broken lines, duplicates, versions."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tributary.errors import ConfigurationError, SchemaDrift, VendorUnavailable

from .support import account_of, extract

ORDERS = """
name: test
timezone: Europe/Berlin
currency: EUR
files:
  - match: ["orders*"]
    rows:
      - kind: order_line
        KEY
        columns: {order_id: number, ordered_at: at, gross_amount: total, user_key: who}
"""


def folder(
    tmp_path: Path, text: str | bytes, *, key: str = "key: [number]", extra: str = ""
) -> Path:
    mapping = ORDERS.replace("KEY", key)
    if extra:
        mapping = mapping.replace("    rows:", f"{extra}\n    rows:")
    (tmp_path / "mapping.yml").write_text(mapping)
    data = text.encode() if isinstance(text, str) else text
    (tmp_path / "orders.csv").write_bytes(data)
    return tmp_path


def test_a_line_becomes_a_row_with_the_accounts_day(tmp_path: Path) -> None:
    found = extract(
        account_of(folder(tmp_path, "number,at,total,who\n1,2026-03-01 00:30:00,12.30,u1\n")),
        "order_line",
    )
    (row,) = found.rows
    assert row["record_key"] == "1"
    assert row["ordered_at"] == datetime(2026, 2, 28, 23, 30, tzinfo=UTC)
    assert row["business_date"] == date(2026, 3, 1)
    assert row["gross_amount"] == Decimal("12.30")
    assert (row["currency_code"], row["user_key"], row["quantity"]) == ("EUR", "u1", 1)


def test_continental_separators_are_read_exactly(tmp_path: Path) -> None:
    extra = (
        '    delimiter: ";"\n    decimal: ","\n    thousands: "."\n    datetime: "%d.%m.%Y %H:%M"'
    )
    text = "number;at;total;who\n1;02.03.2026 10:00;1.234,56;\n2;02.03.2026 10:00;1.23,4;\n"
    found = extract(account_of(folder(tmp_path, text, extra=extra)), "order_line")
    assert [row["gross_amount"] for row in found.rows] == [Decimal("1234.56")]
    (bad,) = found.rejected
    assert bad.where == "orders.csv line 3"
    assert "'1.23,4' is not a number" in bad.reason


@pytest.mark.parametrize(
    "amount",
    [
        "1,234.56",
        "NaN",
        "Infinity",
        "1_000",
        "abc",
        "",
        "1e99",
        "-5",
        "١٢",
        "1.12345678901234567890",
    ],
)
def test_what_is_no_plain_amount_is_quarantined(tmp_path: Path, amount: str) -> None:
    text = f'number,at,total,who\n1,2026-03-01,"{amount}",\n2,2026-03-01,7,\n'
    found = extract(account_of(folder(tmp_path, text)), "order_line")
    assert [row["record_key"] for row in found.rows] == ["2"]
    assert [bad.where for bad in found.rejected] == ["orders.csv line 2"]


def test_broken_lines_cost_only_themselves(tmp_path: Path) -> None:
    text = (
        "number,at,total,who\n"
        "1,2026-03-01,1,a\n"
        "2,2026-03-01,1\n"  # a field is missing
        '3,2026-03-01,1,"never closed\n'
        "4,2026-03-01,1,b\n"
        '5,"2026-03-01",1,"two\nlines"\n'
        "6,yesterday,1,c\n"
        "7,2026-03-01,1,d\n"
    )
    found = extract(account_of(folder(tmp_path, text)), "order_line")
    assert [row["record_key"] for row in found.rows] == ["1", "4", "5", "7"]
    assert [bad.where for bad in found.rejected] == [
        "orders.csv line 3",
        "orders.csv line 4",
        "orders.csv line 8",
    ]
    assert "'yesterday' is not a time" in found.rejected[2].reason


def test_bytes_that_are_no_text_and_nul_are_quarantined(tmp_path: Path) -> None:
    data = b"number,at,total,who\n1,2026-03-01,1,\xff\n2,2026-03-01,1,a\x00b\n"
    data += b"3,2026-03-01,1,\xc3\xa9\n"
    found = extract(account_of(folder(tmp_path, data)), "order_line")
    assert [row["user_key"] for row in found.rows] == ["é"]
    assert [bad.where for bad in found.rejected] == ["orders.csv line 2", "orders.csv line 3"]


def test_byte_order_mark_and_gzip(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbfnumber,at,total,who\r\n1,2026-03-01,1,a\r\n"
    drop = folder(tmp_path, data)
    (drop / "orders2.csv.gz").write_bytes(gzip.compress(data.replace(b"\n1", b"\n2")))
    found = extract(account_of(drop), "order_line")
    assert [row["order_id"] for row in found.rows] == ["1", "2"]
    assert [file.name for file in found.files] == ["orders.csv", "orders2.csv.gz"]


def test_a_file_that_is_still_being_copied_is_retried(tmp_path: Path) -> None:
    drop = folder(tmp_path, "number,at,total,who\n")
    whole = gzip.compress(b"number,at,total,who\n" + b"1,2026-03-01,1,a\n" * 5000)
    (drop / "orders2.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(VendorUnavailable, match=r"orders2\.csv\.gz cannot be read to its end"):
        extract(account_of(drop), "order_line")


def test_without_a_row_key_every_occurrence_is_kept_and_counted(tmp_path: Path) -> None:
    line = "1,2026-03-01,5.00,a\n"
    found = extract(
        account_of(folder(tmp_path, f"number,at,total,who\n{line}{line}{line}", key="")),
        "order_line",
    )
    keys = [row["record_key"] for row in found.rows]
    assert len(set(keys)) == 3
    assert keys[1:] == [f"{keys[0]}-2", f"{keys[0]}-3"]
    assert found.duplicates == 2


def test_with_a_row_key_the_last_occurrence_comes_last_and_is_counted(tmp_path: Path) -> None:
    text = "number,at,total,who\n1,2026-03-01,5.00,a\n1,2026-03-01,6.00,a\n"
    found = extract(account_of(folder(tmp_path, text)), "order_line")
    assert [(row["record_key"], row["gross_amount"]) for row in found.rows] == [
        ("1", Decimal("5.00")),
        ("1", Decimal("6.00")),
    ]
    assert found.duplicates == 1


def test_a_known_version_is_not_read_and_a_changed_one_is(tmp_path: Path) -> None:
    drop = folder(tmp_path, "number,at,total,who\n1,2026-03-01,5.00,a\n")
    first = extract(account_of(drop), "order_line").files[0]
    known = {first.name: first.content_hash}
    assert extract(account_of(drop), "order_line", known).files == []

    folder(tmp_path, "number,at,total,who\n1,2026-03-01,6.00,a\n")
    assert len(extract(account_of(drop), "order_line", known).rows) == 1
    # Another mapping makes other rows of the same bytes, so it is another version too.
    folder(tmp_path, "number,at,total,who\n1,2026-03-01,5.00,a\n", key="key: [number, who]")
    assert extract(account_of(drop), "order_line", known).rows[0]["record_key"] == "1|a"


def test_a_column_that_is_gone_stops_with_its_name(tmp_path: Path) -> None:
    drop = folder(tmp_path, "number,at,sum,who\n1,2026-03-01,5.00,a\n")
    with pytest.raises(SchemaDrift, match=r"orders\.csv has no column 'total'"):
        extract(account_of(drop), "order_line")


def test_an_email_address_as_user_becomes_a_keyed_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIBUTARY_KEY", "aa" * 32)
    text = "number,at,total,who\n1,2026-03-01,5,Ann@Example.com\n2,2026-03-01,5,ann@example.com \n"
    found = extract(account_of(folder(tmp_path, text)), "order_line")
    keys = {row["user_key"] for row in found.rows}
    assert len(keys) == 1
    assert "@" not in keys.pop()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("order_id: number", "order_nr: number"), r"files\[0\]\.rows\[0\]\.columns\.order_nr"),
        (("order_id: number, ", ""), r"columns\.order_id: is required for order_line"),
        (("Europe/Berlin", "Europe/Brlin"), "'Europe/Brlin' is not a time zone"),
        (("match:", "matches:"), "unknown field `matches`"),
        (("kind: order_line", "kind: orders"), "Invalid enum value 'orders'"),
    ],
)
def test_a_wrong_mapping_names_file_and_field(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    drop = folder(tmp_path, "number,at,total,who\n")
    path = drop / "mapping.yml"
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(ConfigurationError, match=message) as caught:
        extract(account_of(drop), "order_line")
    assert str(path) in str(caught.value)


def test_a_mapping_that_fits_no_line_stops_instead_of_filling_the_quarantine(
    tmp_path: Path,
) -> None:
    lines = "".join(f"{n},1 March,5,a\n" for n in range(100))
    with pytest.raises(SchemaDrift, match="none of its first 100 lines fits the mapping"):
        extract(account_of(folder(tmp_path, "number,at,total,who\n" + lines)), "order_line")


def test_the_same_key_in_two_entries_of_a_mapping_is_two_records(tmp_path: Path) -> None:
    entry = """
  - match: [NAME]
    rows:
      - kind: touch
        key: [click]
        columns: {occurred_at: at, user_key: who, source: {constant: NAME}}
"""
    (tmp_path / "mapping.yml").write_text(
        "name: clicks\nfiles:" + entry.replace("NAME", "a.csv") + entry.replace("NAME", "b.csv")
    )
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("click,at,who\n1,2026-03-01,u1\n")
    found = extract(account_of(tmp_path), "touch")
    assert [row["record_key"] for row in found.rows] == ["1", "b.csv|1"]
    assert [row["source"] for row in found.rows] == ["a.csv", "b.csv"]
