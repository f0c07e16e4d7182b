"""Markov and Shapley in the warehouse: learned from journeys, versioned, spread per order."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from tests.mart.attributed import AT, NOON, add_store, add_touch
from tributary.attribution import ModelSettings, attribute_paths, from_lists
from tributary.clock import FixedClock
from tributary.pipeline import attribute
from tributary.quality.credits import check_credits
from tributary.warehouse import candidates, publish
from tributary.warehouse.connection import Connection

CHANNELS = ("affiliate", "email", "organic_search", "paid_search", "paid_social")
Journey = tuple[list[str], bool]


def made(seed: int, size: int) -> list[Journey]:
    """Journeys of up to five channels; those with e-mail convert more often."""
    random = Random(seed)
    found = []
    for _ in range(size):
        path = [random.choice(CHANNELS) for _ in range(random.randint(1, 5))]
        found.append((path, random.random() < (0.6 if "email" in path else 0.3)))
    return found


def put(conn: Connection, journeys: list[Journey], first: int = 1) -> None:
    """One person per journey, an hour between touches, worth 10.01 each; touch 10 * person + n."""
    for person, (path, converts) in enumerate(journeys, start=first):
        for n, channel in enumerate(path):
            at = NOON + timedelta(seconds=person, hours=n - len(path))
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


@pytest.fixture
def filled(warehouse: Connection) -> tuple[Connection, list[Journey]]:
    journeys = made(1, 500)
    add_store(warehouse)
    put(warehouse, journeys)
    return warehouse, journeys


def test_every_order_is_spread_by_what_its_channels_would_be_missed_for(
    filled: tuple[Connection, list[Journey]],
) -> None:
    conn, journeys = filled
    unify(conn, "first")
    state = conn.execute(
        "select markov_order, journeys, conversions, unattributed, draws, array_length("
        "order_likelihood, 1) from core.model_state"
    ).fetchone()
    assert state is not None
    won = sum(converts for _, converts in journeys)
    assert state[1:] == (500, won, 0, 200, 4)
    paths = from_lists([path for path, _ in journeys], [float(c) for _, c in journeys])
    effects = attribute_paths(paths, ("markov",), ModelSettings(order=state[0])).effects
    assert effects is not None
    weight = dict(zip(effects.names, effects.conversions.tolist(), strict=True))
    checked = 0
    for person, (path, converts) in enumerate(journeys, start=1):
        if not converts:
            continue
        rows = credit(conn, person)
        whole = sum(weight[channel] for channel in set(path))
        distinct = len(set(path))
        assert [row[0] for row in rows] == path
        for channel, markov, shapley, _, _, fallback in rows:
            assert markov == pytest.approx(weight[channel] / whole / path.count(channel), abs=1e-12)
            assert shapley == pytest.approx(1 / distinct / path.count(channel), abs=1e-12)
            assert fallback == ""
        assert sum(row[3] for row in rows) == sum(row[4] for row in rows) == Decimal("10.01")
        checked += 1
    assert checked == won > 150


def test_too_few_journeys_fall_back_to_a_rule_that_every_row_names(
    warehouse: Connection,
) -> None:
    journeys = made(2, 90)
    add_store(warehouse)
    put(warehouse, journeys)
    unify(warehouse, "first")
    assert warehouse.execute("select count(*) from core.model_state").fetchone() == (0,)
    person = next(n for n, (path, won) in enumerate(journeys, 1) if won and len(set(path)) > 2)
    rows = credit(warehouse, person)
    assert {row[1] for row in rows} == {1 / len(rows)}
    assert {row[5] for row in rows} == {"linear"}
    # Shapley needs no learning: it is exact for a single order.
    assert sum(row[2] for row in rows) == pytest.approx(1)


def test_the_same_journeys_are_the_same_state_and_nothing_is_written_again(
    filled: tuple[Connection, list[Journey]],
) -> None:
    conn, _ = filled
    unify(conn, "first")
    before = conn.execute("select ctid, xmin, * from core.credit order by 1").fetchall()
    conn.execute("delete from core.model_pointer")
    unify(conn, "again")
    assert conn.execute("select ctid, xmin, * from core.credit order by 1").fetchall() == before
    assert conn.execute("select count(*) from core.model_state").fetchone() == (1,)
    assert len(before) > 400
