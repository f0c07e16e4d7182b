"""Decoding page by page, then record by record; drift is told from a bad record."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from tributary.errors import SchemaDrift, VendorUnavailable
from tributary.transport.pagination import follow
from tributary.transport.records import decode_records


class Part(msgspec.Struct):
    sku: str


class Sale(msgspec.Struct):
    id: str
    total: Decimal
    parts: list[Part]
    note: str | None = None


GOOD = b'{"id": "1", "total": "19.90", "parts": [{"sku": "a"}]}'
BAD = b'{"id": "2", "total": "many", "parts": []}'
NUL = b'{"id": "3", "total": "1", "parts": [], "note": "a\\u0000b"}'
BACKSLASH = b'{"id": "4", "total": "1", "parts": [], "note": "a\\\\u0000b"}'
SURROGATE = b'{"id": "5", "total": "1", "parts": [], "note": "\\ud800"}'


def test_a_clean_page_is_whole_and_exact() -> None:
    decoded = decode_records([GOOD, GOOD], Sale, what="sales")
    assert [sale.total for _, sale, _ in decoded.records] == [Decimal("19.90")] * 2
    assert decoded.failures == [] and decoded.drift == frozenset()


@pytest.mark.parametrize("bad", [BAD, NUL, SURROGATE, b'{"id": "6", "total": "1"}'])
def test_one_bad_record_costs_only_itself(bad: bytes) -> None:
    decoded = decode_records([GOOD, bad, GOOD], Sale, what="sales")
    assert [index for index, _, _ in decoded.records] == [0, 2]
    (failure,) = decoded.failures
    assert failure.index == 1 and failure.reason
    assert "id" in failure.text


def test_an_escaped_backslash_is_not_a_nul() -> None:
    decoded = decode_records([BACKSLASH], Sale, what="sales")
    assert len(decoded.records) == 1


def test_an_unknown_field_is_reported_at_any_depth() -> None:
    raw = b'{"id": "1", "total": "1", "tips": 3, "parts": [{"sku": "a", "colour": {"x": 1}}]}'
    assert decode_records([raw], Sale, what="sales").drift == {"tips", "parts.colour"}


def test_a_field_missing_in_every_record_stops_the_stream() -> None:
    raws = [b'{"id": "1", "parts": []}', b'{"id": "2", "parts": []}']
    with pytest.raises(SchemaDrift, match="total"):
        decode_records(raws, Sale, what="sales")


def test_records_bad_for_different_reasons_are_not_drift() -> None:
    decoded = decode_records([BAD, b'{"id": "2", "total": "1"}'], Sale, what="sales")
    assert len(decoded.failures) == 2


def test_an_empty_page_is_no_drift() -> None:
    assert decode_records([], Sale, what="sales").records == []


def test_cursors_are_followed_to_the_end() -> None:
    chain = {None: ("p1", "a"), "a": ("p2", "b"), "b": ("p3", None)}
    pages = follow(lambda cursor: chain[cursor], lambda page: page[1], what="sales")
    assert [name for name, _ in pages] == ["p1", "p2", "p3"]


def test_a_repeated_cursor_is_refused() -> None:
    chain = {None: "a", "a": "b", "b": "a"}
    with pytest.raises(VendorUnavailable, match="Loop detected"):
        list(follow(lambda cursor: chain[cursor], lambda page: page, what="sales"))
