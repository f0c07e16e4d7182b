"""What waits in quarantine, for people: by reason, one record, and what a replay did."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from datetime import datetime

from tributary.reports import numbers
from tributary.reports.queries import read
from tributary.reports.text import table
from tributary.warehouse.connection import Connection
from tributary.warehouse.quarantine import Waiting

_REASON_WIDTH = 60


@dataclass(frozen=True)
class QuarantinedRow:
    """A row of sql/queries/quarantine.sql: records of a stream that wait for the same reason."""

    store_id: str
    connector: str
    account_id: str
    stream: str
    reason: str
    records: int
    waits_since: datetime
    last_seen_at: datetime
    example_id: int
    example_reason: str
    example_source: str


def by_reason(conn: Connection) -> list[QuarantinedRow]:
    return read(conn, "quarantine", QuarantinedRow)


def render_list(rows: list[QuarantinedRow], now: datetime) -> str:
    """A table by store, stream and reason, with how long the oldest has waited."""
    if not rows:
        return "Nothing waits in quarantine.\n"
    cells = [
        [
            row.store_id,
            f"{row.connector}/{row.account_id}",
            row.stream,
            textwrap.shorten(row.reason, _REASON_WIDTH, placeholder=" ..."),
            str(row.example_id),
            numbers.count(row.records),
            numbers.age(row.waits_since, now),
            numbers.moment(row.last_seen_at),
        ]
        for row in rows
    ]
    headers = ["store", "account", "stream", "reason", "e.g. id", "records", "oldest", "last seen"]
    total = sum(row.records for row in rows)
    waits = "1 record waits" if total == 1 else f"{numbers.count(total)} records wait"
    return (
        f"{table(headers, cells, 4)}\n\n{waits}. One of them: `tributary quarantine show ID`."
        " After a fix of the source, mapping or connector: `tributary quarantine replay`.\n"
    )


def render_one(record: Waiting, next_step: str) -> str:
    """Everything about one record; e-mail addresses and secrets were taken out when it came."""
    target = record.target
    state = (
        f"left quarantine {numbers.moment(record.resolved_at)}"
        if record.resolved_at
        else "waits in quarantine"
    )
    lines = [
        f"{record.quarantine_id}  {state}",
        f"account    {target.store_id} {target.connector}/{target.account_id}, {target.stream}",
        f"source     {record.source}" + (f", key {record.record_key}" if record.record_key else ""),
        f"since      {numbers.moment(record.first_seen_at)}, last read"
        f" {numbers.moment(record.extracted_at)} (load {record.load_id})",
        f"reason     {record.reason}",
        f"next step  {next_step}",
        "",
        record.payload,
    ]
    return "\n".join(lines) + "\n"
