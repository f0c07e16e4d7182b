"""Records of a page -> documents, and what does not fit -> quarantine, for streams whose records
are landed as they came. Personal fields must be hashed or dropped before; here nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

import msgspec

from tributary.connectors.spec import Document, Kept, Page, Rejected
from tributary.settings import Account
from tributary.transport.records import decode_record, decode_records

T = TypeVar("T")


@dataclass(frozen=True)
class Shape(Generic[T]):
    """One stream's record: its struct, the fields that identify it, and its day.

    `key` are dotted names of the vendor's own identity, joined by `:`; read from the JSON, so that
    a record that does not fit has the key that lets a later, good one replace it.
    """

    kind: type[T]
    key: tuple[str, ...]
    day: Callable[[T, Account], date]

    def page(
        self,
        account: Account,
        raws: Sequence[bytes],
        number: int,
        *,
        api_calls: int,
        quota: Mapping[str, float] | None = None,
    ) -> Page:
        """Page `number` (1 is the first) of a stream of `account`; SchemaDrift if nothing fits."""
        decoded = decode_records(raws, self.kind, what=f"records of {account.connection_id}")
        return Page(
            documents=[self._document(account, value, raw) for _, value, raw in decoded.records],
            rejected=[
                Rejected(
                    self._key(failure.text.encode()),
                    f"page {number}, record {failure.index + 1}",
                    failure.reason,
                    failure.text,
                )
                for failure in decoded.failures
            ],
            drift=decoded.drift,
            quota=dict(quota or {}),
            api_calls=api_calls,
        )

    def replay(self, account: Account, kept: Kept) -> Document:
        """A record of quarantine, decoded anew; msgspec.DecodeError if it still does not fit."""
        raw = kept.payload.encode()
        return self._document(account, decode_record(raw, self.kind), raw)

    def _document(self, account: Account, value: T, raw: bytes) -> Document:
        return Document(self._key(raw), self.day(value, account), bytes(raw))

    def _key(self, raw: bytes) -> str:
        try:
            record = msgspec.json.decode(raw)
        except msgspec.DecodeError:
            return ""
        parts = [_at(record, name.split(".")) for name in self.key]
        return ":".join(parts) if any(parts) else ""


def _at(value: Any, names: Sequence[str]) -> str:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return "" if value is None else str(value)
