"""Columns of event files as whole numbers: people, names, and what tells equal events apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tributary.attribution_files import arrow
from tributary.attribution_files.spill import text_hash
from tributary.attribution_files.tables import Batch
from tributary.errors import ConfigurationError

Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


class Words:
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


def users(batch: Batch, kind: Any) -> Any:
    """The column user_id as texts or whole numbers; null where there is none."""
    column = batch.columns["user_id"]
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        column = _whole(batch, column)
    column = pc.cast(column, kind)
    if pa.types.is_string(column.type):
        column = pc.utf8_trim_whitespace(column)
        is_empty = pc.equal(pc.binary_length(column), arrow.numbers(np.zeros(1, np.int32))[0])
        column = pc.if_else(is_empty, pa.nulls(1, pa.string())[0], column)
    return column


def _whole(batch: Batch, column: Any) -> Any:
    """Ids that a nullable column of whole numbers turned into floats."""
    try:
        return pc.cast(column, pa.int64())
    except pa.ArrowInvalid as error:
        raise ConfigurationError(
            f"{batch.source.file}: user_id holds numbers that are not whole; write them as text"
        ) from error


def ties(column: Any) -> Int:
    """A number per id, 0 where there is none: equal ids have equal numbers."""
    if pa.types.is_integer(column.type):
        whole: Int = arrow.values(arrow.filled(column, 0)).astype(np.int64)
        return whole
    texts = pc.cast(column, pa.string())
    try:
        return ties(pc.cast(texts, pa.int64()))
    except pa.ArrowInvalid:
        return text_hash(arrow.filled(texts, "")).view(np.int64)


def people(users: Any, buyers: Any) -> tuple[Int, Int]:
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


def repeats(ids: Any, buyer: Int, at_us: Int, value: Any) -> tuple[Bool, int]:
    """Which conversions repeat another in all, id included; and how many only share an id."""
    encoded = pc.dictionary_encode(ids)
    code = arrow.values(arrow.filled(encoded.combine_chunks().indices, -1)).astype(np.int64)
    worth = np.zeros(len(code)) if value is None else value
    order = np.lexsort((worth, at_us, buyer, code))
    code = code[order]
    same_id = np.r_[False, (code[1:] == code[:-1]) & (code[1:] >= 0)]
    same = same_id.copy()
    for column in (buyer, at_us, worth):
        there = column[order]
        same[1:] &= there[1:] == there[:-1]
    found = np.zeros(len(code), dtype=np.bool_)
    found[order] = same
    return found, int((same_id & ~same).sum())
