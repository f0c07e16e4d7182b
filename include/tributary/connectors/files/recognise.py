"""Finds out what the files of a folder are: the folder's own mapping, else the shipped ones by
their headers, else an error that prints a mapping to start from.
"""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tributary.connectors.files import reader
from tributary.connectors.files.guess import draft
from tributary.connectors.files.mapping import FileSpec, Lookup, Mapping, load, shipped
from tributary.errors import ConfigurationError

OWN_MAPPINGS = ("mapping.yml", "mapping.yaml", "tributary.yml", "tributary.yaml")


@dataclass(frozen=True)
class Planned:
    """One data file and what it is. `name` is its path relative to the folder, with slashes."""

    path: Path
    name: str
    spec: FileSpec
    mapping: Mapping


@dataclass(frozen=True)
class Recognised:
    """A folder that can be loaded: the store settings that fit it.

    `options` are the options of a `files` account; `order_source` is event_export where only GA4
    events bring purchases.
    """

    title: str
    mappings: tuple[Mapping, ...]
    timezone: str
    currency: str
    order_source: Literal["shop", "event_export"]
    options: dict[str, str]
    files: tuple[str, ...]


def recognise(path: Path) -> Recognised:
    """What `path` (a folder, or one data file) holds.

    Raises ConfigurationError: no such folder, nothing to load, or a draft mapping for what is not
    known.
    """
    path = path.expanduser()
    options = {"folder": str(path.resolve())}
    if path.is_file():
        options = {"folder": str(path.resolve().parent), "files": path.name}
    planned = plan(options)
    mappings = tuple({id(p.mapping): p.mapping for p in planned}.values())
    kinds = {rows.kind for p in planned for rows in p.spec.rows}
    return Recognised(
        title=" and ".join(m.title or m.name for m in mappings),
        mappings=mappings,
        timezone=_only("timezone", [p.spec.timezone or p.mapping.timezone for p in planned], "UTC"),
        currency=_only(
            "currency",
            [p.spec.currency or p.mapping.currency for p in planned],
            _peeked_currency(planned),
        ),
        order_source=(
            "event_export" if "ga4_event" in kinds and "order_line" not in kinds else "shop"
        ),
        options=options,
        files=tuple(p.name for p in planned),
    )


def plan(options: dict[str, str]) -> list[Planned]:
    """Every data file of the folder with its mapping, from a files account's options.

    folder   where the files are
    mapping  a mapping file (relative to the folder), or the name of a shipped mapping; default: the
             folder's mapping.yml or tributary.yml, else shipped mappings by headers
    files    a pattern: only these files
    """
    folder = Path(options.get("folder", "")).expanduser()
    if not options.get("folder") or not folder.is_dir():
        raise ConfigurationError(
            f"the drop folder {options.get('folder', '')!r} does not exist. Create it, or correct"
            " `folder` of the files account in the stores file."
        )
    found = [(path, path.relative_to(folder).as_posix()) for path in reader.data_files(folder)]
    pattern = options.get("files", "")
    chosen = [(p, n) for p, n in found if not pattern or fnmatch.fnmatch(n, pattern)]
    if not chosen:
        raise ConfigurationError(
            f"{folder} holds no data files{f' like {pattern}' if pattern else ''}: put CSV,"
            " CSV.gz or Parquet files there."
        )
    mapping = own_mapping(folder, options.get("mapping", ""))
    return _by_name(folder, chosen, mapping) if mapping else _by_headers(folder, chosen)


def kinds_present(options: dict[str, str]) -> set[str]:
    """The kinds of rows that the files of an account hold."""
    return {rows.kind for planned in plan(options) for rows in planned.spec.rows}


def lookup_file(folder: Path, lookup: Lookup) -> Path:
    """The one file a lookup names, below the folder."""
    found = [
        p
        for p in reader.data_files(folder)
        if fnmatch.fnmatch(p.name, lookup.file)
        or fnmatch.fnmatch(p.relative_to(folder).as_posix(), lookup.file)
    ]
    if len(found) != 1:
        raise ConfigurationError(
            f"{folder}: {len(found)} files are like {lookup.file!r}, which the mapping uses as a"
            " lookup; there must be exactly one."
        )
    return found[0]


def own_mapping(folder: Path, option: str) -> Mapping | None:
    if option in shipped():
        return shipped()[option]
    if option:
        return load(folder / Path(option).expanduser())
    return next((load(folder / n) for n in OWN_MAPPINGS if (folder / n).is_file()), None)


def _by_name(folder: Path, files: list[tuple[Path, str]], mapping: Mapping) -> list[Planned]:
    planned, unknown = [], list[tuple[Path, str]]()
    for path, name in files:
        if _is_lookup(name, mapping) or any(_like(name, p) for p in mapping.ignore):
            continue
        spec = next((s for s in mapping.files if s.takes(name) and _has_headers(path, s)), None)
        if spec is None:
            unknown.append((path, name))
        else:
            planned.append(Planned(path, name, spec, mapping))
    if unknown:
        names = ", ".join(name for _, name in unknown)
        raise ConfigurationError(
            f"{folder}: no entry of the mapping {mapping.name} takes {names}. Add an entry under"
            " `files`, or list the files under `ignore`. A start:\n\n" + draft(unknown)
        )
    if not planned:
        raise ConfigurationError(f"{folder}: the mapping {mapping.name} takes none of the files")
    return planned


def _by_headers(folder: Path, files: list[tuple[Path, str]]) -> list[Planned]:
    planned, unknown = [], list[tuple[Path, str]]()
    for path, name in files:
        match = _shipped_match(path)
        if match is None:
            unknown.append((path, name))
        else:
            planned.append(Planned(path, name, match[0], match[1]))
    used = {id(p.mapping): p.mapping for p in planned}.values()
    unknown = [(p, n) for p, n in unknown if not any(_is_lookup(n, m) for m in used)]
    if unknown:
        raise ConfigurationError(
            f"{folder}: {', '.join(n for _, n in unknown)}: not known by its columns. Save this as"
            f" {folder / OWN_MAPPINGS[0]}, correct what is marked, and start again:\n\n"
            + draft(unknown, [p.mapping.name for p in planned])
        )
    if not planned:
        raise ConfigurationError(f"{folder} holds no data to load, only lookups")
    return planned


def _shipped_match(path: Path) -> tuple[FileSpec, Mapping] | None:
    """The shipped entry with the most of its columns in this file's header."""
    matches = [
        (len(spec.headers), spec, mapping)
        for mapping in shipped().values()
        for spec in mapping.files
        if spec.headers and _has_headers(path, spec)
    ]
    best = max(matches, key=lambda m: m[0], default=None)
    return (best[1], best[2]) if best else None


def _has_headers(path: Path, spec: FileSpec) -> bool:
    if not spec.headers:
        return True
    if any(rows.kind == "ga4_event" for rows in spec.rows) and not reader.is_parquet(path):
        return False
    with reader.unchanging(path):
        return set(spec.headers) <= set(reader.header(path, spec))


def _is_lookup(name: str, mapping: Mapping) -> bool:
    return any(_like(name, lookup.file) for lookup in mapping.lookups.values())


def _like(name: str, pattern: str) -> bool:
    return fnmatch.fnmatch(name, pattern) or fnmatch.fnmatch(name.rsplit("/", 1)[-1], pattern)


def _only(what: str, stated: list[str], default: str) -> str:
    values = sorted({value for value in stated if value})
    if len(values) > 1:
        raise ConfigurationError(
            f"the files state more than one {what} ({', '.join(values)}). Load them from different"
            f" folders, or write a mapping.yml that states one {what}."
        )
    return values[0] if values else default


def _peeked_currency(planned: list[Planned]) -> str:
    """The currency most lines at the start of the files state; USD where none does."""
    seen: Counter[str] = Counter()
    for p in planned:
        for rows in p.spec.rows:
            value = rows.values().get("currency_code")
            if value is None or not value.column or reader.is_parquet(p.path):
                continue
            place = reader.header(p.path, p.spec).index(value.column)
            for number, record in reader.records(p.path, p.spec):
                if number > 200:
                    break
                if not isinstance(record, reader.Broken):
                    seen[record[place].strip().upper()] += 1
    codes = [code for code, _ in seen.most_common() if re.fullmatch(r"[A-Z]{3}", code)]
    return codes[0] if codes else "USD"
