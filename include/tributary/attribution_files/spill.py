"""Events too many for memory, parted by person into files on disk and read back part by part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tributary.attribution_files import arrow

# Events are held in memory up to here (about 40 bytes each while they are sorted).
ROWS_IN_MEMORY = 24_000_000
_PARTS = 64
_PRIME = np.uint64(0x9E3779B97F4A7C15)


class Parts:
    """Tables of one kind of event: in memory while they are few, then on disk by person."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._held: list[Any] = []
        self._writers: list[Any] = []
        self._rows = 0

    def add(self, table: Any) -> None:
        """More rows; `user_id` is a column of texts or of whole numbers."""
        self._rows += table.num_rows
        self._held.append(table)
        if self._writers or self._rows > ROWS_IN_MEMORY:
            self.to_disk()

    @property
    def is_on_disk(self) -> bool:
        return bool(self._writers)

    def to_disk(self) -> None:
        """Write what is held to its parts' files."""
        for table in self._held:
            part = part_of(table.column("user_id").combine_chunks(), _PARTS)
            order = np.argsort(part, kind="stable")
            ends = np.searchsorted(part[order], np.arange(_PARTS + 1))
            if not self._writers:
                self._writers = [
                    pa.ipc.new_file(self._file(number), table.schema) for number in range(_PARTS)
                ]
            for number, writer in enumerate(self._writers):
                rows = order[ends[number] : ends[number + 1]]
                if len(rows):
                    writer.write_table(table.take(arrow.numbers(rows)))
        self._held = []

    def read(self) -> Iterator[Any]:
        """The tables part by part; the same person is always in the same part."""
        if not self._writers:
            yield pa.concat_tables(self._held)
            return
        for writer in self._writers:
            writer.close()
        for number in range(_PARTS):
            with pa.memory_map(str(self._file(number))) as stream:
                yield pa.ipc.open_file(stream).read_all()

    def _file(self, number: int) -> Path:
        return self._folder / f"{self._name}-{number}.arrow"


def part_of(users: Any, parts: int) -> npt.NDArray[np.int64]:
    """A person's part, from nothing but the id itself."""
    if pa.types.is_integer(users.type):
        number = arrow.values(arrow.filled(users, 0)).astype(np.int64)
        mixed = number.view(np.uint64) * _PRIME
    else:
        mixed = text_hash(arrow.filled(users, ""))
    part: npt.NDArray[np.int64] = ((mixed >> np.uint64(40)) % np.uint64(parts)).astype(np.int64)
    return part


def text_hash(texts: Any) -> npt.NDArray[np.uint64]:
    """64 bits per text, the same wherever it stands; wraps on purpose."""
    if not len(texts):
        return np.zeros(0, dtype=np.uint64)
    texts = pc.cast(texts, pa.large_string())
    offsets = np.frombuffer(texts.buffers()[1], dtype=np.int64)
    offsets = offsets[texts.offset : texts.offset + len(texts) + 1]
    body = texts.buffers()[2]
    data = np.frombuffer(body or b"", dtype=np.uint8)[offsets[0] : offsets[-1]]
    lengths, starts = np.diff(offsets), offsets[:-1] - offsets[0]
    within = np.arange(len(data)) - np.repeat(starts, lengths)
    powers = np.cumprod(np.full(int(lengths.max()) + 1, _PRIME, dtype=np.uint64))
    hashed = lengths.astype(np.uint64)
    full = lengths > 0
    if full.any():
        mixed = (data.astype(np.uint64) + np.uint64(1)) * powers[within]
        hashed[full] += np.add.reduceat(mixed, starts[full])
    return hashed * _PRIME
