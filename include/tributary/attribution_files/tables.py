"""Reads the wanted columns of CSV, CSV.gz and Parquet files batch by batch, as Arrow."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TextIO

import pyarrow as pa

from tributary.errors import ConfigurationError

_BLOCK_BYTES = 16 << 20
_BATCH_ROWS = 1 << 20
_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Source:
    """One file: its columns, and how to read it."""

    file: Path
    header: tuple[str, ...]
    delimiter: str | None

    @property
    def is_parquet(self) -> bool:
        return self.delimiter is None


@dataclass(frozen=True)
class Batch:
    """Some rows of a source; `first` is the number of those before it."""

    source: Source
    first: int
    columns: dict[str, Any]
    rows: int


def open_source(file: Path) -> Source:
    """The file's columns; ConfigurationError where it is not there or no table."""
    try:
        with file.open("rb") as stream:
            magic = stream.read(4)
        if magic == b"PAR1":
            import pyarrow.parquet as parquet

            return Source(file, tuple(parquet.read_schema(file).names), None)
        with _text(file) as lines:
            first = lines.readline()
    except (OSError, EOFError, UnicodeDecodeError, pa.ArrowInvalid) as error:
        raise _unreadable(file, error) from error
    if not first.strip():
        raise ConfigurationError(f"{file} is empty: the first line must name the columns")
    delimiter = max(_DELIMITERS, key=first.count)
    header = next(csv.reader([first], delimiter=delimiter))
    return Source(file, tuple(header), delimiter)


def batches(source: Source, columns: dict[str, str], encoded: Sequence[str]) -> Iterator[Batch]:
    """The columns by wanted name. A CSV's are texts; texts in `encoded` are dictionaries."""
    first = 0
    read = _parquet if source.is_parquet else _csv
    reader = read(source, columns, encoded)
    try:
        for batch in reader:
            found = {
                wanted: _plain(source, name, batch.column(name), wanted in encoded)
                for wanted, name in columns.items()
            }
            yield Batch(source, first, found, batch.num_rows)
            first += batch.num_rows
    except (pa.ArrowInvalid, OSError, EOFError) as error:
        _refuse(source, error)


def line_of(source: Source, row: int) -> str:
    """Where a row is, for people: the line of a CSV, the row of a Parquet file."""
    if source.is_parquet:
        return f"{source.file} row {row + 1}"
    with _text(source.file) as lines:
        reader = csv.reader(lines, delimiter=source.delimiter or ",")
        next(reader)
        seen = 0
        for record in reader:
            if record:
                if seen == row:
                    return f"{source.file} line {reader.line_num}"
                seen += 1
    return f"{source.file} row {row + 1}"


def _plain(source: Source, name: str, column: Any, keep_codes: bool) -> Any:
    """All kinds of text as one; a dictionary only where it is asked for."""
    kind = column.type
    if pa.types.is_nested(kind):
        raise ConfigurationError(
            f"{source.file}: column {name!r} holds {kind}, not a value: write it as a column"
        )
    if pa.types.is_dictionary(kind):
        return column if keep_codes else _plain(source, name, column.dictionary_decode(), False)
    is_text = pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if is_text or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return column.cast(pa.string())
    return column


def _parquet(source: Source, columns: dict[str, str], encoded: Sequence[str]) -> Iterator[Any]:
    import pyarrow.parquet as parquet

    names = list(dict.fromkeys(columns.values()))
    schema = parquet.read_schema(source.file)
    # Texts are mostly stored as codes, and read as such in a third of the time.
    coded = {columns[wanted] for wanted in encoded if wanted in columns}
    texts = [name for name in coded if pa.types.is_string(schema.field(name).type)]
    with parquet.ParquetFile(source.file, read_dictionary=sorted(texts), pre_buffer=True) as file:
        yield from file.iter_batches(_BATCH_ROWS, columns=names)


def _csv(source: Source, columns: dict[str, str], encoded: Sequence[str]) -> Iterator[Any]:
    from pyarrow import csv as arrow_csv

    names = list(dict.fromkeys(columns.values()))
    code = {columns[wanted] for wanted in encoded if wanted in columns}
    types = {
        name: pa.dictionary(pa.int32(), pa.string()) if name in code else pa.string()
        for name in names
    }
    with pa.input_stream(str(source.file), compression="detect") as stream:
        reader = arrow_csv.open_csv(
            stream,
            read_options=arrow_csv.ReadOptions(block_size=_BLOCK_BYTES),
            parse_options=arrow_csv.ParseOptions(
                delimiter=source.delimiter, newlines_in_values=True
            ),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=names,
                column_types=types,
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
        yield from reader


def _text(file: Path) -> TextIO:
    with file.open("rb") as stream:
        zipped = stream.read(2) == b"\x1f\x8b"
    if zipped:
        return io.TextIOWrapper(gzip.open(file), encoding="utf-8-sig", newline="")
    return file.open(encoding="utf-8-sig", newline="")


def _refuse(source: Source, error: Exception) -> NoReturn:
    """Says which line broke the reader, where a slow second look can find it."""
    if source.is_parquet:
        raise _unreadable(source.file, error) from error
    try:
        with _text(source.file) as lines:
            reader = csv.reader(lines, delimiter=source.delimiter or ",")
            width = len(next(reader))
            for record in reader:
                if record and len(record) != width:
                    raise ConfigurationError(
                        f"{source.file} line {reader.line_num}: {len(record)} fields, the header "
                        f"has {width}; put a field that contains {source.delimiter!r} in quotes"
                    ) from error
    except (csv.Error, OSError, EOFError, UnicodeDecodeError) as second:
        raise _unreadable(source.file, second) from error
    raise _unreadable(source.file, error) from error


def _unreadable(file: Path, error: Exception) -> ConfigurationError:
    if isinstance(error, FileNotFoundError):
        return ConfigurationError(f"{file} is not there")
    if isinstance(error, IsADirectoryError):
        return ConfigurationError(f"{file} is a folder: name the files in it")
    if isinstance(error, UnicodeDecodeError) or "UTF8" in str(error):
        return ConfigurationError(f"{file} is not UTF-8 text: save it as UTF-8, or as Parquet")
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return ConfigurationError(f"{file} cannot be read: {reason}")
