"""Reads files line by line: CSV (plain or gzip) and flat Parquet become lists of text.

Nothing is held whole in memory. A line that is not a record (wrong number of fields, broken quotes,
bytes that are not text) comes out as Broken, and reading goes on with the next line.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from tributary.connectors.files.mapping import FileSpec
from tributary.errors import ConfigurationError, VendorUnavailable

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz", ".parquet")
_PARQUET_BATCH = 5_000


@dataclass(frozen=True)
class Broken:
    """A line that could not be split into fields."""

    reason: str
    text: str


# (number of the record's first line in the file, the header being line 1; its fields)
Record = tuple[int, list[str] | Broken]


def data_files(folder: Path) -> list[Path]:
    """The data files below `folder`, sorted; hidden ones and those still being written left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.name.lower().endswith(SUFFIXES)
        and path.is_file()
        and not any(part.startswith((".", "~")) for part in path.relative_to(folder).parts)
    )


def is_parquet(path: Path) -> bool:
    return path.name.lower().endswith(".parquet")


def digest(path: Path) -> str:
    """SHA-256 of the file's bytes, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def unchanging(path: Path) -> Iterator[None]:
    """Raise VendorUnavailable if the file is rewritten, cut off or removed while we read it."""
    try:
        before = path.stat()
        yield
        after = path.stat()
    except (EOFError, gzip.BadGzipFile, zlib.error, FileNotFoundError) as error:
        raise VendorUnavailable(
            f"{path.name} cannot be read to its end ({error}); it may still be being copied."
            " Nothing of it was taken; try again when it is complete."
        ) from error
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror or error}") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise VendorUnavailable(
            f"{path.name} changed while it was read; nothing of it was taken. Try again."
        )


def header(path: Path, spec: FileSpec) -> list[str]:
    """The column names of a file."""
    if is_parquet(path):
        return [str(name) for name in _parquet(path).schema_arrow.names]
    with _open(path, spec.encoding) as file:
        return _header(file, path, spec.delimiter)


def first_line(path: Path, encoding: str = "utf-8-sig") -> str:
    """The first line of a text file, for guessing what it is."""
    with _open(path, encoding) as file:
        return file.readline(100_000).rstrip("\r\n")


def records(path: Path, spec: FileSpec) -> Iterator[Record]:
    """Every line after the header, in order."""
    if is_parquet(path):
        yield from _parquet_records(path)
        return
    with _open(path, spec.encoding) as file:
        width = len(_header(file, path, spec.delimiter))
        yield from _csv_records(file, width, spec.delimiter)


def _open(path: Path, encoding: str) -> TextIO:
    """Undecodable bytes become lone surrogates, so that only their line is lost."""
    try:
        if path.name.lower().endswith(".gz"):
            return gzip.open(path, "rt", encoding=encoding, errors="surrogateescape", newline="")
        return path.open(encoding=encoding, errors="surrogateescape", newline="")
    except LookupError as error:
        raise ConfigurationError(f"{path.name}: encoding {encoding!r} is not known") from error


def _header(file: TextIO, path: Path, delimiter: str) -> list[str]:
    line = file.readline()
    try:
        names = [n.strip() for n in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        names = []
    if not any(names):
        raise ConfigurationError(f"{path.name}: the first line holds no column names")
    return names


def _csv_records(file: TextIO, width: int, delimiter: str) -> Iterator[Record]:
    """Records of a CSV. A quote that is never closed swallows lines: they are given back and read
    again one by one, so that one broken line costs one line."""
    pending: deque[str] = deque()
    taken: list[str] = []
    # A fast reader takes lines through this generator, which remembers what the record is made of.
    number = 2

    def lines() -> Iterator[str]:
        while True:
            line = pending.popleft() if pending else file.readline()
            if not line:
                return
            taken.append(line)
            yield line

    while True:
        reader = csv.reader(lines(), delimiter=delimiter, strict=True)
        try:
            for fields in reader:
                count = len(taken)
                if len(fields) == width or not fields:
                    if fields:
                        yield number, _text_problem(taken) or fields
                    taken.clear()
                    number += count
                    continue
                raise csv.Error(f"{len(fields)} fields where the header has {width}")
            return
        except csv.Error as error:
            first, rest = taken[0], taken[1:]
            taken.clear()
            pending.extendleft(reversed(rest))
            yield number, Broken(f"the line cannot be split: {error}", first.rstrip("\r\n"))
            number += 1


def _text_problem(lines: list[str]) -> Broken | None:
    for line in lines:
        if line.isascii() and "\x00" not in line:
            continue
        try:
            line.encode()
        except UnicodeEncodeError:
            return Broken("bytes that are not text in the file's encoding", _shown(lines))
        if "\x00" in line:
            return Broken("a NUL character, which text cannot hold", _shown(lines))
    return None


def _shown(lines: list[str]) -> str:
    text = "".join(lines).rstrip("\r\n")
    return text.encode(errors="backslashreplace").decode().replace("\x00", "\\x00")


def _parquet(path: Path) -> Any:
    import pyarrow
    import pyarrow.parquet

    try:
        return pyarrow.parquet.ParquetFile(path)
    except pyarrow.ArrowInvalid as error:
        raise VendorUnavailable(
            f"{path.name} is not a complete Parquet file ({error}); it may still be being copied."
        ) from error


def _parquet_records(path: Path) -> Iterator[Record]:
    number = 1
    with _parquet(path) as file:
        for batch in file.iter_batches(_PARQUET_BATCH):
            columns = [column.to_pylist() for column in batch.columns]
            for row in zip(*columns, strict=True):
                number += 1
                yield number, [_as_text(value) for value in row]


def parquet_batches(path: Path, columns: list[str]) -> Iterator[Any]:
    """Record batches of the top-level `columns` that the file has."""
    with _parquet(path) as file:
        have = set(file.schema_arrow.names)
        yield from file.iter_batches(_PARQUET_BATCH, columns=[c for c in columns if c in have])


def _as_text(value: object) -> str:
    """A Parquet value as a CSV would hold it; a float keeps its shortest exact text."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return str(value)
