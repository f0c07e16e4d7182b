"""Identity: who is one person, whatever the order of the evidence."""

from __future__ import annotations

import itertools
import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tributary.identity.components import components, smallest_connected

EDGES = [
    ("client:1", "order:shopify:9"),
    ("customer:5", "order:shopify:9"),
    ("client:2", "customer:5"),
    ("client:3", "order:shopify:10"),
]


def test_a_person_is_named_by_its_best_identifier() -> None:
    people = components(EDGES)
    assert people["client:1"] == people["client:2"] == people["order:shopify:9"] == "customer:5"
    assert people["client:3"] == people["order:shopify:10"] == "client:3"


def test_the_order_of_edges_does_not_matter() -> None:
    expected = components(EDGES)
    assert len(expected) == 6
    for shuffled in itertools.permutations(EDGES):
        assert components(shuffled) == expected


def test_a_user_id_outranks_a_customer_and_ties_go_by_text() -> None:
    assert components([("customer:1", "user:z"), ("user:a", "user:z")])["customer:1"] == "user:a"


def test_a_long_chain_does_not_overflow() -> None:
    chain = [(f"client:{i:06}", f"client:{i + 1:06}") for i in range(50_000)]
    assert set(components(chain).values()) == {"client:000000"}


def test_an_identifier_alone_is_its_own_person() -> None:
    people = components([("client:1", "user:a")], alone=["order:files:7", "client:1"])
    assert people == {"order:files:7": "order:files:7", "client:1": "user:a", "user:a": "user:a"}


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=20),
    st.randoms(use_true_random=False),
)
def test_people_are_the_connected_groups_whatever_the_order(
    pairs: list[tuple[int, int]], shuffler: random.Random
) -> None:
    def text(number: int) -> str:
        return f"{('order', 'client', 'customer', 'user')[number % 4]}:{number}"

    edges = [(text(a), text(b)) for a, b in pairs]
    people = components(edges)
    for one in people:
        group, grew = {one}, True
        while grew:
            wider = group | {x for edge in edges if group & set(edge) for x in edge}
            grew, group = wider != group, wider
        rank = ["user", "customer", "client", "order"]
        assert people[one] == min(group, key=lambda x: (rank.index(x.split(":")[0]), x))
    shuffler.shuffle(edges)
    assert components([(b, a) for a, b in edges]) == people


def test_who_is_cut_joins_nobody_and_is_left_out() -> None:
    edges = [("client:till", "user:a"), ("client:till", "user:b"), ("client:1", "user:b")]
    assert components(edges, cut={"client:till"}) == {"client:1": "user:b", "user:b": "user:b"}


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=60))
def test_union_find_in_arrays_gives_the_smallest_of_each_group(
    pairs: list[tuple[int, int]],
) -> None:
    joined = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    found = smallest_connected(41, joined[:, 0], joined[:, 1]).tolist()
    slow = list(range(41))
    for _ in range(41):
        for one, other in pairs:
            slow[one] = slow[other] = min(slow[one], slow[other])
    assert found == slow
