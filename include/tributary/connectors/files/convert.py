"""Compiles a mapping's `rows` for one file into a function from fields to a staging row.

Money stays exact: it is parsed from text into Decimal and never becomes a float.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from tributary.connectors.files.kinds import CURRENCY, EVIDENCE, LOOKBACK, Field
from tributary.connectors.files.mapping import Condition, FileSpec, Rows, Value
from tributary.connectors.shared import urls
from tributary.connectors.shared.values import (
    MOST_DIGITS,
    BadValue,
    click_key,
    email_key,
    person_key,
)
from tributary.errors import SchemaDrift

Fields = Sequence[str]
Getter = Callable[[Fields], Any]

_CACHE = 100_000
_FIRST_YEAR, _LAST_YEAR = 1970, 2200
_CURRENCY = re.compile(r"[A-Z]{3}")
_SPACED_ZONE = re.compile(r" (UTC|[+-]\d\d:?\d\d)$")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"unix": 1_000_000, "unix_ms": 1_000, "unix_us": 1}


@dataclass(frozen=True)
class Context:
    """What one file brings to its lines. `account_zone` decides the business day."""

    name: str
    columns: tuple[str, ...]
    spec: FileSpec
    zone: ZoneInfo
    account_zone: ZoneInfo
    currency: str
    lookback_days: int | None
    lookups: Mapping[str, Mapping[str, str]]


def compile_condition(context: Context, rows: Rows) -> Callable[[Fields], bool]:
    """Does a line belong to these rows?"""
    when = _condition(context, rows.when) if rows.when else None
    unless = _condition(context, rows.unless) if rows.unless else None
    if when is None and unless is None:
        return lambda fields: True
    return lambda fields: (when is None or when(fields)) and not (unless and unless(fields))


def compile_row(context: Context, rows: Rows) -> Callable[[Fields], tuple[Any, ...]]:
    """fields -> (business_date, staging columns...); raises BadValue."""
    kind, given = rows.type, rows.values()
    getters = [_getter(context, f, given.get(f.name, _silent(context, f))) for f in kind.fields]
    day_at = [f.name for f in kind.fields].index(kind.day)
    zone = context.account_zone
    if kind.field(kind.day).type == "day":  # type: ignore[union-attr]

        def row_of_day(fields: Fields) -> tuple[Any, ...]:
            values = [get(fields) for get in getters]
            return (values.pop(day_at), *values)

        return row_of_day

    days: dict[datetime, date] = {}

    def row(fields: Fields) -> tuple[Any, ...]:
        values = [get(fields) for get in getters]
        at = values[day_at]
        day = days.get(at)
        if day is None:
            if len(days) > _CACHE:
                days.clear()
            day = days[at] = at.astimezone(zone).date()
        return (day, *values)

    return row


def compile_key(context: Context, columns: Sequence[str]) -> Callable[[Fields], str]:
    """The row key's text; a backslash keeps different keys different."""
    places = [_place(context, column) for column in columns]
    if len(places) == 1:
        only = places[0]
        return lambda fields: fields[only].strip()
    return lambda fields: "|".join(
        fields[p].strip().replace("\\", "\\\\").replace("|", "\\|") for p in places
    )


def _silent(context: Context, field: Field) -> Value:
    """What a field the mapping does not name holds."""
    if field.name == CURRENCY:
        return Value(constant=context.currency)
    if field.name == LOOKBACK:
        return Value(constant="" if context.lookback_days is None else context.lookback_days)
    return Value(constant=field.default)


def _place(context: Context, column: str) -> int:
    try:
        return context.columns.index(column)
    except ValueError:
        raise SchemaDrift(
            f"{context.name} has no column {column!r}, which its mapping uses; it has"
            f" {', '.join(context.columns)}. Correct the mapping or the file."
        ) from None


def _condition(context: Context, condition: Condition) -> Callable[[Fields], bool]:
    place, prefix, values = _place(context, condition.column), condition.prefix, condition.values
    if prefix:
        return lambda fields: fields[place].startswith(prefix)
    return lambda fields: fields[place] in values


def _getter(context: Context, field: Field, value: Value) -> Getter:
    parse = _parser(context, field)
    if value.constant != "" or not value.columns:
        constant = parse(str(value.constant)) if str(value.constant) or not field.required else None
        return lambda fields: constant
    if value.product:
        return _product(context, field, value)
    text = _text(context, field, value)
    if value.negate:
        number = _number(context.spec)
        check = _checked(field)
        return lambda fields: check(-number(text(fields)))
    if not field.required:
        return lambda fields: parse(text(fields))
    column, name = value.column, field.name

    def get(fields: Fields) -> Any:
        found = text(fields)
        if found == "":
            raise BadValue(f"{name} is empty (column {column})")
        return parse(found)

    return get


def _text(context: Context, field: Field, value: Value) -> Callable[[Fields], str]:
    place, default = _place(context, value.column), value.default
    if default is None and not value.lookup:
        default = context.currency if field.name == CURRENCY else field.default or None
    if not value.lookup:
        if default is None:
            return lambda fields: fields[place].strip()
        return lambda fields: fields[place].strip() or default
    table, name = context.lookups[value.lookup], value.lookup

    def translated(fields: Fields) -> str:
        found = table.get(fields[place].strip(), default)
        if found is None:
            raise BadValue(f"{fields[place].strip()!r} is not in the lookup {name}")
        return found

    return translated


def _product(context: Context, field: Field, value: Value) -> Getter:
    places = [_place(context, column) for column in value.product]
    number, check, sign = _number(context.spec), _checked(field), -1 if value.negate else 1

    def get(fields: Fields) -> Decimal:
        total = Decimal(sign)
        for place in places:
            total *= number(fields[place].strip())
        return check(total)

    return get


def _checked(field: Field) -> Callable[[Decimal], Decimal]:
    name, signed = field.name, field.signed

    def check(number: Decimal) -> Decimal:
        if number < 0 and not signed:
            raise BadValue(f"{name} is {number}: negative, and the line is not a cancellation")
        return number + 0 if number == 0 else number

    return check


def _parser(context: Context, field: Field) -> Callable[[str], Any]:
    if field.type == "instant":
        return _instant(context)
    if field.type == "day":
        return _day(context)
    if field.type == "count":
        return _count(context.spec)
    if field.type in ("money", "quantity"):
        number, check = _number(context.spec), _checked(field)
        return lambda text: check(number(text)) if text else None
    if field.name == CURRENCY:
        return _currency
    if field.name == "evidence_type":
        return _evidence
    return _TEXTS.get(field.name, str)


def _number(spec: FileSpec) -> Callable[[str], Decimal]:
    point, comma = re.escape(spec.decimal), re.escape(spec.thousands)
    whole = rf"\d{{1,3}}(?:{comma}\d{{3}})+|\d+" if comma else r"\d+"
    shape = re.compile(rf"[+-]?(?:(?:{whole})(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d{{1,2}})?")
    plain = spec.decimal == "." and not spec.thousands

    def number(text: str) -> Decimal:
        if shape.fullmatch(text) is None or not text.isascii():
            raise BadValue(f"{text!r} is not a number ({_separators(spec)})")
        if not plain:
            text = text.replace(spec.thousands, "") if spec.thousands else text
            text = text.replace(spec.decimal, ".")
        try:
            found = Decimal(text)
        except InvalidOperation as error:
            raise BadValue(f"{text!r} is not a number") from error
        if abs(found.adjusted()) >= MOST_DIGITS and found != 0:
            raise BadValue(f"{text!r} is too large or too small to be true")
        # Few texts are long enough to look closer.
        if len(text) > MOST_DIGITS < len(found.normalize().as_tuple().digits):
            raise BadValue(f"{text!r} has more than {MOST_DIGITS} digits")
        return found

    return number


def _separators(spec: FileSpec) -> str:
    thousands = f"{spec.thousands!r} between thousands" if spec.thousands else "nothing between"
    return f"decimal {spec.decimal!r}, {thousands}"


def _count(spec: FileSpec) -> Callable[[str], int | None]:
    number = _number(spec)

    def count(text: str) -> int | None:
        if not text:
            return None
        found = number(text)
        if found != found.to_integral_value() or not 0 <= found < 2**31:
            raise BadValue(f"{text!r} is not a count")
        return int(found)

    return count


def _instant(context: Context) -> Callable[[str], datetime]:
    pattern, zone, cache = context.spec.datetime, context.zone, dict[str, datetime]()

    def instant(text: str) -> datetime:
        found = cache.get(text)
        if found is None:
            if len(cache) > _CACHE:
                cache.clear()
            found = cache[text] = _parse_instant(text, pattern, zone)
        return found

    return instant


def _parse_instant(text: str, pattern: str, zone: ZoneInfo) -> datetime:
    try:
        if pattern in _UNITS:
            at = _EPOCH + timedelta(microseconds=int(Decimal(text) * _UNITS[pattern]))
        elif pattern == "iso":
            at = datetime.fromisoformat(_SPACED_ZONE.sub(_zone_text, text))
        else:
            at = datetime.strptime(text, pattern)  # noqa: DTZ007 the zone comes next
        at = (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError, InvalidOperation) as error:
        raise BadValue(f"{text!r} is not a time written as {pattern}") from error
    if not _FIRST_YEAR <= at.year < _LAST_YEAR:
        raise BadValue(f"{text!r} is in the year {at.year}, which cannot be true")
    return at


def _zone_text(match: re.Match[str]) -> str:
    """Warehouses print `12:00:00.000 +0000` and `12:00:00 UTC`; ISO has no space there."""
    return "+00:00" if match[1] == "UTC" else match[1]


def _day(context: Context) -> Callable[[str], date]:
    pattern = context.spec.datetime

    def day(text: str) -> date:
        try:
            at = (
                datetime.fromisoformat(text)
                if pattern == "iso"
                else datetime.strptime(text, pattern)  # noqa: DTZ007 a day has no zone
            )
        except ValueError as error:
            raise BadValue(f"{text!r} is not a day written as {pattern}") from error
        if not _FIRST_YEAR <= at.year < _LAST_YEAR:
            raise BadValue(f"{text!r} is in the year {at.year}, which cannot be true")
        return at.date()

    return day


def _currency(text: str) -> str:
    code = text.upper()
    if _CURRENCY.fullmatch(code) is None:
        raise BadValue(f"{text!r} is not a currency code such as EUR")
    return code


def _clicked(text: str) -> str:
    """The key of a click id, or of the one in an address."""
    return click_key(urls.parse(text).click_id if "://" in text else text)


def _consent(text: str) -> str:
    if text.lower() not in _CONSENT:
        raise BadValue(f"ads_consent {text!r} is none of granted, denied, yes, no")
    return _CONSENT[text.lower()]


def _evidence(text: str) -> str:
    if text not in EVIDENCE:
        raise BadValue(f"evidence_type {text!r} is none of {', '.join(sorted(EVIDENCE))}")
    return text


_CONSENT = {"": "", "granted": "granted", "yes": "granted", "denied": "denied", "no": "denied"}
_TEXTS: Mapping[str, Callable[[str], str]] = {
    "user_key": person_key,
    "email": email_key,
    "click_key": _clicked,
    "ads_consent": _consent,
}
