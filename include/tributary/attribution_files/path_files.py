"""Path files -> Paths: equal paths are added up as they are read, whatever their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tributary.attribution import Paths, collapse, ignore_direct, sums
from tributary.attribution_files import arrow
from tributary.attribution_files.asked import Asked
from tributary.attribution_files.columns import PATH_COLUMNS, check_given, find
from tributary.attribution_files.convert import numbers
from tributary.attribution_files.progress import Progress
from tributary.attribution_files.tables import Batch, Source, batches, line_of, open_source
from tributary.errors import ConfigurationError

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]

_USUAL = ">"
# Other marks that people put between channels.
_MARKS = ("|", "→", ";", "»")
_LIMB = 2.0**32
_LARGEST = 2.0**52


def read_paths(asked: Asked, progress: Progress) -> Paths:
    """All path files as one; direct touches leave where that was asked for."""
    totals = _Totals()
    sources = [open_source(file) for file in asked.paths]
    check_given(asked.columns, [(PATH_COLUMNS, source.header) for source in sources])
    for source in sources:
        _read(source, asked, totals, progress)
    texts, won, lost, value = totals.result()
    if not len(texts):
        raise ConfigurationError(f"{asked.paths[0]} has no line below its header")
    if not totals.has_nulls and not totals.only_zero_and_one:
        progress.say("no column of nulls: journeys that did not convert are not known")
    if value is None:
        progress.say("no column of value: value is left empty")
    elif value[won <= 0].any():
        progress.say("value of paths that never convert is left out")
    paths = _split(texts, asked.separator or _USUAL, won, lost, value)
    _check_separator(asked, paths, progress)
    paths = collapse(paths)
    if asked.direct == "ignore-if-other":
        paths = collapse(ignore_direct(paths, paths.direct(asked.settings.direct)))
    return paths


def _read(source: Source, asked: Asked, totals: _Totals, progress: Progress) -> None:
    file = source.file
    columns = find(file, source.header, PATH_COLUMNS, asked.columns, "--{}-column")
    for batch in batches(source, columns, encoded=["path"]):
        won = numbers(batch, "conversions", least=0.0)
        lost = numbers(batch, "nulls", least=0.0) if "nulls" in columns else None
        value = numbers(batch, "value") if "value" in columns else None
        if lost is None and totals.has_nulls:
            raise ConfigurationError(f"{file}: no column of nulls, but another file has one")
        totals.add(batch, won, lost, value)
        progress.rows(batch.rows, "rows")


class _Totals:
    """Sums per distinct path text, in fixed point, so that no order of rows changes a digit."""

    def __init__(self) -> None:
        self.has_nulls = False
        self.only_zero_and_one = True
        self._has_value: bool | None = None
        self._texts: Any = arrow.texts([])
        self._limbs: dict[str, Int] = {
            name: np.zeros((3, 0), dtype=np.int64) for name in ("won", "lost", "zero", "value")
        }

    def add(self, batch: Batch, won: Float, lost: Float | None, value: Float | None) -> None:
        if self._has_value not in (None, value is not None):
            raise ConfigurationError(f"{batch.source.file}: only some files have a value column")
        self._has_value = value is not None
        place = self._places(batch)
        self.has_nulls = self.has_nulls or lost is not None
        self.only_zero_and_one &= bool(np.isin(won, (0.0, 1.0)).all())
        self._into("won", place, won, batch, "conversions")
        if lost is not None:
            self._into("lost", place, lost, batch, "nulls")
        else:
            self._into("zero", place, (won == 0).astype(np.float64), batch, "conversions")
        if value is not None:
            self._into("value", place, value, batch, "value")

    def result(self) -> tuple[Any, Float, Float, Float | None]:
        """Path texts with conversions, nulls and value; zeros are nulls where nothing else says."""
        lost = "lost" if self.has_nulls else "zero"
        nulls = _joined(self._limbs[lost])
        if not self.has_nulls and not self.only_zero_and_one:
            nulls = np.zeros(len(self._texts))
        value = _joined(self._limbs["value"]) if self._has_value else None
        return self._texts, _joined(self._limbs["won"]), nulls, value

    def _places(self, batch: Batch) -> Int:
        """Each row's place among the distinct texts, which grow by the new ones."""
        column = batch.columns["path"]
        if not pa.types.is_dictionary(column.type):
            if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
                raise ConfigurationError(
                    f"{batch.source.file}: column path holds {column.type}, not text"
                )
            column = pc.dictionary_encode(column)
        codes = arrow.filled(column.indices, len(column.dictionary))
        words = pa.concat_arrays([pc.cast(column.dictionary, pa.string()), arrow.texts([""])])
        known = pc.index_in(words, value_set=self._texts)
        if known.null_count:
            fresh = pc.unique(words.filter(pc.is_null(known)))
            self._texts = pa.concat_arrays([self._texts, fresh])
            for name, limbs in self._limbs.items():
                self._limbs[name] = np.pad(limbs, ((0, 0), (0, len(fresh))))
            known = pc.index_in(words, value_set=self._texts)
        place: Int = arrow.values(known).astype(np.int64)[arrow.values(codes)]
        return place

    def _into(self, name: str, place: Int, values: Float, batch: Batch, column: str) -> None:
        if float(np.abs(values).max(initial=0.0)) >= _LARGEST:
            row = int(np.abs(values).argmax())
            where = line_of(batch.source, batch.first + row)
            raise ConfigurationError(f"{where}: {column} {values[row]} is too large")
        rest = values
        for limb in self._limbs[name]:
            whole = np.rint(rest)
            np.add.at(limb, place, whole.astype(np.int64))
            rest = (rest - whole) * _LIMB
            if not rest.any():
                break


def _joined(limbs: Int) -> Float:
    high, middle, low = (limb.astype(np.float64) for limb in limbs)
    total: Float = high + (middle / _LIMB + low / (_LIMB * _LIMB))
    return total


def _check_separator(asked: Asked, paths: Paths, progress: Progress) -> None:
    """A file whose channels are parted by something else is not misread."""
    longest, names = int(paths.sizes.max(initial=0)), paths.names
    if asked.separator:
        if longest == 1:
            progress.say(f"no path has {asked.separator!r}: each is one channel")
        return
    if longest > 1:
        cut = [name for name in names if name[-1] in "-="]
        mark = f"{cut[0][-1]}>" if len(cut) * 3 >= len(names) else ""
    else:
        having = {mark: sum(mark in name for name in names) for mark in _MARKS}
        mark = next((mark for mark, count in having.items() if count * 2 > len(names)), "")
    if mark:
        raise ConfigurationError(
            f"{asked.paths[0]}: most paths have {mark!r}: is that between the channels? "
            f"Say --separator '{mark}', or --separator '{_USUAL}'"
        )


def _split(texts: Any, separator: str, won: Float, lost: Float, value: Float | None) -> Paths:
    """Texts as codes of their channels; blanks and quotes around a name are not part of it."""
    split = pc.split_pattern(texts, separator)
    row = np.repeat(np.arange(len(texts)), np.diff(arrow.values(split.offsets)))
    encoded = pc.dictionary_encode(split.flatten())
    names, code = clean_names(encoded.dictionary.to_pylist())
    channel = code[arrow.values(encoded.indices)]
    full = channel >= 0
    sizes = np.bincount(row[full], minlength=len(texts))
    has = sizes > 0
    worth = np.zeros(len(texts)) if value is None else np.where(won > 0, value, 0.0)
    return Paths(
        names=names,
        channel=channel[full],
        offsets=np.r_[0, np.cumsum(sizes[has])],
        conversions=won[has],
        nulls=lost[has],
        value=None if value is None else worth[has],
        unattributed_conversions=sums.total(won[~has]),
        unattributed_value=sums.total(worth[~has]),
    )


def clean_names(words: Sequence[str]) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
    """Sorted channel names, and each word's code among them; -1 for one that is empty."""
    clean = [_unquoted(word.strip()) for word in words]
    names = tuple(sorted({word for word in clean if word}))
    code = {name: place for place, name in enumerate(names)}
    return names, np.array([code.get(word, -1) for word in clean], dtype=np.int32)


def _unquoted(word: str) -> str:
    if len(word) >= 2 and word[0] == word[-1] == '"':
        return word[1:-1].strip()
    return word
