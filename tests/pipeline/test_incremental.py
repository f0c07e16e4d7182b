"""After any refund, edit, late touch, merge or split credits are those of a full recomputation."""

from __future__ import annotations

import os
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from tests.mart.attributed import (
    AT,
    NOON,
    add_order,
    add_random_leads,
    add_random_world,
    add_store,
    add_touch,
    attribute_all,
)
from tributary.clock import FixedClock
from tributary.pipeline import attribute
from tributary.quality.credits import check_credits
from tributary.warehouse import candidates, publish
from tributary.warehouse.connection import Connection

SEEDS = int(os.environ.get("PROVE_INCREMENTAL_SEEDS", "25"))
# Where the world's edges are.
EDGES = ("files", "main", date(2026, 8, 1))
TABLES = ("conversion", "touch", "identity_edge")


def set_limits(conn: Connection) -> None:
    """So low that some people are hubs, and that a single edge makes or unmakes one."""
    conn.execute(
        "insert into ops.store_rule values"
        """ ('kiel', '{"hub_limits": {"user": 2, "client": 2, "order": 2}}', '{}')"""
    )


def days(conn: Connection) -> list[tuple[str, str, date]]:
    rows = conn.execute(
        " union ".join(f"select connector, account_id, source_day from core.{t}" for t in TABLES)
        + " order by 1, 2, 3"
    ).fetchall()
    return [(str(connector), str(account), day) for connector, account, day in rows]


def open_run(conn: Connection, run_id: str, scope: list[tuple[str, str, date]]) -> None:
    """What build leaves in work: the rebuilt days, all of their rows."""
    candidates.open_run(conn, run_id, [])
    with conn.cursor() as cursor:
        cursor.executemany("insert into work.scope values ('kiel', %s, %s, %s)", scope)
    for table in TABLES:
        conn.execute(
            f"insert into work.{table} select c.* from core.{table} as c"
            f" where {candidates.replaced(table)}".encode()
        )


def refund(conn: Connection, random: Random, _: list[tuple[str, str, date]]) -> None:
    conn.execute(
        "update work.conversion set value_amount = value_amount - 1.50 where conversion_id ="
        " (select conversion_id from work.conversion order by md5(conversion_id || %s) limit 1)",
        (str(random.random()),),
    )


def edit(conn: Connection, random: Random, _: list[tuple[str, str, date]]) -> None:
    """An order goes, another has other people's identifier."""
    conn.execute(
        "with drawn as (select conversion_id, row_number() over (order by md5(conversion_id || %s))"
        " as n from work.conversion), gone as (delete from work.conversion where conversion_id in"
        " (select conversion_id from drawn where n = 1))"
        " update work.conversion set identifier = %s where conversion_id in"
        " (select conversion_id from drawn where n = 2)",
        (str(random.random()), f"user:{random.randint(1, 6)}"),
    )


def late_touch(conn: Connection, random: Random, scope: list[tuple[str, str, date]]) -> None:
    connector, account, day = random.choice(scope)
    who = random.choice(["user:%d", "client:%d", "order:shopify:%d"]) % random.randint(1, 6)
    at = NOON - timedelta(days=random.choice([0, 1, 5, 29]), hours=random.randint(0, 5))
    conn.execute(
        "insert into work.touch values ('kiel', %s, %s, %s, %s, %s, %s, %s, '', '', '', 'google',"
        " '', '', '', %s, '', '', null, %s, 1)",
        (
            *(random.randint(10**6, 10**9), connector, account),
            *(random.choice(["click", "visit", "view"]), at, at.date(), who),
            *(random.choice(["email", "direct", "paid_search"]), day),
        ),
    )


def lost_touch(conn: Connection, random: Random, _: list[tuple[str, str, date]]) -> None:
    conn.execute(
        "delete from work.touch where touch_id ="
        " (select touch_id from work.touch order by md5(touch_id || %s) limit 1)",
        (str(random.random()),),
    )


def merge(conn: Connection, random: Random, _: list[tuple[str, str, date]]) -> None:
    one = f"client:{random.randint(1, 6)}"
    other = random.choice(["user:%d", "order:shopify:%d"]) % random.randint(1, 6)
    conn.execute(
        "insert into work.identity_edge values ('kiel', %s, %s, %s, %s, %s, 1)"
        " on conflict do nothing",
        (*EDGES[:2], one, other, EDGES[2]),
    )


def split(conn: Connection, random: Random, _: list[tuple[str, str, date]]) -> None:
    conn.execute(
        "delete from work.identity_edge where (identifier_a, identifier_b) ="
        " (select identifier_a, identifier_b from work.identity_edge"
        "   order by md5(identifier_a || identifier_b || %s) limit 1)",
        (str(random.random()),),
    )


CHANGES = (refund, edit, late_touch, lost_touch, merge, split)


def credits(conn: Connection) -> list[tuple[Any, ...]]:
    listed = [c for c in candidates.columns(conn, "core", "credit") if c != "publication_id"]
    return conn.execute(
        f"select {', '.join(listed)} from core.credit order by 1, 2, 3, 4".encode()
    ).fetchall()


def change_at_random(conn: Connection, seed: int, rounds: int) -> int:
    """How many conversions got other credits over the rounds."""
    random, moved = Random(seed), 0
    set_limits(conn)
    add_random_world(conn, seed)
    add_random_leads(conn, seed)
    attribute_all(conn, f"{seed} first")
    for n in range(rounds):
        before = credits(conn)
        with conn.transaction():
            known = days(conn)
            scope = sorted({*random.sample(known, min(12, len(known))), EDGES})
            open_run(conn, f"{seed} {n}", scope)
            for change in random.sample(CHANGES, random.randint(1, 3)):
                change(conn, random, scope)
            attribute.attribute(conn, AT)
        check_credits(conn, f"{seed} {n}", FixedClock(AT))
        publish.publish(conn, f"{seed} {n}", AT)
        step_by_step = credits(conn)
        conn.execute("delete from core.credit_pointer; delete from core.identity_rule")
        attribute_all(conn, f"{seed} {n} anew")
        assert credits(conn) == step_by_step, f"seed {seed}, round {n}"
        moved += len({row[2] for row in set(before) ^ set(step_by_step)})
    return moved


@pytest.mark.parametrize("seed", [2, 4])
def test_changed_at_random_the_credits_are_those_of_a_full_recomputation(
    warehouse: Connection, seed: int
) -> None:
    assert change_at_random(warehouse, seed, rounds=3) > 2


@pytest.mark.parametrize("kind", ["purchase", "lead"])
def test_who_becomes_a_hub_loses_touches_at_once(warehouse: Connection, kind: str) -> None:
    """Nothing joins these conversions with anybody: they are found by whose they are."""
    set_limits(warehouse)
    add_store(warehouse)
    add_touch(warehouse, 1, NOON - timedelta(days=1), who="user:1")
    add_order(warehouse, 50, who="user:1", kind=kind)
    attribute_all(warehouse, "first")
    with warehouse.transaction():
        open_run(warehouse, "second", [EDGES])
        for client in "abc":
            warehouse.execute(
                "insert into work.identity_edge values ('kiel', %s, %s, %s, 'user:1', %s, 1)",
                (*EDGES[:2], f"client:{client}", EDGES[2]),
            )
        attribute.attribute(warehouse, AT)
    publish.publish(warehouse, "second", AT)
    assert [row[2:4] for row in credits(warehouse)] == [(50, 0)]


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(100, 100 + SEEDS))
def test_many_worlds_changed_at_random_have_the_credits_of_a_full_recomputation(
    warehouse: Connection, seed: int
) -> None:
    assert change_at_random(warehouse, seed, rounds=12) > 5
