"""Event files -> journeys: touches and conversions of the same people, in any order of lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tributary.attribution import (
    ConversionEvents,
    EventJourneys,
    EventRules,
    TouchEvents,
    journeys_of,
)
from tributary.attribution.paths import is_direct
from tributary.attribution_files import arrow
from tributary.attribution_files.asked import Asked, usual_lookbacks
from tributary.attribution_files.columns import CONVERSION_COLUMNS, TOUCH_COLUMNS, find
from tributary.attribution_files.convert import numbers, times
from tributary.attribution_files.path_files import clean_names
from tributary.attribution_files.progress import Progress
from tributary.attribution_files.spill import Parts, text_hash
from tributary.attribution_files.tables import Batch, Source, batches, open_source
from tributary.errors import ConfigurationError

Int = npt.NDArray[np.int64]

NOT_SET = "(not set)"
VIEWS = ("view", "views", "impression", "view_through")


@dataclass(frozen=True)
class Part:
    """The journeys of some of the people, and the rows they were made of."""

    journeys: EventJourneys
    touches: Any
    conversions: Any


class Events:
    """All events of the files, in memory or parted on disk in `folder`."""

    def __init__(self, asked: Asked, folder: Path, progress: Progress) -> None:
        self._asked, self._progress = asked, progress
        self._channels, self._types = _Words(), _Words()
        self.campaigns = _Words()
        touches = [_Opened.of(file, TOUCH_COLUMNS, asked) for file in asked.touches]
        sales = [_Opened.of(file, CONVERSION_COLUMNS, asked) for file in asked.conversions]
        whole = all(opened.has_whole_ids for opened in (*touches, *sales))
        self.user_type = pa.int64() if whole else pa.string()
        self._has_type = any("type" in opened.columns for opened in touches)
        self.has_value = any("value" in opened.columns for opened in sales)
        self.has_id = any("id" in opened.columns for opened in sales)
        self.has_campaign = any("campaign" in opened.columns for opened in touches)
        self._has_tie = any("id" in opened.columns for opened in touches)
        self._touches, self._conversions = Parts(folder, "touches"), Parts(folder, "conversions")
        self._touches.add(_no_rows(self._touch_schema()))
        self._conversions.add(_no_rows(self._conversion_schema()))
        for opened in touches:
            self._read_touches(opened)
        for opened in sales:
            self._read_conversions(opened)
        if self._touches.is_on_disk or self._conversions.is_on_disk:
            self._touches.to_disk()
            self._conversions.to_disk()
        self.names, self._channel_code = clean_names(self._channels.words)
        self._rules, self._kind_code = self._event_rules()

    @property
    def is_parted(self) -> bool:
        """Whether the events are on disk, in parts."""
        return self._touches.is_on_disk

    def parts(self) -> Iterator[Part]:
        """The journeys, part by part: one part where all is in memory."""
        direct = is_direct(self.names, self._asked.settings.direct)
        for touches, sales in zip(self._touches.read(), self._conversions.read(), strict=True):
            who, buyers = _codes(touches.column("user_id"), sales.column("user_id"))
            value = _array(sales, "value") if self.has_value else None
            found = journeys_of(
                self.names,
                direct,
                TouchEvents(
                    who,
                    _array(touches, "at_us"),
                    self._channel_code[_array(touches, "channel")],
                    self._kind_code[_array(touches, "type")] if self._has_type else None,
                    _array(touches, "tie") if "tie" in touches.column_names else None,
                ),
                ConversionEvents(buyers, _array(sales, "at_us"), value),
                self._rules,
            )
            yield Part(found, touches, sales)

    def _read_touches(self, opened: _Opened) -> None:
        encoded = ["channel", "type", "campaign"]
        wanted = {name: col for name, col in opened.columns.items() if name != "cost"}
        for batch in batches(opened.source, wanted, encoded):
            table: dict[str, Any] = {
                "user_id": self._users(batch),
                "at_us": times(batch, "time", self._asked.zone),
                "channel": self._channels.codes(batch.columns["channel"], NOT_SET),
            }
            if self._has_type:
                table["type"] = self._types.codes(batch.columns.get("type"), "", batch.rows)
            if self.has_campaign:
                column = batch.columns.get("campaign")
                table["campaign"] = self.campaigns.codes(column, "", batch.rows)
            if self._has_tie:
                column = batch.columns.get("id")
                table["tie"] = np.zeros(batch.rows, np.int64) if column is None else _tie(column)
            self._touches.add(self._known(arrow.table(table, self._touch_schema())))
            self._progress.rows(batch.rows, "touches")
        if NOT_SET in self._channels.words:
            self._progress.say(f"touches without a channel are counted as {NOT_SET}")

    def _touch_schema(self) -> Any:
        optional = {
            "type": (pa.int32(), self._has_type),
            "campaign": (pa.int32(), self.has_campaign),
            "tie": (pa.int64(), self._has_tie),
        }
        return pa.schema(
            {"user_id": self.user_type, "at_us": pa.int64(), "channel": pa.int32()}
            | {name: kind for name, (kind, has) in optional.items() if has}
        )

    def _conversion_schema(self) -> Any:
        optional = {"value": (pa.float64(), self.has_value), "id": (pa.string(), self.has_id)}
        return pa.schema(
            {"user_id": self.user_type, "at_us": pa.int64()}
            | {name: kind for name, (kind, has) in optional.items() if has}
        )

    def _known(self, table: Any) -> Any:
        missing = table.column("user_id").null_count
        if missing:
            self._progress.say("touches without a user_id are left out")
            return table.filter(pc.is_valid(table.column("user_id")))
        return table

    def _read_conversions(self, opened: _Opened) -> None:
        for batch in batches(opened.source, opened.columns, []):
            table: dict[str, Any] = {
                "user_id": self._users(batch),
                "at_us": times(batch, "time", self._asked.zone),
            }
            if self.has_value:
                known = "value" in batch.columns
                table["value"] = numbers(batch, "value") if known else np.zeros(batch.rows)
            if self.has_id:
                column = batch.columns.get("id", pa.nulls(batch.rows))
                table["id"] = pc.cast(column, pa.string())
            self._conversions.add(arrow.table(table, self._conversion_schema()))
            self._progress.rows(batch.rows, "conversions")

    def _users(self, batch: Batch) -> Any:
        column = batch.columns["user_id"]
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_floating(column.type):
            column = _whole(batch, column)
        column = pc.cast(column, self.user_type)
        if pa.types.is_string(column.type):
            column = pc.utf8_trim_whitespace(column)
            is_empty = pc.equal(pc.binary_length(column), arrow.numbers(np.zeros(1, np.int32))[0])
            column = pc.if_else(is_empty, pa.nulls(1, pa.string())[0], column)
        return column

    def _event_rules(self) -> tuple[EventRules, npt.NDArray[np.int64]]:
        """The lookback of each type of touch; the order of the kinds is that of their names."""
        asked = self._asked
        usual = usual_lookbacks() if asked.lookback is None else asked.lookback
        rest = usual.get("", usual_lookbacks()[""])
        words = [word.strip().lower() for word in self._types.words]
        kinds = sorted({"view" if word in VIEWS else word for word in words} | {"", "view"})
        unknown = [kind for kind in kinds if kind and kind not in usual and "" not in usual]
        if unknown:
            raise ConfigurationError(
                f"--lookback: say how long {unknown[0]!r} counts, or one for all"
            )
        code = [kinds.index("view" if word in VIEWS else word) for word in words]
        rules = EventRules(
            lookback_us=tuple(usual.get(kind, rest) for kind in kinds)
            if self._has_type
            else (rest,),
            view=kinds.index("view") if self._has_type else -1,
            ignore_direct=asked.direct != "as-any",
            half_life_days=asked.half_life_days,
        )
        return rules, np.array([*code, 0], dtype=np.int64)


@dataclass(frozen=True)
class _Opened:
    source: Source
    columns: dict[str, str]
    has_whole_ids: bool

    @classmethod
    def of(cls, file: Path, usual: Mapping[str, tuple[str, ...]], asked: Asked) -> _Opened:
        source = open_source(file)
        columns = find(file, source.header, usual, asked.columns, "--columns {}=...")
        whole = False
        if source.is_parquet:
            import pyarrow.parquet as parquet

            whole = pa.types.is_integer(parquet.read_schema(file).field(columns["user_id"]).type)
        return cls(source, columns, whole)


class _Words:
    """Numbers texts as they come, for columns with few distinct ones."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._code: dict[str, int] = {}

    def codes(self, column: Any, empty: str, rows: int = 0) -> npt.NDArray[np.int32]:
        """Each row's code; a missing text, or column, is `empty`."""
        if column is None:
            return np.full(rows, self._of(empty), dtype=np.int32)
        if not pa.types.is_dictionary(column.type):
            column = pc.dictionary_encode(pc.cast(column, pa.string()))
        words = pc.cast(column.dictionary, pa.string()).to_pylist()
        code = np.array([self._of((word or "").strip() or empty) for word in words], dtype=np.int32)
        if column.null_count or not len(code):
            code = np.r_[code, np.int32(self._of(empty))]
        places = arrow.values(arrow.filled(column.indices, len(code) - 1))
        found: npt.NDArray[np.int32] = code[places]
        return found

    def _of(self, word: str) -> int:
        if word not in self._code:
            self._code[word] = len(self.words)
            self.words.append(word)
        return self._code[word]


def _whole(batch: Batch, column: Any) -> Any:
    """Ids that a nullable column of whole numbers turned into floats."""
    try:
        return pc.cast(column, pa.int64())
    except pa.ArrowInvalid as error:
        raise ConfigurationError(
            f"{batch.source.file}: user_id holds numbers that are not whole; write them as text"
        ) from error


def _no_rows(schema: Any) -> Any:
    return pa.Table.from_arrays([pa.nulls(0, kind) for kind in schema.types], schema=schema)


def _array(table: Any, name: str) -> Any:
    return arrow.values(table.column(name))


def _tie(column: Any) -> Int:
    if pa.types.is_integer(column.type):
        whole: Int = arrow.values(arrow.filled(column, 0)).astype(np.int64)
        return whole
    texts = pc.cast(column, pa.string())
    try:
        return _tie(pc.cast(texts, pa.int64()))
    except pa.ArrowInvalid:
        return text_hash(arrow.filled(texts, "")).view(np.int64)


def _codes(users: Any, buyers: Any) -> tuple[Int, Int]:
    """People as whole numbers from 0, shared by touches and conversions; -1 where unknown."""
    if not pa.types.is_integer(users.type):
        encoded = pa.chunked_array([*users.chunks, *buyers.chunks], pa.string()).dictionary_encode()
        codes = encoded.combine_chunks()
        if isinstance(codes, pa.ChunkedArray):
            codes = pa.concat_arrays(codes.chunks)
        every = arrow.values(arrow.filled(codes.indices, -1)).astype(np.int64)
        return every[: len(users)], every[len(users) :]
    known = arrow.values(pc.is_valid(buyers))
    ids = np.concatenate([arrow.values(users), arrow.values(arrow.filled(buyers, 0))[known]])
    codes = np.full(len(known), -1, dtype=np.int64)
    if not len(ids):
        return ids, codes
    low, high = int(ids.min()), int(ids.max())
    if high - low < 4 * len(ids) + 1_000_000:
        every = ids - low
    else:
        every = np.unique(ids, return_inverse=True)[1].astype(np.int64)
    codes[known] = every[len(users) :]
    return every[: len(users)], codes
