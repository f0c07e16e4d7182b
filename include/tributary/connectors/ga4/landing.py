"""Records of reports -> documents; what does not fit -> quarantine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from tributary.connectors.ga4.api import Api
from tributary.connectors.spec import Document, Kept, Page, Rejected
from tributary.settings import Account
from tributary.transport.records import decode_record, decode_records

_LONG = 500  # characters; a longer key is cut and hashed: an index takes 2,700 bytes


@dataclass(frozen=True)
class Shape:
    """What a record must look like, the fields that tell it apart, and the one with its day.

    `whole_days`: a day's records replace what was landed of the day.
    """

    kind: type[msgspec.Struct]
    key: tuple[str, ...]
    day: str
    whole_days: bool = True

    def page(
        self,
        api: Api,
        account: Account,
        records: Sequence[dict[str, Any]],
        number: int,
        told: int,
    ) -> Page:
        """Page `number` (1 is the first); `told` API calls are in pages before. SchemaDrift if
        nothing fits."""
        raws = [msgspec.json.encode(record) for record in records]
        what = f"records of {account.connection_id}"
        decoded = decode_records(raws, self.kind, what=what)
        days = {self._day(record) for record in records} if decoded.records else set()
        return Page(
            documents=[self._document(raw) for _, _, raw in decoded.records],
            rejected=[
                Rejected(
                    self._key(records[failure.index]),
                    f"page {number}, record {failure.index + 1}",
                    failure.reason,
                    failure.text,
                )
                for failure in decoded.failures
            ],
            drift=frozenset(api.notes) | decoded.drift,
            quota=dict(api.quota),
            api_calls=api.calls - told,
            whole_days=frozenset(day for day in days if day) if self.whole_days else frozenset(),
        )

    def replay(self, account: Account, kept: Kept) -> Document:
        """A record of quarantine, decoded anew; ValueError or DecodeError if it still does not
        fit."""
        del account
        raw = kept.payload.encode()
        decode_record(raw, self.kind)
        return self._document(raw)

    def _document(self, raw: bytes) -> Document:
        record = msgspec.json.decode(raw)
        day = self._day(record)
        if day is None:  # the struct's pattern lets the 31st of February through
            raise ValueError(f"{self.day} is {record[self.day]!r}, which is no day")
        return Document(self._key(record), day, bytes(raw))

    def _key(self, record: dict[str, Any]) -> str:
        """The values in JSON, so that no two combinations read alike."""
        values = [str(record.get(name, "")) for name in self.key]
        key = msgspec.json.encode(values).decode()
        if len(key) <= _LONG:
            return key
        return f"{key[:_LONG]} {hashlib.sha256(key.encode()).hexdigest()}"

    def _day(self, record: dict[str, Any]) -> date | None:
        try:
            return date.fromisoformat(str(record.get(self.day, "")))
        except ValueError:
            return None
