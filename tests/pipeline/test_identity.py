"""Identity in the loop: people found step by step are those found at once, and a merge or split
re-attributes exactly the conversions it touches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.mart.attributed import add_order, add_store, add_touch, attribute_all, before
from tributary.identity.components import components
from tributary.identity.hubs import LIMITS, find_hubs
from tributary.pipeline import attribute
from tributary.pipeline.identity import find_people
from tributary.warehouse import candidates, publish
from tributary.warehouse.connection import Connection

AT = datetime(2026, 9, 1, tzinfo=UTC)
FIRST = date(2026, 8, 1)
Edge = tuple[str, str]


def put_edges(conn: Connection, days: dict[date, set[Edge]], run_id: str) -> None:
    """Open a run in which these days have these edges and no others."""
    candidates.open_run(conn, run_id, [])
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into work.scope values ('kiel', 'files', 'main', %s)", [(day,) for day in days]
        )
        cursor.executemany(
            "insert into work.identity_edge values ('kiel', 'files', 'main', %s, %s, %s, 1)",
            [(min(e), max(e), day) for day, edges in days.items() for e in sorted(edges)],
        )


def run(conn: Connection, days: dict[date, set[Edge]], run_id: str) -> None:
    """Publish these edges with the credits of whom they touch."""
    with conn.transaction():
        put_edges(conn, days, run_id)
        attribute.attribute(conn, AT)
    publish.publish(conn, run_id, AT)


def set_limits(conn: Connection, **limits: int) -> None:
    conn.execute(
        "insert into ops.store_rule values ('kiel', %s, '{}')"
        " on conflict (store_id) do update set identity = excluded.identity",
        (Jsonb({"hub_limits": limits}),),
    )


def people(conn: Connection) -> dict[str, str]:
    rows = conn.execute("select identifier, person_id from core.identity").fetchall()
    return {str(identifier): str(person) for identifier, person in rows}


def hubs(conn: Connection) -> dict[str, int]:
    rows = conn.execute("select identifier, others_met from core.identity_hub").fetchall()
    return {str(identifier): int(met) for identifier, met in rows}


def _random_edges(random: Random) -> set[Edge]:
    made: set[Edge] = set()
    for _ in range(random.randint(0, 6)):
        order = f"order:files:{random.randint(1, 12)}"
        made.add((f"client:{random.randint(1, 10)}", order))
        if random.random() < 0.6:
            made.add((f"customer:{random.randint(1, 6)}", order))
        if random.random() < 0.3:
            made.add((f"client:{random.randint(1, 10)}", f"customer:{random.randint(1, 6)}"))
        if random.random() < 0.5:
            click = f"click:{random.randint(1, 8)}"
            made |= {(click, order), (click, f"client:{random.randint(1, 10)}")}
    return {(min(e), max(e)) for e in made}


@pytest.mark.parametrize("seed", range(4))
def test_people_found_step_by_step_are_those_of_all_edges_at_once(
    warehouse: Connection, seed: int
) -> None:
    add_store(warehouse)
    limits = {"client": 2, "customer": 3, "order": 3}
    set_limits(warehouse, **limits)
    random, known, merged, cut = Random(seed), {}, 0, 0
    for step in range(14):
        days = {
            FIRST + timedelta(days=random.randint(0, 5)): _random_edges(random)
            for _ in range(random.randint(1, 2))
        }
        known |= days
        with warehouse.transaction():
            put_edges(warehouse, days, f"run {step}")
            find_people(warehouse)
        publish.publish(warehouse, f"run {step}", AT)
        edges = [edge for day in known.values() for edge in day]
        expected_hubs = find_hubs(edges, {**LIMITS, **limits})
        assert hubs(warehouse) == expected_hubs, step
        assert people(warehouse) == components(edges, cut=expected_hubs.keys()), step
        merged = max(merged, len(set(people(warehouse).values())))
        cut = max(cut, len(expected_hubs))
    assert merged > 1
    assert cut > 0


def test_other_limits_find_everybody_anew(warehouse: Connection) -> None:
    add_store(warehouse)
    edges = {("client:till", f"user:{n}") for n in range(3)}
    run(warehouse, {FIRST: edges}, "before")
    assert set(people(warehouse).values()) == {"user:0"}
    assert attribute.outdated_stores(warehouse) == []
    set_limits(warehouse, client=2)
    assert attribute.outdated_stores(warehouse) == ["kiel"]
    run(warehouse, {}, "after")
    assert people(warehouse) == {}
    assert hubs(warehouse) == {"client:till": 3}
    assert attribute.outdated_stores(warehouse) == []


def _versions(conn: Connection, orders: Iterable[int]) -> list[tuple[Any, ...]]:
    return conn.execute(
        "select conversion_id, touch_id, ctid::text, xmin::text from core.credit"
        " where conversion_id = any(%s) order by 1, 2",
        (list(orders),),
    ).fetchall()


def _credited(conn: Connection, order: int) -> set[int]:
    rows = conn.execute(
        "select touch_id from core.credit where conversion_id = %s", (order,)
    ).fetchall()
    return {int(touch) for (touch,) in rows}


def _changes(conn: Connection, run_id: str) -> list[tuple[Any, ...]]:
    return conn.execute(
        "select identifier, change, person_from, person_to from ops.identity_change"
        " join ops.publication using (publication_id) where run_id = %s order by 1",
        (run_id,),
    ).fetchall()


def test_a_merge_and_a_split_touch_their_own_conversions_and_no_other_row(
    warehouse: Connection,
) -> None:
    add_store(warehouse)
    for order, who in ((1, "user:1"), (2, "user:2"), (3, "user:3")):
        add_order(warehouse, order, who=who)
        add_touch(warehouse, order, before(2), who=who)
    add_touch(warehouse, 10, before(3), "paid_search", who="client:a")
    attribute_all(warehouse)
    assert _credited(warehouse, 1) == {1}
    others, merged = _versions(warehouse, [2, 3]), _versions(warehouse, [1])
    assert len(others) == 2

    run(warehouse, {FIRST: {("client:a", "user:1")}}, "merge")
    assert _credited(warehouse, 1) == {1, 10}
    assert _versions(warehouse, [2, 3]) == others
    assert _versions(warehouse, [1]) != merged
    assert _changes(warehouse, "merge") == [("client:a", "merge", "client:a", "user:1")]

    run(warehouse, {FIRST: {("client:a", "user:2")}}, "moved")
    assert _credited(warehouse, 1) == {1}
    assert _credited(warehouse, 2) == {2, 10}
    assert _versions(warehouse, [3]) == others[1:]
    assert _changes(warehouse, "moved") == [("client:a", "split", "user:1", "user:2")]

    untouched = _versions(warehouse, [1, 3])
    run(warehouse, {FIRST: set()}, "split")
    assert _credited(warehouse, 2) == {2}
    assert _versions(warehouse, [1, 3]) == untouched
    assert people(warehouse) == {}
    assert _changes(warehouse, "split") == [("client:a", "split", "user:2", "client:a")]


def test_an_order_of_a_house_account_keeps_only_the_device_it_was_placed_on(
    warehouse: Connection,
) -> None:
    add_store(warehouse)
    edges: set[Edge] = set()
    for order in (1, 2, 3):
        add_order(warehouse, order, who="customer:house")
        add_touch(warehouse, order, before(order), who=f"client:{order}")
        edges |= {
            (f"client:{order}", f"order:shopify:{order}"),
            ("customer:house", f"order:shopify:{order}"),
        }
    run(warehouse, {FIRST: edges}, "one person")
    assert _credited(warehouse, 1) == {1, 2, 3}
    set_limits(warehouse, customer=2)
    run(warehouse, {}, "a hub")
    assert hubs(warehouse) == {"customer:house": 3}
    assert [_credited(warehouse, order) for order in (1, 2, 3)] == [{1}, {2}, {3}]
    told = warehouse.execute(
        "select conversion_id, touch_id from mart.explain_order where is_counted order by 1"
    ).fetchall()
    assert told == [(1, 1), (2, 2), (3, 3)]

    # One more order finds its own device, and the others' credit stays where it is.
    before_it = _versions(warehouse, [1, 2, 3])
    add_order(warehouse, 4, who="customer:house")
    add_touch(warehouse, 4, before(4), who="client:4")
    run(
        warehouse,
        {
            date(2026, 8, 2): {
                ("client:4", "order:shopify:4"),
                ("customer:house", "order:shopify:4"),
            }
        },
        "one more",
    )
    assert hubs(warehouse) == {"customer:house": 4}
    assert _credited(warehouse, 4) == {4}
    assert _versions(warehouse, [1, 2, 3]) == before_it

    # A refund of one, and an order without a device: both belong to nobody, both are credited.
    with built(warehouse, "refund"):
        warehouse.execute(
            "insert into work.conversion select * from core.conversion where conversion_id < 5"
        )
        warehouse.execute(
            "insert into work.scope select distinct store_id, connector, account_id, source_day"
            " from work.conversion"
        )
        warehouse.execute("update work.conversion set value_amount = 4 where conversion_id = 2")
        warehouse.execute(
            "insert into work.conversion select store_id, conversion_type, 5, connector,"
            " account_id, '5', converted_at, conversion_day, identifier, 7, currency_code,"
            " is_first_purchase, source_day, load_id from core.conversion where conversion_id = 1"
        )
    credited = warehouse.execute(
        "select conversion_id, sum(linear_amount) from core.credit where conversion_id in (2, 5)"
        " group by 1 order by 1"
    ).fetchall()
    assert credited == [(2, 4), (5, 7)]
    unmoved = [row for row in before_it if row[0] != 2]
    assert _versions(warehouse, [1, 3]) == unmoved


@contextmanager
def built(conn: Connection, run_id: str) -> Iterator[None]:
    """Fill work as build would; the credits of what changed are published after."""
    with conn.transaction():
        candidates.open_run(conn, run_id, [])
        yield
        attribute.attribute(conn, AT)
    publish.publish(conn, run_id, AT)
