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
from tributary.attribution.events import TooManyPairsError
from tributary.attribution.paths import is_direct
from tributary.attribution_files import arrow
from tributary.attribution_files.asked import Asked, usual_lookbacks
from tributary.attribution_files.columns import CONVERSION_COLUMNS, TOUCH_COLUMNS, check_given, find
from tributary.attribution_files.convert import numbers, times
from tributary.attribution_files.event_columns import Words, people, repeats, ties, users
from tributary.attribution_files.path_files import clean_names
from tributary.attribution_files.progress import Progress
from tributary.attribution_files.spill import Parts
from tributary.attribution_files.tables import Source, batches, open_source
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
        self._channels, self._types = Words(), Words()
        self.campaigns = Words()
        touches = [_Opened.of(file, TOUCH_COLUMNS, asked) for file in asked.touches]
        sales = [_Opened.of(file, CONVERSION_COLUMNS, asked) for file in asked.conversions]
        headers = [(TOUCH_COLUMNS, opened.source.header) for opened in touches]
        headers += [(CONVERSION_COLUMNS, opened.source.header) for opened in sales]
        check_given(asked.columns, headers)
        whole = all(opened.has_whole_ids for opened in (*touches, *sales))
        self.user_type = pa.int64() if whole else pa.string()
        self._has_type = any("type" in opened.columns for opened in touches)
        self.has_value = any("value" in opened.columns for opened in sales)
        self.has_id = any("id" in opened.columns for opened in sales)
        # Two lines of one order may well look the same: they are no repeats.
        self._has_lines = any(
            "line" in name.lower() for _, names in headers[len(touches) :] for name in names
        )
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
            who, buyers = people(touches.column("user_id"), sales.column("user_id"))
            sales, buyers = self._once(sales, buyers)
            if not self._asked.needs_nulls:
                touches, who = _of_buyers(touches, who, buyers)
            value = _array(sales, "value") if self.has_value else None
            events = TouchEvents(
                who,
                _array(touches, "at_us"),
                self._channel_code[_array(touches, "channel")],
                self._kind_code[_array(touches, "type")] if self._has_type else None,
                _array(touches, "tie") if "tie" in touches.column_names else None,
            )
            sold = ConversionEvents(buyers, _array(sales, "at_us"), value)
            try:
                found = journeys_of(self.names, direct, events, sold, self._rules)
            except TooManyPairsError as error:
                raise _is_hub(sales.column("user_id"), buyers, who, error.person) from error
            if found.repeated:
                self._progress.say("touches that repeat another, id included, count once")
            yield Part(found, touches, sales)

    def _once(self, sales: Any, buyers: Int) -> tuple[Any, Int]:
        """Conversions that are there twice, id included, count once."""
        if not self.has_id or not sales.num_rows:
            return sales, buyers
        value = _array(sales, "value") if self.has_value else None
        again, shared = repeats(sales.column("id"), buyers, _array(sales, "at_us"), value)
        if self._has_lines and (shared or again.any()):
            self._progress.say("lines of orders: each counts as a conversion")
            return sales, buyers
        if shared:
            self._progress.say("conversions that differ share an id: each counts")
        if not again.any():
            return sales, buyers
        self._progress.say("conversions that repeat another, id included, count once")
        kept = np.flatnonzero(~again)
        return sales.take(arrow.numbers(kept)), buyers[kept]

    def _read_touches(self, opened: _Opened) -> None:
        encoded = ["channel", "type", "campaign"]
        wanted = {name: col for name, col in opened.columns.items() if name != "cost"}
        for batch in batches(opened.source, wanted, encoded):
            table: dict[str, Any] = {
                "user_id": users(batch, self.user_type),
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
                table["tie"] = np.zeros(batch.rows, np.int64) if column is None else ties(column)
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
                "user_id": users(batch, self.user_type),
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
            views=(kinds.index("view"),) if self._has_type else (),
            direct=asked.direct or "ignore-if-other",
            path_transform="unique" if asked.transform == "frequency" else asked.transform,
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


def _of_buyers(touches: Any, who: Int, buyers: Int) -> tuple[Any, Int]:
    """Only the touches of people who converted."""
    bought = np.zeros(int(max(who.max(initial=-1), buyers.max(initial=-1))) + 1, dtype=np.bool_)
    bought[buyers[buyers >= 0]] = True
    kept = np.flatnonzero(bought[who])
    return touches.take(arrow.numbers(kept)), who[kept]


def _is_hub(users: Any, buyers: Int, who: Int, person: int) -> ConfigurationError:
    user = users[int((buyers == person).argmax())].as_py()
    sold, seen = int((buyers == person).sum()), int((who == person).sum())
    return ConfigurationError(
        f"user_id {user!r} has {seen:,} touches and {sold:,} conversions, too many for one person: "
        "if it stands for unknown users, leave it empty; else shorten --lookback"
    )


def _no_rows(schema: Any) -> Any:
    return pa.Table.from_arrays([pa.nulls(0, kind) for kind in schema.types], schema=schema)


def _array(table: Any, name: str) -> Any:
    return arrow.values(table.column(name))
