"""Finds the columns a file must have by the names people give them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tributary.errors import ConfigurationError

PATH_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "path": ("path", "paths", "journey", "channel_path", "conversion_path", "touchpoints"),
    "conversions": (
        "total_conversions",
        "conversions",
        "total_conversion",
        "conversion",
        "converted",
        "conv",
    ),
    "value": (
        "total_conversion_value",
        "conversion_value",
        "value",
        "total_value",
        "revenue",
        "total_revenue",
    ),
    "nulls": (
        "total_null",
        "nulls",
        "null",
        "total_nulls",
        "non_conversions",
        "non_converting",
    ),
}
_TIMES = ("time", "timestamp", "ts", "datetime", "date_time", "event_time", "event_timestamp")
_PERSONS = ("user_id", "user", "user_key", "person", "person_id", "customer_id", "visitor_id")
TOUCH_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "user_id": (*_PERSONS, "user_pseudo_id", "client_id"),
    "time": (*_TIMES, "occurred_at", "touch_at", "touched_at", "click_datetime", "date"),
    "channel": ("channel", "channel_name", "marketing_channel", "channel_grouping", "channel_id"),
    "id": ("touch_id", "id", "event_id"),
    "type": ("type", "evidence_type", "touch_type"),
    "campaign": ("campaign", "campaign_name", "campaign_id"),
    "cost": ("cost", "spend"),
}
CONVERSION_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "user_id": (*_PERSONS, "user_pseudo_id", "client_id"),
    "time": (
        *_TIMES,
        "converted_at",
        "conversion_time",
        "ordered_at",
        "order_date",
        "sale_datetime",
        "date",
    ),
    "value": ("value", "conversion_value", "revenue", "amount", "order_value", "net_amount"),
    "id": ("id", "conversion_id", "order_id", "sale_id", "transaction_id"),
    "type": ("type", "conversion_type"),
}
_OPTIONAL = {"value", "nulls", "id", "type", "campaign", "cost"}


def find(
    file: Path,
    header: Sequence[str],
    usual: Mapping[str, tuple[str, ...]],
    given: Mapping[str, tuple[str, ...]],
    option: str,
) -> dict[str, str]:
    """Wanted name -> the file's own column; the user's names first, then the usual ones.

    `option` says how to name a column that is not found, with {} for what it is.
    """
    plain: dict[str, str] = {}
    for name in header:
        plain.setdefault(_plain(name), name)
    found: dict[str, str] = {}
    for wanted, candidates in usual.items():
        exact = next((name for name in given.get(wanted, ()) if name in header), None)
        guess = next((plain[name] for name in candidates if name in plain), None)
        column = exact or guess
        if column is not None and (wanted not in _OPTIONAL or column not in found.values()):
            found[wanted] = column
        elif wanted not in _OPTIONAL:
            raise ConfigurationError(
                f"{file}: no column for {wanted} among {', '.join(header) or 'no columns'}; "
                f"name it with {option.format(wanted)}"
            )
    for column in found.values():
        if list(header).count(column) > 1:
            raise ConfigurationError(f"{file}: the header has {column!r} twice; rename one")
    return found


def check_given(
    given: Mapping[str, tuple[str, ...]],
    known: Iterable[tuple[Mapping[str, tuple[str, ...]], Sequence[str]]],
) -> None:
    """ConfigurationError where a name the user gave is in none of the files it could be in.

    `known` pairs, per file, the columns it may have with its header.
    """
    files = list(known)
    for wanted, names in given.items():
        headers = [header for usual, header in files if wanted in usual]
        if not headers:
            raise ConfigurationError(f"a column was named for {wanted}, but these files have none")
        for name in names:
            if not any(name in header for header in headers):
                there = ", ".join(dict.fromkeys(name for header in headers for name in header))
                raise ConfigurationError(
                    f"there is no column {name!r} for {wanted}; the files have {there}"
                )


def _plain(name: str) -> str:
    return name.strip().strip('"').lower().replace(" ", "_").replace("-", "_")
