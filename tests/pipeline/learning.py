"""Journeys in core to learn from, and a run that learns and credits."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

from tests.mart.attributed import AT, NOON, add_touch
from tributary.clock import FixedClock
from tributary.pipeline import attribute
from tributary.quality.credits import check_credits
from tributary.warehouse import candidates, publish
from tributary.warehouse.connection import Connection

CHANNELS = ("affiliate", "email", "organic_search", "paid_search", "paid_social")
Journey = tuple[list[str], bool]
CREDITS = (
    "select conversion_id, touch_id, markov_per_order_share, markov_per_order_amount"
    " from mart.order_credit order by 1, 2"
)


def made(seed: int, size: int) -> list[Journey]:
    """Journeys of up to five channels; those with e-mail convert more often."""
    random = Random(seed)
    found = []
    for _ in range(size):
        path = [random.choice(CHANNELS) for _ in range(random.randint(1, 5))]
        found.append((path, random.random() < (0.6 if "email" in path else 0.3)))
    return found


def put(conn: Connection, journeys: list[Journey], first: int = 1) -> None:
    """One person per journey, an hour between touches, worth 10.01 each; touch 10 * person + n.

    Those that do not convert are long over.
    """
    for person, (path, converts) in enumerate(journeys, start=first):
        for n, channel in enumerate(path):
            at = NOON + timedelta(seconds=person, hours=n - len(path), days=0 if converts else -40)
            add_touch(conn, 10 * person + n, at, channel, who=f"user:{person}")
        if converts:
            add_order(conn, person)


def add_order(conn: Connection, person: int, value: str = "10.01") -> None:
    conn.execute(
        "insert into core.conversion values ('kiel', 'purchase', %s, 'shopify', 'kiel', %s, %s,"
        " %s, %s, %s, 'EUR', null, %s, 1)",
        (
            *(person, str(person), NOON + timedelta(seconds=person), NOON.date()),
            *(f"user:{person}", value, NOON.date()),
        ),
    )


def unify(conn: Connection, run_id: str) -> None:
    """Attribute, check and publish what is in core, as after a load that changed the store."""
    with conn.transaction():
        candidates.open_run(conn, run_id, [])
        conn.execute("insert into work.scope values ('kiel', 'nobody', '', '2020-01-01')")
        attribute.attribute(conn, AT)
    check_credits(conn, run_id, FixedClock(AT))
    publish.publish(conn, run_id, AT)


def credit(conn: Connection, person: int) -> list[tuple[Any, ...]]:
    return conn.execute(
        "select o.channel, o.markov_per_order_share, o.shapley_share, o.markov_per_order_amount,"
        " o.shapley_amount, o.markov_fallback from mart.order_credit as o"
        " where conversion_id = %s order by touched_at",
        (person,),
    ).fetchall()


def shown(conn: Connection) -> dict[str, bool]:
    return dict(
        conn.execute("select model_state_id, is_published from mart.model_version").fetchall()
    )
