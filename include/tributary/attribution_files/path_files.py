"""Path files -> Paths: equal paths are added up as they are read, whatever their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tributary.attribution import Paths, collapse, sums, transformed
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
_SUMMED = ("won", "lost", "zero", "value")
_WAITING = 1 << 20
_TEXT = pa.large_string()  # more than 2 GB of them
_LIMBS, _LIMB = 3, 2.0**32
_LARGEST = 2.0**52


def read_paths(asked: Asked, progress: Progress) -> Paths:
    """All path files as one; touches leave where that was asked for."""
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
    direct = paths.direct(asked.settings.direct)
    transform = "unique" if asked.transform == "frequency" else asked.transform
    return collapse(transformed(paths, direct, asked.direct or "as-any", transform))


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
    """Sums per distinct path text, in fixed point, so that no order of rows changes a digit.

    Each batch's texts are kept as they come and added up when they are as many as those known, so
    that a file of n different paths costs n log n.
    """

    def __init__(self) -> None:
        self.has_nulls = False
        self.only_zero_and_one = True
        self._has_value: bool | None = None
        self._texts: list[Any] = []
        self._limbs: dict[str, list[Int]] = {name: [] for name in _SUMMED}
        self._known = self._waiting = 0

    def add(self, batch: Batch, won: Float, lost: Float | None, value: Float | None) -> None:
        if self._has_value not in (None, value is not None):
            raise ConfigurationError(f"{batch.source.file}: only some files have a value column")
        self._has_value = value is not None
        self.has_nulls = self.has_nulls or lost is not None
        self.only_zero_and_one &= bool(np.isin(won, (0.0, 1.0)).all())
        texts, place = _texts(batch)
        nothing = np.zeros(0)
        columns = {
            "won": (won, "conversions"),
            "lost": (nothing if lost is None else lost, "nulls"),
            "zero": ((won == 0).astype(np.float64) if lost is None else nothing, "conversions"),
            "value": (nothing if value is None else value, "value"),
        }
        for name, (values, column) in columns.items():
            self._limbs[name].append(_limbs(place, values, len(texts), batch, column))
        self._texts.append(texts)
        self._waiting += len(texts)
        if self._waiting > max(self._known, _WAITING):
            self._merge()

    def result(self) -> tuple[Any, Float, Float, Float | None]:
        """Path texts with conversions, nulls and value; zeros are nulls where nothing else says."""
        if not self._texts:
            return arrow.texts([]), np.zeros(0), np.zeros(0), None
        self._merge()
        lost = "lost" if self.has_nulls else "zero"
        sums = {name: _joined(limbs[0]) for name, limbs in self._limbs.items()}
        nulls = sums[lost]
        if not self.has_nulls and not self.only_zero_and_one:
            nulls = np.zeros(len(nulls))
        return self._texts[0], sums["won"], nulls, sums["value"] if self._has_value else None

    def _merge(self) -> None:
        """What waits joins what is known: one entry per text."""
        if len(self._texts) > 1:
            encoded = pc.dictionary_encode(pa.chunked_array(self._texts)).combine_chunks()
            place = arrow.values(encoded.indices)
            self._texts = [encoded.dictionary]
            for name, limbs in self._limbs.items():
                added = np.zeros((_LIMBS, len(encoded.dictionary)), dtype=np.int64)
                for limb, parts in zip(added, np.concatenate(limbs, axis=1), strict=True):
                    if parts.any():
                        np.add.at(limb, place, parts)
                self._limbs[name] = [added]
        self._known, self._waiting = len(self._texts[0]), 0


def _texts(batch: Batch) -> tuple[Any, Int]:
    """The different texts of a batch's paths, and each row's place among them."""
    column = batch.columns["path"]
    if not pa.types.is_dictionary(column.type):
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            raise ConfigurationError(
                f"{batch.source.file}: column path holds {column.type}, not text"
            )
        column = pc.dictionary_encode(column)
    texts = pc.cast(column.dictionary, _TEXT)
    place = arrow.values(arrow.filled(column.indices, len(texts))).astype(np.int64)
    return pa.concat_arrays([texts, pc.cast(arrow.texts([""]), _TEXT)]), place


def _limbs(place: Int, values: Float, size: int, batch: Batch, column: str) -> Int:
    """Sums per place as whole numbers, 2^-32 and 2^-64."""
    limbs = np.zeros((_LIMBS, size), dtype=np.int64)
    if float(np.abs(values).max(initial=0.0)) >= _LARGEST:
        row = int(np.abs(values).argmax())
        where = line_of(batch.source, batch.first + row)
        raise ConfigurationError(f"{where}: {column} {values[row]} is too large")
    rest = values
    for limb in limbs:
        if not rest.any():
            break
        whole = np.rint(rest)
        np.add.at(limb, place, whole.astype(np.int64))
        rest = (rest - whole) * _LIMB
    return limbs


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
