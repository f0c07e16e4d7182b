"""Extraction of one stream: every file that feeds it and is not landed in this version yet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from tributary.connectors.files import ga4, reader
from tributary.connectors.files.convert import (
    Context,
    Fields,
    compile_condition,
    compile_key,
    compile_row,
)
from tributary.connectors.files.mapping import FileSpec, Rows
from tributary.connectors.files.recognise import Planned, lookup_file, plan
from tributary.connectors.shared.values import BadValue
from tributary.connectors.spec import FileVersion, Page, Rejected, Request
from tributary.errors import ConfigurationError, SchemaDrift
from tributary.settings import Account

PAGE = 5_000
_LOOKUP_LINES = 100_000
_SHOWN = 2_000
_HOPELESS = 100
# Part of every content hash: raise it when the same bytes give other rows.
_VERSION = 1


def extract(kind: str, request: Request) -> Iterator[Page]:
    """Pages of the files of the account's folder that feed `kind`.

    Files are versioned by content, so the window chooses nothing: a new or changed file is read
    whole, whatever days it holds; a known one not at all. A file that vanished keeps its rows.
    """
    options = dict(request.account.options)
    planned = plan(options)
    folder = Path(options["folder"]).expanduser()
    for file in planned:
        for i, rows in enumerate(file.spec.rows):
            if rows.kind != kind:
                continue
            with reader.unchanging(file.path):
                version = FileVersion(file.name, _content_hash(folder, file, request.account))
                if request.known_files.get(file.name) != version.content_hash:
                    yield from _pages(folder, file, i, request, version)


def _pages(
    folder: Path, file: Planned, index: int, request: Request, version: FileVersion
) -> Iterator[Page]:
    context = context_of(folder, file, request.account)
    out = _Output(version)
    rows = file.spec.rows[index]
    if rows.kind == "ga4_event":
        for batch in ga4.events(file.path, context):
            out.take_events(batch)
            yield out.page()
    else:
        for _ in _convert(file, context, index, out):
            yield out.page()
    yield out.page(complete=True)


def _content_hash(folder: Path, file: Planned, account: Account) -> str:
    """Of the bytes, what the mapping makes of them, and the lookups used."""
    spec, mapping = _resolved(file, account), file.mapping
    used = {v.lookup for rows in spec.rows for v in rows.values().values() if v.lookup}
    parts = [
        str(_VERSION),
        reader.digest(file.path),
        msgspec.json.encode(spec).decode(),
        account.timezone,
        repr([key_space(file, rows.kind) for rows in spec.rows]),
        *(reader.digest(lookup_file(folder, mapping.lookups[name])) for name in sorted(used)),
        *(repr(mapping.lookups[name]) for name in sorted(used)),
    ]
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


def _resolved(file: Planned, account: Account) -> FileSpec:
    """The file's entry with the mapping's and the account's defaults filled in. What only says
    which file it is stays out: another pattern is not another content.
    """
    spec, mapping = file.spec, file.mapping
    return msgspec.structs.replace(
        spec,
        match=(),
        headers=(),
        timezone=spec.timezone or mapping.timezone or account.timezone,
        currency=spec.currency or mapping.currency or account.currency,
        lookback_days=mapping.lookback_days if spec.lookback_days is None else spec.lookback_days,
    )


def key_space(file: Planned, kind: str) -> str:
    """Keys are unique within an entry of the mapping; a second entry of a kind gets a prefix, so
    that click 1 of one ad platform is not click 1 of another.
    """
    others = [s for s in file.mapping.files if any(rows.kind == kind for rows in s.rows)]
    return "" if others[0] is file.spec else f"{file.spec.match[0]}|"


def context_of(
    folder: Path, file: Planned, account: Account, columns: Sequence[str] = ()
) -> Context:
    """What the file's lines need; `columns` are those of its header unless they are given."""
    spec = _resolved(file, account)
    used = {v.lookup for rows in spec.rows for v in rows.values().values() if v.lookup}
    return Context(
        name=file.name,
        columns=tuple(columns or reader.header(file.path, spec)),
        spec=spec,
        zone=ZoneInfo(spec.timezone),
        account_zone=ZoneInfo(account.timezone),
        currency=spec.currency,
        lookback_days=spec.lookback_days,
        lookups={name: _read_lookup(folder, file, name) for name in used},
    )


def _read_lookup(folder: Path, file: Planned, name: str) -> dict[str, str]:
    lookup = file.mapping.lookups[name]
    path = lookup_file(folder, lookup)
    spec = msgspec.structs.replace(file.spec, delimiter=",")
    columns = reader.header(path, spec)
    try:
        key, value = columns.index(lookup.key), columns.index(lookup.value)
    except ValueError:
        raise SchemaDrift(
            f"{path.name} has no column {lookup.key!r} or {lookup.value!r}, which the lookup {name}"
            f" uses; it has {', '.join(columns)}."
        ) from None
    found: dict[str, str] = {}
    for number, record in reader.records(path, spec):
        if number > _LOOKUP_LINES:
            raise ConfigurationError(
                f"{path.name} is too long for a lookup ({_LOOKUP_LINES} lines)"
            )
        if isinstance(record, reader.Broken):
            raise ConfigurationError(f"{path.name} line {number}: {record.reason}")
        found[record[key].strip()] = record[value].strip()
    return found


class _Output:
    """Collects rows, rejects and counts of one file, and hands them out as pages."""

    def __init__(self, version: FileVersion) -> None:
        self._version = version
        self.rows: list[tuple[Any, ...]] = []
        self.rejected: list[Rejected] = []
        self._lines = 0
        self._seen: set[bytes] = set()
        self._repeated: dict[bytes, int] = {}
        self._duplicates = 0

    def add(self, row: tuple[Any, ...]) -> None:
        self.rows.append(row)

    def reject(self, number: int, reason: str, payload: str) -> None:
        where = f"{self._version.name} line {number}"
        self.rejected.append(Rejected(str(number), where, reason, payload[:_SHOWN]))

    def occurrence(self, key: str) -> int:
        """How often this key has come before in the file; counted as duplicates. About 100 bytes
        of memory per line."""
        mark = hashlib.blake2b(key.encode(), digest_size=10).digest()
        if mark not in self._seen:
            self._seen.add(mark)
            return 0
        self._duplicates += 1
        self._repeated[mark] = self._repeated.get(mark, 0) + 1
        return self._repeated[mark]

    def take_events(self, batch: Iterable[tuple[int, Any]]) -> None:
        for number, row in batch:
            if isinstance(row, BadValue):
                self.reject(number, row.args[0], row.args[1])
            else:
                self.occurrence(row[0])
                self.add(row)

    def page(self, complete: bool = False) -> Page:
        rows, rejected, self.rows, self.rejected = self.rows, self.rejected, [], []
        if rejected and self._lines == 0 and not rows and len(rejected) >= _HOPELESS:
            raise SchemaDrift(
                f"{self._version.name}: none of its first {len(rejected)} lines fits the mapping:"
                f" not the lines are wrong but the mapping. The first: {rejected[0].reason}"
            )
        self._lines += len(rows) + len(rejected)
        version = self._version
        if complete:
            version = replace(
                version, complete=True, lines=self._lines, duplicates=self._duplicates
            )
        return Page(rows=rows, rejected=rejected, file=version)


@dataclass(frozen=True)
class Compiled:
    belongs: Callable[[Fields], bool]
    row: Callable[[Fields], tuple[Any, ...]]
    key: Callable[[Fields], str] | None
    used: tuple[int, ...]


def compile_rows(context: Context, rows: Rows) -> Compiled:
    try:
        return Compiled(
            compile_condition(context, rows),
            compile_row(context, rows),
            compile_key(context, rows.key) if rows.key else None,
            tuple(sorted(context.columns.index(c) for c in rows.used_columns())),
        )
    except BadValue as error:
        raise ConfigurationError(f"{context.name}: the mapping's constant: {error}") from error


def _convert(file: Planned, context: Context, index: int, out: _Output) -> Iterator[None]:
    """Fill `out`; yields whenever a page is full. Broken lines belong to the file's first rows."""
    rows = file.spec.rows[index]
    compiled, space = compile_rows(context, rows), key_space(file, rows.kind)
    belongs, to_row, to_key = compiled.belongs, compiled.row, compiled.key
    for number, fields in reader.records(file.path, context.spec):
        if isinstance(fields, reader.Broken):
            if index == 0:
                out.reject(number, fields.reason, fields.text)
        elif belongs(fields):
            try:
                row = to_row(fields)
            except BadValue as error:
                out.reject(number, str(error), _payload(context, compiled.used, fields))
            else:
                if to_key is not None:
                    key = to_key(fields)
                    out.occurrence(key)
                else:
                    key = _content_key(fields, out)
                out.add((space + key, *row))
        if len(out.rows) + len(out.rejected) >= PAGE:
            yield


def _content_key(fields: Fields, out: _Output) -> str:
    """The line's content hash, and which occurrence of it this is when it is not the first."""
    line = "\x1f".join(fields)
    key = hashlib.blake2b(line.encode(), digest_size=12).hexdigest()
    before = out.occurrence(line)
    return f"{key}-{before + 1}" if before else key


def _payload(context: Context, used: tuple[int, ...], fields: Fields) -> str:
    """The columns the mapping uses; other columns may hold what we have no business keeping."""
    return msgspec.json.encode({context.columns[i]: fields[i] for i in used}).decode()
