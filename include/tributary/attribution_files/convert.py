"""Columns of a batch as arrays of numbers and times; what does not fit is named with its line."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tributary.attribution_files import arrow
from tributary.attribution_files.tables import Batch, line_of
from tributary.errors import ConfigurationError

# `2026-08-01 14:30:00.000 +0200`, as some warehouses write it.
_OFFSET = re.compile(r" ([+-]\d\d:?\d\d)$")

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]

# Numbers as times: seconds, milliseconds, microseconds or nanoseconds since 1970, by their size.
_EPOCH_STEPS = ((1e11, 1_000_000.0), (1e14, 1_000.0), (1e17, 1.0), (float("inf"), 0.001))


def numbers(batch: Batch, name: str, least: float | None = None) -> Float:
    """A column of finite numbers; an empty field is 0."""
    column = batch.columns[name]
    if pa.types.is_string(column.type):
        column = _cast(batch, name, _trim(column), pa.float64(), _is_number, "no number")
    elif not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        column = _cast(batch, name, column, pa.float64(), _is_number, "no number")
    filled = arrow.filled(pc.cast(column, pa.float64(), safe=False), 0.0)
    values: Float = arrow.values(filled)
    bad = ~np.isfinite(values)
    if least is not None:
        bad |= values < least
    if bad.any():
        row = int(bad.argmax())
        reason = "below 0" if np.isfinite(values[row]) else "no number"
        raise _bad(batch, name, row, str(values[row]), reason)
    return values


def times(batch: Batch, name: str, zone: str) -> Int:
    """A column of times as microseconds UTC; `zone` is for those that do not say theirs."""
    column = batch.columns[name]
    if column.null_count:
        row = int(pc.index(pc.is_null(column), True).as_py())
        raise _bad(batch, name, row, "", "empty, but every event needs a time")
    kind = column.type
    if pa.types.is_string(kind):
        return _text_times(batch, name, _trim(column), zone)
    if pa.types.is_timestamp(kind):
        local = pc.cast(column, pa.timestamp("us", kind.tz), safe=False)
        return _micros(local if kind.tz else _in_zone(local, zone))
    if pa.types.is_date(kind):
        return _micros(_in_zone(pc.cast(column, pa.timestamp("us")), zone))
    return _epoch(arrow.values(pc.cast(column, pa.float64(), safe=False)))


def _text_times(batch: Batch, name: str, column: Any, zone: str) -> Int:
    """All with a zone, or all without, at once; a mixture or another form one by one."""
    for kind, local in ((pa.timestamp("us"), True), (pa.timestamp("us", "UTC"), False)):
        try:
            pc.cast(column[:1], kind)  # a cast that fails on all rows takes long
            parsed = pc.cast(column, kind)
        except pa.ArrowInvalid:
            continue
        return _micros(_in_zone(parsed, zone) if local else parsed)
    try:
        return _epoch(arrow.values(pc.cast(column, pa.float64())))
    except pa.ArrowInvalid:
        return _slow_times(batch, name, column, ZoneInfo(zone))


def _slow_times(batch: Batch, name: str, column: Any, zone: ZoneInfo) -> Int:
    found = np.empty(len(column), dtype=np.int64)
    for row, text in enumerate(column.to_pylist()):
        try:
            at = datetime.fromisoformat(_OFFSET.sub(r"\1", text.removesuffix(" UTC")))
        except ValueError:
            raise _bad(
                batch,
                name,
                row,
                text,
                "no time: write 2026-08-01 14:30:00, with Z or +02:00 or not",
            ) from None
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC if text.endswith(" UTC") else zone)
        since = at - datetime(1970, 1, 1, tzinfo=UTC)
        found[row] = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return found


def _in_zone(column: Any, zone: str) -> Any:
    """Local times in UTC: the earlier of an hour that comes twice, the later of one that does not
    come at all."""
    if zone == "UTC":
        return column
    return pc.assume_timezone(column, zone, ambiguous="earliest", nonexistent="latest")


def _micros(column: Any) -> Int:
    found: Int = arrow.values(pc.cast(column, pa.int64()))
    return found


def _epoch(values: Float) -> Int:
    largest = float(np.abs(values).max(initial=0.0))
    step = next(step for limit, step in _EPOCH_STEPS if largest < limit)
    return np.rint(values * step).astype(np.int64)


def _trim(column: Any) -> Any:
    return pc.utf8_trim_whitespace(column)


def _cast(
    batch: Batch, name: str, column: Any, kind: Any, fits: Callable[[Any], bool], reason: str
) -> Any:
    try:
        return pc.cast(column, kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        for row, text in enumerate(column.to_pylist()):
            if text is not None and not fits(text):
                raise _bad(batch, name, row, str(text), reason) from None
        raise


def _is_number(text: Any) -> bool:
    try:
        pc.cast(pa.array([text]), pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        return False
    return True


def _bad(batch: Batch, name: str, row: int, text: str, reason: str) -> ConfigurationError:
    where = line_of(batch.source, batch.first + row)
    what = f"{name} {text!r}" if text else name
    return ConfigurationError(f"{where}: {what} is {reason}")
