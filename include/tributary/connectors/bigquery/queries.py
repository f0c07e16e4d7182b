"""The one query: the used columns of a day's table of the export, no more than the table has.

BigQuery bills the columns that are read, parts of records one by one; only event_params is read
whole. Parts come back flat, as `device__category`.
"""

from __future__ import annotations

from typing import Any

from tributary.connectors.bigquery.records import Schema
from tributary.connectors.shared.ga4_event import PARAMS
from tributary.errors import SchemaDrift

_REQUIRED = ("event_date", "event_timestamp", "event_name", "event_params", "user_pseudo_id")
_PLAIN = (
    "event_date",
    "event_timestamp",
    "event_name",
    "event_bundle_sequence_id",
    "batch_event_index",
    "user_id",
    "user_pseudo_id",
)
_PARTS = {
    "device": ("category",),
    "geo": ("country",),
    "privacy_info": ("ads_storage",),
    "traffic_source": ("source", "medium", "name"),
    "collected_traffic_source": (
        "manual_source",
        "manual_medium",
        "manual_campaign_name",
        "gclid",
        "dclid",
        "srsltid",
    ),
    "ecommerce": ("transaction_id", "purchase_revenue"),
}
# Known and not needed.
_UNUSED = (
    "app_info",
    "batch_ordering_id",
    "batch_page_id",
    "event_dimensions",
    "event_previous_timestamp",
    "event_server_timestamp_offset",
    "event_value_in_usd",
    "is_active_user",
    "items",
    "platform",
    "publisher",
    "session_traffic_source_last_click",
    "stream_id",
    "user_first_touch_timestamp",
    "user_ltv",
    "user_properties",
)
_VALUES = ("string_value", "int_value", "float_value", "double_value")
NOTHING = "select 1"


def unknown_columns(schema: Schema) -> list[str]:
    """Columns that Google's schema of the export did not have when this was written."""
    known = {*_PLAIN, *_PARTS, *_UNUSED, "event_params"}
    return sorted(field.name for field in schema.fields if field.name not in known)


def day_of_events(project: str, dataset: str, table: str, schema: Schema, connection: str) -> str:
    """The query of one day's table; SchemaDrift when a column is gone that nothing replaces."""
    have = {field.name: {part.name for part in field.fields} for field in schema.fields}
    missing = [name for name in _REQUIRED if name not in have]
    if missing:
        raise SchemaDrift(
            f"{dataset}.{table} of connection {connection!r} is no GA4 event export: it has no"
            f" {', '.join(missing)}. Check the property id of the account in the stores file."
        )
    items = [name for name in _PLAIN if name in have]
    items += [
        f"{name}.{part} as {name}__{part}"
        for name, parts in _PARTS.items()
        for part in parts
        if part in have.get(name, ())
    ]
    keys = ", ".join(f"'{key}'" for key in PARAMS)
    items.append(
        f"array(select p from unnest(event_params) as p where p.key in ({keys})) as event_params"
    )
    return f"select {', '.join(items)} from `{project}.{dataset}.{table}`"


def event_of(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the query as the shared decoder takes an event."""
    event: dict[str, Any] = {}
    for name, value in row.items():
        above, nested, part = name.partition("__")
        if nested:
            event.setdefault(above, {})[part] = value
        else:
            event[name] = value
    params: dict[str, str] = {}
    for param in event.pop("event_params"):
        value = param["value"] or {}
        text = next((str(value[k]) for k in _VALUES if value.get(k) is not None), None)
        if text is not None and param["key"] is not None:
            params.setdefault(param["key"], text.strip())
    event["params"] = params
    return event
