"""Keeps people who were forgotten from coming back: what names them is replaced as it lands.

A value is known by its keyed hash only (ops.forgotten). Its replacement is a random word that was
drawn when the person was forgotten: the same value gets the same word, so that a vendor's repeat
changes nothing, and nobody can tell from the word whose it was.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from tributary.connectors.shared.values import click_key
from tributary.settings import required
from tributary.warehouse.connection import Connection

_REMEMBERED = 500_000
_WORD = re.compile(r"[^\s\"'`,;|(){}\[\]<>=&?/\\]+")
# Click ids in addresses tell a person apart, too; that there was one is kept.
_CLICK_ID = re.compile(r"([?&][A-Za-z_]*(?:clid|braid|fat_id|epik|sccid|_cid)=)([^&#\"]+)", re.I)
_encode = msgspec.json.Encoder(order="sorted", decimal_format="number").encode
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


# Kind of a raw e-mail address, which may stand in a record key.
EMAIL = "email"
CLICK = "click"


def value_hash(kind: str, value: str) -> str:
    """Keyed with the installation's secret; e-mail addresses count in lower case."""
    text = value.strip().lower() if kind == EMAIL else value.strip()
    key = required("TRIBUTARY_KEY").encode()
    return hmac.new(key, f"forgotten {kind}:{text}".encode(), hashlib.sha256).hexdigest()


@dataclass
class Forgotten:
    """The identifiers of one store that are replaced, by their hash."""

    replacements: Mapping[str, str]
    _seen: dict[tuple[str, str], str | None] = field(default_factory=dict)

    @classmethod
    def of_store(cls, conn: Connection, store_id: str) -> Forgotten | None:
        """None where nobody was forgotten: then a load costs nothing more."""
        rows = conn.execute(
            "select value_hash, replacement from ops.forgotten where store_id = %s", (store_id,)
        ).fetchall()
        return cls({str(known): str(word) for known, word in rows}) if rows else None

    def word_for(self, kind: str, value: str) -> str | None:
        """What stands in the place of a value, None for everybody else's."""
        asked = (kind, value)
        if asked not in self._seen:
            if len(self._seen) > _REMEMBERED:
                self._seen.clear()
            self._seen[asked] = self.replacements.get(value_hash(kind, value))
        return self._seen[asked]

    def prose(self, text: str, kinds: Collection[str]) -> str:
        """A record as it was kept, the words that are identifiers of these kinds replaced, and
        click ids, whether they are keys by now or not.
        """
        asked = sorted({*kinds, EMAIL, CLICK})

        def replaced(found: re.Match[str]) -> str:
            words = (self.word_for(kind, found[0]) for kind in asked)
            word = next((word for word in words if word), None)
            return word or self.word_for(CLICK, click_key(found[0])) or found[0]

        return _WORD.sub(replaced, text)

    def rows(
        self, rows: Sequence[tuple[Any, ...]], columns: Sequence[str], people: Mapping[str, str]
    ) -> list[tuple[Any, ...]]:
        """Rows of a table stream. Of the forgotten person's own, every click goes."""
        places = [(columns.index(name), kind) for name, kind in people.items()]
        key_at = columns.index("record_key")
        return [self._row(row, places, key_at) for row in rows]

    def _row(
        self, row: tuple[Any, ...], places: Sequence[tuple[int, str]], key_at: int
    ) -> tuple[Any, ...]:
        words = {
            place: word
            for place, kind in places
            if row[place] and (word := self.word_for(kind, row[place]))
        }
        if not words:
            return row
        changed = list(row)
        in_key = {row[place]: word for place, word in words.items()}
        if any(place in words for place, kind in places if kind != CLICK):
            changed = ["" if (at, CLICK) in places else value for at, value in enumerate(row)]
        for place, word in words.items():
            changed[place] = word
        parts = (
            in_key.get(part) or ("@" in part and self.word_for(EMAIL, part)) or part
            for part in row[key_at].split("|")
        )
        changed[key_at] = "|".join(parts)
        return tuple(changed)

    def document(self, payload: bytes, people: Mapping[str, str]) -> bytes:
        """A document; one that names nobody forgotten is returned as it is. Of the forgotten
        person's own, every click id goes.
        """
        record = _decode(payload)
        named = [self._replace(record, name.split("."), kind) for name, kind in people.items()]
        if any(named):
            return _encode(self._without_clicks(record, "forgotten"))
        if any(self.word_for(CLICK, found[2]) for found in _CLICK_ID.finditer(payload.decode())):
            return _encode(self._without_clicks(record, ""))
        return payload

    def _replace(self, record: Any, names: Sequence[str], kind: str) -> bool:
        """Replace the value at the end of these names; an id in an address is its last part."""
        for name in names[:-1]:
            record = record.get(name) if isinstance(record, dict) else None
        value = record.get(names[-1]) if isinstance(record, dict) else None
        if value is None:
            return False
        head, slash, tail = str(value).rpartition("/")
        word = self.word_for(kind, tail)
        if word is not None:
            record[names[-1]] = f"{head}{slash}{word}"
        return word is not None

    def _without_clicks(self, value: Any, other: str) -> Any:
        """Click ids of forgotten people become their word, others `other` if there is one."""
        if isinstance(value, dict):
            return {name: self._without_clicks(part, other) for name, part in value.items()}
        if isinstance(value, list):
            return [self._without_clicks(part, other) for part in value]
        if isinstance(value, str):
            return _CLICK_ID.sub(
                lambda found: found[1] + (self.word_for(CLICK, found[2]) or other or found[2]),
                value,
            )
        return value
