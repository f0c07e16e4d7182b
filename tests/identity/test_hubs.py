"""Hubs: what many people share is found, whatever the order of the evidence."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tributary.identity.components import components, kind_of
from tributary.identity.hubs import LIMITS, find_hubs

Edges = list[tuple[str, str]]


def sold(client: str, buyers: int) -> Edges:
    """Orders of as many customers from one browser."""
    return [
        edge
        for n in range(buyers)
        for edge in (
            (client, f"order:shopify:{client}{n}"),
            (f"customer:{client}{n}", f"order:shopify:{client}{n}"),
        )
    ]


def test_a_browser_of_a_household_is_none_and_a_till_is_one() -> None:
    assert find_hubs(sold("client:1", 5)) == {}
    assert find_hubs(sold("client:1", 6)) == {"client:1": 6}
    assert find_hubs([("client:1", f"user:{n}") for n in range(6)]) == {"client:1": 6}


def test_one_customer_with_many_orders_from_one_browser_is_one_person() -> None:
    edges = [
        edge
        for n in range(500)
        for edge in (("client:1", f"order:s:{n}"), ("customer:1", f"order:s:{n}"))
    ]
    assert find_hubs(edges) == {}
    assert set(components(edges).values()) == {"customer:1"}


def test_orders_without_buyer_count_as_one_buyer_each() -> None:
    assert find_hubs([("client:1", f"order:s:{n}") for n in range(6)]) == {"client:1": 6}


@pytest.mark.parametrize(("devices", "hubs"), [(100, {}), (101, {"customer:house": 101})])
def test_a_house_account_meets_more_browsers_than_a_person_has(
    devices: int, hubs: dict[str, int]
) -> None:
    edges = [
        edge
        for n in range(devices)
        for edge in ((f"client:{n}", f"order:s:{n}"), ("customer:house", f"order:s:{n}"))
    ]
    assert find_hubs(edges) == hubs


def test_a_transaction_id_that_everyone_sends_is_cut_and_makes_no_other_hub() -> None:
    edges = [(f"client:{n}", "order:s:undefined") for n in range(500)]
    edges += [("customer:1", "order:s:undefined")]
    assert find_hubs(edges) == {"order:s:undefined": 501}


def test_a_limit_can_be_another() -> None:
    assert find_hubs(sold("client:1", 3), {**LIMITS, "client": 2}) == {"client:1": 3}


def clicked(click: str, client: str, customer: str) -> Edges:
    """An order of a customer whose journey began with a click in a browser."""
    order = f"order:shopify:{click}{customer}"
    return [(click, client), (click, order), (customer, order)]


def test_a_click_joins_the_browser_that_carries_it_with_the_buyer() -> None:
    edges = clicked("click:1", "client:1", "customer:1") + clicked(
        "click:2", "client:2", "customer:2"
    )
    assert find_hubs(edges) == {}
    assert components(edges)["client:1"] == "customer:1"
    assert components(edges)["click:2"] == components(edges)["client:2"] == "customer:2"


@pytest.mark.parametrize(
    "again",
    [
        [("click:1", "client:2")],
        [("click:1", "order:shopify:2"), ("order:shopify:2", "customer:2")],
        [("click:1", "order:shopify:2"), ("click:1", "order:shopify:3")],
    ],
    ids=["browsers", "buyers", "orders without buyer"],
)
def test_a_click_of_two_is_nobodys(again: Edges) -> None:
    edges = clicked("click:1", "client:1", "customer:1") + again
    assert find_hubs(edges) == {"click:1": 2}
    assert "client:1" not in components(edges, cut={"click:1"})


def test_a_click_is_of_one_buyer_however_many_orders_and_identifiers_that_one_has() -> None:
    edges = clicked("click:1", "client:1", "customer:1")
    edges += [("click:1", "order:shopify:2"), ("order:shopify:2", "customer:1")]
    edges += [("click:1", "user:1"), ("order:shopify:2", "client:9")]
    assert find_hubs(edges) == {}


def test_clicks_make_no_hub_of_an_order_a_browser_or_a_buyer() -> None:
    edges = [
        edge for n in range(300) for edge in clicked(f"click:{n}", "client:1", "customer:1")
    ] + [(f"click:{n}", "order:shopify:all") for n in range(300)]
    assert find_hubs(edges) == {}
    assert set(components(edges).values()) == {"customer:1"}


@pytest.mark.parametrize(("accounts", "hubs"), [(20, {}), (21, {"email:house": 21})])
def test_a_house_address_joins_nobody(accounts: int, hubs: dict[str, int]) -> None:
    assert find_hubs([("email:house", f"customer:{n}") for n in range(accounts)]) == hubs


KINDS = ("client", "customer", "order", "click")
edges_made = st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15)), max_size=70).map(
    lambda pairs: [
        (f"{KINDS[a % 4]}:{a}", f"{KINDS[b % 4]}:{b}") for a, b in pairs if a % 4 != b % 4
    ]
)


@given(edges_made, st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_hubs_are_those_that_meet_too_many_whatever_the_order(
    edges: Edges, shuffler: random.Random
) -> None:
    limits = {"client": 2, "customer": 3, "order": 3, "click": 1}
    found = find_hubs(edges, limits)
    assert found == _slowly(edges, limits)
    shuffler.shuffle(edges)
    assert find_hubs([(b, a) for a, b in edges], limits) == found


def _slowly(edges: Edges, limits: dict[str, int]) -> dict[str, int]:
    near: dict[str, set[str]] = {}
    for a, b in edges:
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    clicks = {x: near.pop(x) for x in list(near) if kind_of(x) == "click"}
    near = {x: {y for y in others if kind_of(y) != "click"} for x, others in near.items()}
    crowded = {x for x in near if kind_of(x) == "order" and len(near[x]) > limits["order"]}
    found = {x: len(near[x]) for x in crowded}
    for x, others in clicks.items():
        met = set[str]()
        for y in others - crowded:
            buyers = {z for z in near[y] if kind_of(z) == "customer"}
            met |= buyers if kind_of(y) == "order" and buyers else {y}
        most = max((sum(kind_of(y) == kind for y in met) for kind in KINDS), default=0)
        if most > limits["click"]:
            found[x] = most
    for x in near:
        if kind_of(x) == "order":
            continue
        met: set[str] = set()
        for y in near[x] - crowded:
            if kind_of(y) != "order":
                met.add(y)
                continue
            met |= near[y] - {x}
            if not any(kind_of(z) == "customer" for z in near[y]):
                met.add(y)
        if kind_of(x) == "client":
            met = {y for y in met if kind_of(y) != "client"}
        else:
            met = {y for y in met if kind_of(y) != "order"}
        if len(met) > limits[kind_of(x)]:
            found[x] = len(met)
    return found
