"""The mapping YAML: what the files of a drop folder mean. Strict; errors name the file and field.

    name: my_shop
    timezone: Europe/Berlin        # of times without an offset; default: the account's
    currency: EUR                  # where no column says it; default: the account's
    lookback_days: 30              # how long a touch may earn credit; default: the installation's
    lookups:
      channel: {file: "channels*.csv", key: channel_id, value: channel}
    files:
      - match: ["orders*.csv", "orders*.csv.gz"]
        delimiter: ";"
        decimal: ","
        thousands: "."
        datetime: "%d.%m.%Y %H:%M"  # default iso; also unix, unix_ms, unix_us
        rows:
          - kind: order_line
            unless: {column: number, prefix: C}
            key: [number, line]     # no key: content hash of the line + occurrence number
            columns:
              order_id: number      # a column's name, or:
              gross_amount: {product: [quantity, unit_price]}
              currency_code: {constant: EUR}

One file may feed several kinds: one entry of `rows` each.
"""

from __future__ import annotations

import fnmatch
from functools import cache
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
import yaml

from tributary.connectors.files.kinds import KINDS, Kind
from tributary.errors import ConfigurationError

SHIPPED = Path(__file__).parent / "mappings"
KindName = Literal["touch", "order_line", "refund", "spend", "ga4_event"]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class Condition(_Strict, frozen=True):
    """True for lines whose `column` starts with `prefix`, or is one of `values`."""

    column: str
    prefix: str = ""
    values: tuple[str, ...] = ()


class Value(_Strict, frozen=True):
    """Where a field comes from: one of column, constant or product (of columns, exact).

    `lookup` translates the column's text, `default` stands in for an empty or unknown one,
    `negate` turns the sign of a number.
    """

    column: str = ""
    constant: str | int | float = ""
    product: tuple[str, ...] = ()
    lookup: str = ""
    default: str | None = None
    negate: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        return self.product or ((self.column,) if self.column else ())


class Lookup(_Strict, frozen=True):
    """A small file beside the data: text of column `key` -> text of column `value`."""

    file: str
    key: str
    value: str


class Rows(_Strict, frozen=True):
    """What (some of) a file's lines become."""

    kind: KindName
    columns: dict[str, str | Value] = {}
    key: tuple[str, ...] = ()
    when: Condition | None = None
    unless: Condition | None = None

    @property
    def type(self) -> Kind:
        return KINDS[self.kind]

    def values(self) -> dict[str, Value]:
        return {
            field: Value(column=value) if isinstance(value, str) else value
            for field, value in self.columns.items()
        }

    def used_columns(self) -> set[str]:
        used = {column for value in self.values().values() for column in value.columns}
        used |= {c.column for c in (self.when, self.unless) if c is not None}
        return used | set(self.key)


class FileSpec(_Strict, frozen=True):
    """One kind of file: which names (`match`) and how it is written.

    `headers`: a shipped mapping takes a file only if all these columns are in its header.
    `ignored_referrers`: hosts that never are a source of a GA4 visit (payment pages).
    """

    rows: tuple[Rows, ...]
    match: tuple[str, ...] = ("*",)
    headers: tuple[str, ...] = ()
    delimiter: str = ","
    encoding: str = "utf-8-sig"
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""
    datetime: str = "iso"
    timezone: str = ""
    currency: str = ""
    lookback_days: int | None = None
    ignored_referrers: tuple[str, ...] = ()

    def used_columns(self) -> set[str]:
        return {column for rows in self.rows for column in rows.used_columns()}

    def takes(self, name: str) -> bool:
        """Does `match` take this path (relative to the folder), or its last part?"""
        base = name.rsplit("/", 1)[-1]
        return any(fnmatch.fnmatch(n, pattern) for pattern in self.match for n in (name, base))


class Mapping(_Strict, frozen=True):
    """One mapping file."""

    name: str
    files: tuple[FileSpec, ...]
    title: str = ""
    timezone: str = ""
    currency: str = ""
    lookback_days: int | None = None
    lookups: dict[str, Lookup] = {}
    ignore: tuple[str, ...] = ()


def load(path: Path) -> Mapping:
    """Read and check a mapping; ConfigurationError names the file and the field."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"cannot read the mapping {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the mapping {path} is not valid YAML: {error}") from error
    if isinstance(raw, dict):
        raw.setdefault("name", path.stem)
    try:
        mapping = msgspec.convert(raw, Mapping)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"the mapping {path}: {error}") from error
    for problem in _problems(mapping):
        raise ConfigurationError(f"the mapping {path}: {problem}")
    return mapping


@cache
def shipped() -> dict[str, Mapping]:
    """The mappings that come with the connector, by name."""
    return {path.stem: load(path) for path in sorted(SHIPPED.glob("*.yml"))}


def _problems(mapping: Mapping) -> list[str]:
    problems = _zone_problems("timezone", mapping.timezone)
    if not mapping.files:
        problems.append("files: is empty; name at least one file")
    for i, spec in enumerate(mapping.files):
        problems += _zone_problems(f"files[{i}].timezone", spec.timezone)
        if not spec.rows:
            problems.append(f"files[{i}].rows: is empty; say what the lines become")
        if len(spec.delimiter) != 1:
            problems.append(f"files[{i}].delimiter: must be one character")
        if spec.decimal == spec.thousands:
            problems.append(f"files[{i}].thousands: is the same as decimal")
        for j, rows in enumerate(spec.rows):
            where = f"files[{i}].rows[{j}]"
            problems += [f"{where}.{p}" for p in _row_problems(rows, mapping)]
        kinds = [rows.kind for rows in spec.rows]
        if len(kinds) != len(set(kinds)):
            problems.append(f"files[{i}].rows: a kind is there twice; use one entry per kind")
    return problems


def _zone_problems(where: str, zone: str) -> list[str]:
    try:
        ZoneInfo(zone or "UTC")
    except (ValueError, OSError, KeyError):
        return [f"{where}: {zone!r} is not a time zone; write it like Europe/Berlin"]
    return []


def _row_problems(rows: Rows, mapping: Mapping) -> list[str]:
    kind, problems = rows.type, list[str]()
    if rows.kind == "ga4_event":
        return ["columns: ga4_event has a fixed shape; leave them out"] if rows.columns else []
    known = ", ".join(f.name for f in kind.fields)
    for field, value in rows.values().items():
        if kind.field(field) is None:
            problems.append(f"columns.{field}: {rows.kind} has no such field; it has {known}")
        given = [bool(value.column), value.constant != "", bool(value.product)]
        if sum(given) != 1:
            problems.append(f"columns.{field}: give exactly one of column, constant, product")
        if value.lookup and value.lookup not in mapping.lookups:
            problems.append(f"columns.{field}.lookup: {value.lookup!r} is not under lookups")
    for missing in kind.fields:
        if missing.required and missing.name not in rows.columns:
            problems.append(f"columns.{missing.name}: is required for {rows.kind}")
    for which in ("when", "unless"):
        condition: Condition | None = getattr(rows, which)
        if condition is not None and bool(condition.prefix) == bool(condition.values):
            problems.append(f"{which}: give either prefix or values")
    return problems
