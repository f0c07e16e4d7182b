"""What models learn from: the journeys that are credited, and those that really did not convert."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.mart.attributed import (
    NOON,
    add_order,
    add_random_world,
    add_store,
    add_touch,
    attribute_all,
    before,
    join_people,
    set_rules,
)
from tributary.attribution import AttributionConfig, FitConfig, Paths
from tributary.pipeline import attribute
from tributary.pipeline.goal import Goal
from tributary.pipeline.model_input import Learned, journeys
from tributary.warehouse.connection import Connection

Journey = tuple[str, ...]


def goal_of(conn: Connection, config: AttributionConfig, relations: str) -> Goal:
    source = attribute.visit_sources(conn, f"{relations}touch")["kiel"]
    return Goal("kiel", "purchase", source, config)


def learned(conn: Connection, config: AttributionConfig, relations: str = "core.") -> Learned:
    found = journeys(conn, relations, goal_of(conn, config, relations))
    assert found is not None
    return found


def listed(paths: Paths, counts: Any) -> Counter[Journey]:
    """Each journey's channels, and how often."""
    found: Counter[Journey] = Counter()
    for n in range(len(paths)):
        codes = paths.channel[paths.offsets[n] : paths.offsets[n + 1]]
        found[tuple(paths.names[code] for code in codes)] += int(counts[n])
    return +found


def credited(conn: Connection, since: Any) -> tuple[Counter[Journey], int]:
    """The journeys that published credits give out, and how many conversions have none."""
    rows = conn.execute(
        "select c.conversion_id, coalesce(array_agg(t.channel order by t.occurred_at, t.touch_id)"
        " filter (where c.touch_id <> 0), '{}') from core.credit as c"
        " join core.conversion as v using (store_id, conversion_id)"
        " left join core.touch as t on t.store_id = c.store_id and t.touch_id = c.touch_id"
        " where v.converted_at >= %s group by 1",
        (since,),
    ).fetchall()
    found = Counter(tuple(path) for _, path in rows)
    return found, found.pop((), 0)


def set_hub_limits(conn: Connection, **limits: int) -> None:
    conn.execute(
        "insert into ops.store_rule values ('kiel', %s, '{}')"
        " on conflict (store_id) do update set identity = excluded.identity",
        (Jsonb({"hub_limits": limits}),),
    )


RULES: list[dict[str, Any]] = [
    {},
    {"repeat": "since-last"},
    {"max_touches": 2, "direct": "as-any"},
    {"lookback_days": {"click": 3, "view": 5}, "exclude_channels": ["email"]},
]


@pytest.mark.parametrize("rules", RULES, ids=str)
@pytest.mark.parametrize("seed", [1, 5, 6])
def test_models_learn_from_the_journeys_that_are_credited(
    warehouse: Connection, seed: int, rules: dict[str, Any]
) -> None:
    add_random_world(warehouse, seed)
    set_rules(warehouse, **rules)
    set_hub_limits(warehouse, user=1)
    warehouse.execute(
        "update core.conversion set identifier = 'client:1' where conversion_id % 4 = 0"
    )
    attribute_all(warehouse)
    config = attribute.configs(warehouse)["kiel", "purchase"]
    found = learned(warehouse, config)
    paths, alone = credited(warehouse, found.first)
    assert listed(found.paths, found.paths.conversions) == paths
    assert found.paths.unattributed_conversions == alone
    assert paths.total() > 2 and paths.total() + alone > 8
    published, candidate = found.paths, learned(warehouse, config, "work.candidate_").paths
    assert listed(candidate, candidate.nulls) == listed(published, published.nulls)


def test_customers_of_a_shared_account_are_not_one_person(warehouse: Connection) -> None:
    add_store(warehouse)
    set_hub_limits(warehouse, customer=2, client=2)
    add_touch(warehouse, 99, before(90), "referral", who="client:stranger")
    edges = []
    for n, channel in enumerate(["affiliate", "email", "paid_search", "paid_social"]):
        add_touch(warehouse, n + 1, before(9 - n), channel, who=f"client:{n}")
        add_order(warehouse, n + 1, before(8 - n), who="customer:house")
        edges += [(f"client:{n}", f"order:shopify:{n + 1}")]
        edges += [("customer:house", f"order:shopify:{n + 1}")]
    # A till: five customers ordered there. Its touches are nobody's, and no journey.
    add_touch(warehouse, 7, before(60), "organic_search", who="client:till")
    for n in range(5):
        edges += [("client:till", f"order:shopify:{n + 10}")]
        edges += [(f"customer:{n}", f"order:shopify:{n + 10}")]
    join_people(warehouse, edges)
    attribute_all(warehouse)
    hubs = warehouse.execute("select identifier from core.identity_hub order by 1").fetchall()
    assert hubs == [("client:till",), ("customer:house",)]
    found = learned(warehouse, AttributionConfig())
    expected = Counter([("affiliate",), ("email",), ("paid_search",), ("paid_social",)])
    assert listed(found.paths, found.paths.conversions) == expected
    assert listed(found.paths, found.paths.nulls) == Counter([("referral",)])
    assert credited(warehouse, found.first) == (expected, 0)


def test_a_journey_is_learned_from_when_it_ended_within_the_days(warehouse: Connection) -> None:
    """Twenty days to learn from, and a lookback of thirty."""
    add_store(warehouse)
    touches: list[tuple[str, float, str]] = [
        ("stranger", 100, "referral"),  # the store's first: long over
        ("earlier", 60, "email"),  # bought 40 days ago: before the days, and not without buying
        ("buyer", 45, "affiliate"),  # buys within the days, 26 days later
        ("over", 55, "email"),  # ended without buying 25 days ago
        ("gone", 45, "paid_search"),  # ended 15 days ago: learned from
        ("open", 10, "email"),  # may still buy
        ("back", 49, "email"),  # came back in time, and may still buy
        ("back", 25, "email"),
        ("long", 70, "email"),  # began before anything is read: its rest ended 15 days ago
        ("long", 45, "paid_social"),
        ("late", 48, "influencer"),  # bought 31 days later: over by then
        ("now", 1, "direct"),
    ]
    for n, (who, days, channel) in enumerate(touches, start=1):
        add_touch(warehouse, n, before(days), channel, who=f"user:{who}")
    # A day after a view it does not count; the purchase then ends the journey.
    add_touch(warehouse, 50, before(5), "display", "view", who="user:viewer")
    orders = [("earlier", 40.0), ("buyer", 19), ("late", 17), ("viewer", 3), ("now", 0)]
    for n, (who, days) in enumerate(orders, start=1):
        add_order(warehouse, n, before(days), who=f"user:{who}")
    found = learned(warehouse, AttributionConfig(fit=FitConfig(days=20)))
    assert (found.first, found.end) == (before(20), NOON)
    assert listed(found.paths, found.paths.conversions) == Counter([("affiliate",), ("direct",)])
    assert found.paths.unattributed_conversions == 2  # late, viewer
    expected = [("paid_search",), ("paid_social",), ("influencer",), ("display",)]
    assert listed(found.paths, found.paths.nulls) == Counter(expected)


def test_a_new_store_is_learned_from_when_its_journeys_could_end(warehouse: Connection) -> None:
    add_store(warehouse)
    for n in range(40):
        add_touch(warehouse, n + 1, before(40 - n), "email", who=f"user:{n}")
        if n % 2:
            add_order(warehouse, n, before(40 - n) + timedelta(hours=1), who=f"user:{n}")
    found = learned(warehouse, AttributionConfig())
    # From the 30th day after its first touch to its last order.
    assert found.first == before(10)
    assert found.paths.conversions.sum() == 5
    assert found.paths.nulls.sum() == 5
    warehouse.execute("delete from core.touch where touch_id < 20")
    assert journeys(warehouse, "core.", goal_of(warehouse, AttributionConfig(), "core.")) is None
