"""Rows written straight into core, attributed and published by the pipeline's own steps."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from psycopg.types.json import Jsonb

from tributary.pipeline import attribute
from tributary.warehouse import candidates, publish
from tributary.warehouse.connection import Connection

NOON = datetime(2026, 8, 20, 12, tzinfo=UTC)
AT = datetime(2026, 9, 1, tzinfo=UTC)


def add_store(conn: Connection, store: str = "kiel", visit_source: str = "auto") -> None:
    conn.execute(
        "insert into core.store values (%s, %s, 'Europe/Berlin', 'EUR', %s, 'shop')",
        (store, store.title(), visit_source),
    )


def set_rules(conn: Connection, store: str = "kiel", **attribution: Any) -> None:
    """What the stores file says of a store's attribution."""
    conn.execute(
        "insert into ops.store_rule values (%s, '{}', %s)"
        " on conflict (store_id) do update set attribution = excluded.attribution",
        (store, Jsonb(attribution)),
    )


def add_order(
    conn: Connection,
    number: int,
    at: datetime = NOON,
    value: str = "100.00",
    *,
    who: str = "user:1",
    store: str = "kiel",
    first: bool | None = None,
    kind: str = "purchase",
) -> None:
    """A conversion, by default with its order, number #<number>."""
    conn.execute(
        "insert into core.conversion values"
        " (%s, %s, %s, 'shopify', 'kiel', %s, %s, %s, %s, %s, 'EUR', %s, %s, 1)",
        (store, kind, number, str(number), at, at.date(), who, Decimal(value), first, at.date()),
    )


def add_touch(
    conn: Connection,
    number: int,
    at: datetime,
    channel: str = "email",
    evidence: str = "click",
    *,
    who: str = "user:1",
    store: str = "kiel",
    connector: str = "files",
    lookback: int | None = None,
    source: str = "",
) -> None:
    conn.execute(
        "insert into core.touch values (%s, %s, %s, 'main', %s, %s, %s, %s, '', '', '', %s, '',"
        " '', '', %s, '', '', %s, %s, 1)",
        (
            store,
            number,
            connector,
            evidence,
            at,
            at.date(),
            who,
            source,
            channel,
            lookback,
            at.date(),
        ),
    )


def before(days: float = 0, microseconds: int = 0) -> datetime:
    """So long before noon, when orders are placed."""
    return NOON - timedelta(days=days, microseconds=microseconds)


def join_people(conn: Connection, pairs: Iterable[tuple[str, str]], store: str = "kiel") -> None:
    """Pairs of identifiers of one person."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into core.identity_edge values (%s, 'files', 'main', %s, %s, '2026-08-01', 1)",
            [(store, min(pair), max(pair)) for pair in pairs],
        )


def attribute_all(conn: Connection, run_id: str = "unify-1") -> None:
    """Attribute what is in core and publish the credits."""
    with conn.transaction():
        candidates.open_run(conn, run_id, [])
        attribute.attribute(conn, AT)
    publish.publish(conn, run_id, AT)


def add_random_leads(conn: Connection, seed: int, store: str = "kiel") -> None:
    """Leads of the people and browsers of add_random_world."""
    random = Random(f"leads {seed}")
    for number in range(1_001, 1_016):
        at = NOON - timedelta(days=random.choice([0, 0, 1, 5, 40]), hours=random.choice([0, 3]))
        who = random.choice(["user:%d", "client:%d"]) % random.randint(1, 6)
        value = f"{random.randint(0, 90)}.99"
        add_order(conn, number, at, value, who=who, store=store, kind="lead")


def add_random_world(conn: Connection, seed: int, store: str = "kiel") -> None:
    """A few people with many touches around their orders, on and beside every limit."""
    random = Random(seed)
    add_store(conn, store, random.choice(["auto", "shop_moments", "event_export", "none"]))
    people = [f"user:{n}" for n in range(1, 7)]
    clients = {f"client:{n}": random.choice(people) for n in range(1, 5)}
    join_people(conn, clients.items(), store)
    number = 0
    for order in range(1, 25):
        at = NOON - timedelta(days=random.choice([0, 0, 1, 5, 40]), hours=random.choice([0, 3]))
        add_order(
            conn, order, at, f"{random.randint(-5, 90)}.99", who=random.choice(people), store=store
        )
        for _ in range(random.randint(0, 6)):
            number += 1
            age = timedelta(days=random.choice([-1, 0, 1, 2, 5, 30, 31]))
            add_touch(
                conn,
                number,
                at - age - timedelta(microseconds=random.choice([-1, 0, 0, 1, 9_000_000])),
                random.choice(["direct", "direct", "email", "paid_search", "referral"]),
                random.choice(["click", "visit", "view", "email_click", "survey", "coupon"]),
                who=random.choice([*people, *clients]),
                store=store,
                connector=random.choice(["files", "shopify", "bigquery"]),
                lookback=random.choice([None, None, 0, 2]),
                source=random.choice(["google", "paypal.com", "klaviyo", ""]),
            )
