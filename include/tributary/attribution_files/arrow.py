"""Arrow from and to numpy without the calls of pyarrow that load pandas, which takes a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_EMPTY = b""


def numbers(array: npt.NDArray[Any]) -> Any:
    """The same memory as an Arrow array of numbers."""
    array = np.ascontiguousarray(array)
    kind = pa.from_numpy_dtype(array.dtype)
    return pa.Array.from_buffers(kind, len(array), [None, pa.py_buffer(array)])


def values(column: Any) -> npt.NDArray[Any]:
    """A column of numbers or truths without nulls as numpy's; its memory where that can be."""
    if isinstance(column, pa.ChunkedArray):
        parts = [values(chunk) for chunk in column.chunks]
        if len(parts) == 1:
            return parts[0]
        empty = np.zeros(0, dtype=column.type.to_pandas_dtype())
        return np.concatenate(parts) if parts else empty
    if pa.types.is_boolean(column.type):
        return values(pc.cast(column, pa.uint8())).view(np.bool_)
    if column.null_count:
        raise ValueError("a column with nulls has no numbers for them")
    kind = column.type.to_pandas_dtype()
    body = column.buffers()[1]
    if body is None:
        return np.zeros(len(column), dtype=kind)
    whole = np.frombuffer(body, dtype=kind, count=column.offset + len(column))
    return whole[column.offset :]


def texts(words: Sequence[str]) -> Any:
    """Texts, none of them null."""
    encoded = [value.encode() for value in words]
    ends = np.cumsum([0, *(len(value) for value in encoded)])
    wide = ends[-1] > np.iinfo(np.int32).max
    offsets = ends.astype(np.int64 if wide else np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(_EMPTY.join(encoded))]
    kind = pa.large_string() if wide else pa.string()
    return pa.Array.from_buffers(kind, len(encoded), buffers)


def filled(column: Any, value: float | str) -> Any:
    """The column with `value` where it is null."""
    if not column.null_count:
        return column
    one = texts([value]) if isinstance(value, str) else numbers(np.array([value]))
    return pc.fill_null(column, pc.cast(one, column.type)[0])


def table(columns: Mapping[str, Any], schema: Any = None) -> Any:
    """Columns of arrays of either kind as a table."""
    arrays = [
        numbers(column) if isinstance(column, np.ndarray) else column for column in columns.values()
    ]
    if schema is None:
        return pa.Table.from_arrays(arrays, names=list(columns))
    if list(columns) != schema.names:
        raise ValueError(f"the columns are {list(columns)}, the schema has {schema.names}")
    return pa.Table.from_arrays(arrays, schema=schema)
