"""Decodes the records of a page: all at once when they fit, one by one when some do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, TypeVar, get_args, get_origin

import msgspec

from tributary.errors import SchemaDrift

T = TypeVar("T")
_NUL = b"\\u0000"


@dataclass(frozen=True)
class Failure:
    """A record that does not fit: its place in the page (0 is the first), its text, the reason."""

    index: int
    text: str
    reason: str


@dataclass(frozen=True)
class Decoded(Generic[T]):
    """Records that fit as (index, typed, raw JSON); those that do not; fields nobody expected."""

    records: list[tuple[int, T, bytes]]
    failures: list[Failure]
    drift: frozenset[str] = field(default=frozenset())


def decode_records(raws: Sequence[bytes], kind: type[T], *, what: str) -> Decoded[T]:
    """Decode `raws` (one JSON object each) as `kind`, a msgspec Struct.

    SchemaDrift when two or more records came and all fail for the same reason: the vendor changed.
    """
    if not raws:
        return Decoded([], [])
    try:
        typed: list[T] = _decoder(kind, True).decode(b"[" + b",".join(raws) + b"]")
        records = list(zip(range(len(raws)), typed, raws, strict=True))
        failures: list[Failure] = []
    except msgspec.DecodeError:
        records, failures = _one_by_one(raws, kind)
    records, refused = _without_nul(records)
    failures = sorted(failures + refused, key=lambda failure: failure.index)
    reasons = {failure.reason for failure in failures}
    if len(raws) > 1 and len(failures) == len(raws) and len(reasons) == 1:
        raise SchemaDrift(
            f"every record of a page of {what} fails alike: {reasons.pop()}. The vendor changed"
            " this field; the stream stops and nothing was landed. Compare the vendor's change"
            " log with the connector, then clear the task."
        )
    drift: set[str] = set()
    for _, _, raw in records:
        drift |= unknown_fields(msgspec.json.decode(raw), kind)
    return Decoded(records, failures, frozenset(drift))


def decode_record(raw: bytes, kind: type[T]) -> T:
    """One record as `kind`; msgspec.DecodeError or ValueError says why it does not fit."""
    typed: T = _decoder(kind, False).decode(raw)
    if failures := _without_nul([(0, typed, raw)])[1]:
        raise ValueError(failures[0].reason)
    return typed


def _one_by_one(
    raws: Sequence[bytes], kind: type[T]
) -> tuple[list[tuple[int, T, bytes]], list[Failure]]:
    records: list[tuple[int, T, bytes]] = []
    failures: list[Failure] = []
    for index, raw in enumerate(raws):
        try:
            records.append((index, _decoder(kind, False).decode(raw), raw))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            failures.append(Failure(index, bytes(raw).decode(errors="replace"), str(error)))
    return records, failures


def _without_nul(
    records: list[tuple[int, T, bytes]],
) -> tuple[list[tuple[int, T, bytes]], list[Failure]]:
    """Postgres refuses the NUL character in text and jsonb."""
    kept, refused = [], []
    for index, value, raw in records:
        if _NUL in bytes(raw) and _has_nul(msgspec.json.decode(raw)):
            reason = "a text holds the NUL character, which Postgres cannot keep"
            refused.append(Failure(index, bytes(raw).decode(), reason))
        else:
            kept.append((index, value, raw))
    return kept, refused


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(_has_nul(part) for part in value)


def _decoder(kind: Any, many: bool) -> msgspec.json.Decoder[Any]:
    return _made_decoder(kind, many)


@cache
def _made_decoder(kind: Any, many: bool) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(list[kind] if many else kind)


def unknown_fields(value: Any, kind: Any, path: str = "") -> set[str]:
    """Dotted names of fields in `value` that struct `kind` does not have, at any depth."""
    if isinstance(value, list):
        inner = next(iter(get_args(kind)), None)
        return {name for part in value for name in unknown_fields(part, inner, path)}
    if not isinstance(value, dict):
        return set()
    fields = _fields(kind)
    if fields is None:
        return set()
    unknown: set[str] = set()
    for name, part in value.items():
        if name not in fields:
            unknown.add(f"{path}{name}")
        elif isinstance(part, dict | list):
            unknown |= unknown_fields(part, fields[name], f"{path}{name}.")
    return unknown


@cache
def _fields(kind: Any) -> dict[str, Any] | None:
    """Encoded field name -> type of a struct; for `X | None` those of X."""
    origin = get_origin(kind)
    if isinstance(origin, type) and issubclass(origin, msgspec.Struct):
        return {f.encode_name: f.type for f in msgspec.structs.fields(kind)}
    if not isinstance(kind, type):
        structs = [t for t in get_args(kind) if t is not type(None)]
        return _fields(structs[0]) if len(structs) == 1 else None
    if not issubclass(kind, msgspec.Struct):
        return None
    return {f.encode_name: f.type for f in msgspec.structs.fields(kind)}
