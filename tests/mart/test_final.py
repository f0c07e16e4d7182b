"""What mart.channel_performance calls final stays as it is, whatever comes later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tributary.warehouse.connection import Connection

from .attributed import add_order, add_store, add_touch, attribute_all, join_people

BERLIN = ZoneInfo("Europe/Berlin")
FIRST, FINALITY, LOOKBACK = date(2026, 1, 1), 3, 30
# Days before this one are final in the first reading.
FINAL = date(2026, 3, 31)
MODELS = ("first", "last_non_direct", "linear", "time_decay", "markov_per_order", "shapley")
CASH = [f"{m}_{what}" for m in MODELS for what in ("conversions", "amount")]
ACCRUED = [f"{m}_touch_day_amount" for m in MODELS]


@dataclass(frozen=True)
class Event:
    """A touch or, with a value, an order."""

    number: int
    at: datetime
    who: str
    value: str = ""
    channel: str = ""
    lookback: int | None = None

    def add(self, conn: Connection, value: str = "") -> None:
        if self.value:
            add_order(conn, self.number, self.at, value or self.value, who=self.who)
        else:
            add_touch(
                conn, self.number, self.at, self.channel, who=self.who, lookback=self.lookback
            )


def events(random: Random, longest: int | None) -> list[Event]:
    """110 days of five people, and an order a whole lookback after its touch, on either side of the
    night in March that is an hour short."""
    found = []
    for number in range(1, 301):
        at = datetime.combine(FIRST, datetime.min.time(), BERLIN)
        at += timedelta(minutes=random.randrange(110 * 24 * 60))
        who = random.choice(["user:1", "user:2", "user:3", "client:1", "client:2"])
        if number % 4 == 0:
            found.append(Event(number, at, who, value=f"{random.randint(5, 90)}.99"))
        else:
            channel = random.choice(["direct", "email", "paid_search", "referral"])
            found.append(Event(number, at, who, "", channel, random.choice([None, 2, longest])))
    touched = datetime(2026, 2, 28, 23, 30, tzinfo=BERLIN)
    ordered = (touched.astimezone(ZoneInfo("UTC")) + timedelta(days=LOOKBACK)).astimezone(BERLIN)
    assert ordered.date() == FINAL
    found.append(Event(1001, touched, "user:9", channel="sms"))
    return [*found, Event(1002, ordered, "user:9", value="77.00")]


def read_to(conn: Connection, day: date) -> None:
    """Both streams were read and published to the beginning of the day."""
    conn.execute(
        "delete from ops.load;"
        "insert into ops.load (store_id, connector, account_id, stream, run_id, mode, window_start,"
        " window_end, status, started_at, finished_at, publication_id)"
        " select store_id, connector, account_id, stream, 'i', 'incremental', '2026-01-01',"
        f" timestamp '{day}' at time zone 'Europe/Berlin', 'landed', '2026-01-01', '2026-01-01', 1"
        " from core.account join ops.stream using (connector)"
    )


def credit(conn: Connection, run_id: str) -> dict[tuple[date, str], dict[str, Any]]:
    """Everything credited anew; day and channel -> the row."""
    conn.execute("truncate core.credit, core.credit_set, core.credit_pointer")
    attribute_all(conn, run_id)
    cursor = conn.execute("select * from mart.channel_performance")
    names = [column.name for column in cursor.description or []]
    rows = [dict(zip(names, row, strict=True)) for row in cursor]
    return {(row["day"], row["channel"]): row for row in rows}


def moved(
    before: dict[tuple[date, str], dict[str, Any]],
    after: dict[tuple[date, str], dict[str, Any]],
    flag: str,
    columns: list[str],
) -> list[tuple[date, str]]:
    """Day and channel of what is not as it was on days with the flag; no row is zero."""
    days = {day for (day, _), row in before.items() if row[flag]}
    assert days
    return [
        key
        for key in sorted(before.keys() | after.keys())
        if key[0] in days
        and any(
            abs((before.get(key) or {}).get(c, 0) - (after.get(key) or {}).get(c, 0)) > 1e-9
            for c in columns
        )
    ]


@pytest.mark.parametrize(("seed", "longest"), [(1, None), (2, 45)])
def test_final_rows_stay_when_later_days_arrive(
    warehouse: Connection, seed: int, longest: int | None
) -> None:
    random = Random(seed)
    add_store(warehouse)
    join_people(warehouse, [("client:1", "user:1"), ("client:2", "user:2")])
    warehouse.execute(
        "insert into core.account values ('kiel', 'shopify', 'kiel', 'Europe/Berlin', 'EUR'),"
        " ('kiel', 'files', 'main', 'Europe/Berlin', 'EUR');"
        "insert into ops.stream values ('shopify', 'order', 'document', 'sales', 3, %(f)s, 0,"
        " 'full'), ('files', 'touch', 'table', 'files', 0, %(f)s, 0, 'full');"
        "insert into ops.publication (run_id, published_at, row_counts)"
        " values ('i', '2026-01-01', '{}')".replace("%(f)s", str(FINALITY))
    )
    every = events(random, longest)
    for event in every:
        if event.at.date() < FINAL:
            event.add(warehouse)
        elif event.at.date() < FINAL + timedelta(days=FINALITY) and random.random() < 0.5:
            event.add(warehouse, "1.00")  # half of what is not final is there, and wrong
    read_to(warehouse, FINAL + timedelta(days=FINALITY))
    before = credit(warehouse, "one")
    warehouse.execute("delete from core.conversion; delete from core.touch")
    for event in every:
        event.add(warehouse)
    read_to(warehouse, date(2026, 6, 30))
    after = credit(warehouse, "two")

    assert moved(before, after, "is_final", CASH) == []
    assert moved(before, after, "is_touch_day_final", ACCRUED) == []
    # Without the second flag most of a month of touches would be called final too early.
    grown = moved(before, after, "is_final", ACCRUED)
    wait = timedelta(days=max(LOOKBACK, longest or 0) + 1)
    assert len({day for day, _ in grown}) > 10
    assert min(day for day, _ in grown) >= FINAL - wait
    last = max(day for (day, _), row in before.items() if row["is_touch_day_final"])
    assert FINAL - wait - timedelta(days=4) < last < FINAL - wait
    if longest is None:
        assert (date(2026, 2, 28), "sms") in grown
    total = sum(Decimal(event.value) for event in every if event.value)
    assert sum(row["linear_touch_day_amount"] for row in after.values()) == total
