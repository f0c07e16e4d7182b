"""Real records of GA4's Data API (a test property, 2023) against the shapes we read.

Their reader flattened each row into one object with numbers as numbers, so as they stand 0 of the
25 (one per stream) are a row of runReport, and each is refused with its reason. Put back into a
reply, with the values as text as the vendor sends them, 25 of 25 parse and nothing is lost.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tributary.connectors.ga4.reading import records as read
from tributary.connectors.ga4.records import ReportReply, Row
from tributary.connectors.ga4.reports import CHANNEL, DEVICE, GEO, PAGE, PURCHASE
from tributary.transport.records import decode_records

RECORDS = (
    Path(__file__).resolve().parents[2]
    / "../shared/data/vendor/airbyte/ELv2/google-analytics-data-api.jsonl"
).resolve()
ASKED = {
    name: field
    for report in (CHANNEL, PAGE, DEVICE, GEO, PURCHASE)
    for name, field in report.kind.__annotations__.items()
    if name in report.metrics or name == "date"
}


@cache
def records() -> dict[str, dict[str, Any]]:
    """The one record of each stream, without what its reader added; floats as they were written."""
    if not RECORDS.exists():
        pytest.skip("../shared/data is absent")
    lines = [json.loads(line, parse_float=str) for line in RECORDS.read_text().splitlines()]
    found = {}
    for entry in lines:
        entry["data"].pop("property_id")
        found[entry["stream"]] = entry["data"]
    assert len(found) == len(lines) == 25
    return found


def reply(record: dict[str, Any]) -> bytes:
    """The runReport reply that this row came in: text is a dimension, a number a metric."""
    dimensions = {n: v for n, v in record.items() if isinstance(v, str) and not is_number(n, v)}
    metrics = {n: str(v) for n, v in record.items() if n not in dimensions}
    row = {
        "dimensionValues": [{"value": value} for value in dimensions.values()],
        "metricValues": [{"value": value} for value in metrics.values()],
    }
    body = {
        "dimensionHeaders": [{"name": name} for name in dimensions],
        "metricHeaders": [{"name": name, "type": "TYPE_FLOAT"} for name in metrics],
        "rows": [row],
        "rowCount": 1,
        "metadata": {"currencyCode": "USD", "timeZone": "America/Los_Angeles"},
        "kind": "analyticsData#runReport",
    }
    return json.dumps(body).encode()


def is_number(name: str, value: str) -> bool:
    return name != "date" and value.replace(".", "", 1).isdigit()


def test_a_flattened_record_is_no_row_of_a_report_and_is_refused_with_its_reason() -> None:
    for stream, record in records().items():
        decoded = decode_records([msgspec.json.encode(record)], Row, what="rows")
        assert not decoded.records, stream
        (failure,) = decoded.failures
        assert failure.reason == "Object missing required field `metricValues`"


def test_every_record_parses_as_the_row_it_was_and_loses_nothing() -> None:
    for record in records().values():
        (found,) = read(msgspec.json.decode(reply(record), type=ReportReply))
        quality = found.pop("quality")
        assert found == {name: str(value) for name, value in record.items()}
        assert quality == {"currencyCode": "USD", "timeZone": "America/Los_Angeles"}


def test_values_of_the_fields_we_ask_for_fit_their_types() -> None:
    checked = set()
    for record in records().values():
        for name in ASKED.keys() & record.keys():
            msgspec.convert(str(record[name]), ASKED[name])
            checked.add(name)
    assert checked >= {"date", "sessions", "engagedSessions", "totalUsers", "newUsers"}
