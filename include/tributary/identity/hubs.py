"""Identifiers that many people share are no evidence of one person: they are found and cut.

An identifier is a hub when it meets more others than its kind may:

client, device   5 buyers, itself or over one order: a household (an order without buyer counts as
                 one)
user, customer   100 browsers and other buyers, likewise: browsers forget us every week
email            20 browsers and other buyers, likewise: a customer's accounts, a guest's browsers
click            1 of each kind: it was one browser's click and one buyer's; an address that was
                 sent on, or is opened again in another browser, is nobody's
order            5 of anything but clicks: one buyer, and the devices the receipt was opened on

Beyond it is a till, a test browser, a house address, or a transaction id like "undefined". A click
counts for nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from tributary.identity.components import kind_of

Int = npt.NDArray[np.int64]

LIMITS: Mapping[str, int] = {
    "client": 5,
    "click": 1,
    "device": 5,
    "user": 100,
    "customer": 100,
    "email": 20,
    "order": 5,
}
_BUYER, _DEVICE, _ORDER, _CLICK = 0, 1, 2, 3
_GROUPS = {
    **dict.fromkeys(("user", "customer", "email"), _BUYER),
    **dict.fromkeys(("client", "device"), _DEVICE),
    "order": _ORDER,
    "click": _CLICK,
}


def find_hubs(
    edges: Iterable[tuple[str, str]], limits: Mapping[str, int] = LIMITS
) -> dict[str, int]:
    """Hub -> how many others it meets; the same for any order of the edges.

    Orders are judged first, and the others without the orders that are hubs.
    """
    pairs = list(edges)
    known = sorted({text for pair in pairs for text in pair})
    if not known:
        return {}
    number = {identifier: n for n, identifier in enumerate(known)}
    joined = np.array([(number[a], number[b]) for a, b in pairs], dtype=np.int64)
    kinds = [kind_of(identifier) for identifier in known]
    group = np.array([_GROUPS.get(kind, _BUYER) for kind in kinds], dtype=np.int64)
    limit = np.array([limits.get(kind, LIMITS["user"]) for kind in kinds], dtype=np.int64)
    kind = np.unique(np.array(kinds), return_inverse=True)[1].astype(np.int64)
    met = _met(joined[:, 0], joined[:, 1], group, limit, kind)
    return {known[n]: int(met[n]) for n in np.flatnonzero(met > limit)}


def _met(a: Int, b: Int, group: Int, limit: Int, kind: Int) -> Int:
    """How many others each identifier meets."""
    size = len(group)
    here, there = _distinct(np.r_[a, b], np.r_[b, a], size)
    is_order, is_click = group == _ORDER, group == _CLICK
    met = np.bincount(here[~is_click[there]], minlength=size)
    crowded = is_order & (met > limit)
    kept = ~crowded[here] & ~crowded[there]
    here, there = here[kept], there[kept]
    has_buyer = np.zeros(size, dtype=np.bool_)
    has_buyer[here[group[there] == _BUYER]] = True
    counts = (~is_order[there] | ~has_buyer[there]) & ~is_click[there]
    clicks, buyers = _buyers_over_orders(here, there, group)
    known = ~is_click[here] & ~is_click[there]
    one, other = _over_orders(here[known], there[known], is_order)
    left, right = _distinct(
        np.r_[here[counts], one, clicks], np.r_[there[counts], other, buyers], size
    )
    is_met = np.where(
        group[left] == _DEVICE, group[right] != _DEVICE, (group[left] == _BUYER) & ~is_order[right]
    )
    others = np.bincount(left[is_met], minlength=size)
    others[is_click] = _most_of_a_kind(left, kind[right], size)[is_click]
    return np.where(is_order, met, others)


def _buyers_over_orders(here: Int, there: Int, group: Int) -> tuple[Int, Int]:
    """Each click with the buyers of the orders that it led to."""
    led = (group[here] == _ORDER) & (group[there] == _CLICK)
    sold = (group[here] == _ORDER) & (group[there] == _BUYER)
    orders = here[sold]  # sorted, as all pairs are
    first = np.searchsorted(orders, here[led], side="left")
    count = np.searchsorted(orders, here[led], side="right") - first
    click = np.repeat(there[led], count)
    within = np.arange(len(click)) - np.repeat(np.cumsum(count) - count, count)
    return click, there[sold][np.repeat(first, count) + within]


def _most_of_a_kind(left: Int, kind: Int, size: int) -> Int:
    """How many of one kind each meets, of the kind it meets most."""
    of, count = np.unique(left * size + kind, return_counts=True)
    most = np.zeros(size, dtype=np.int64)
    np.maximum.at(most, of // size, count)
    return most


def _over_orders(here: Int, there: Int, is_order: npt.NDArray[np.bool_]) -> tuple[Int, Int]:
    """Pairs that meet at one order; no order is crowded, so there are few of each."""
    order = here[is_order[here]]
    member = there[is_order[here]]
    by_order = np.argsort(order, kind="stable")
    order, member = order[by_order], member[by_order]
    starts = np.flatnonzero(np.r_[True, order[1:] != order[:-1]][: len(order)])
    sizes = np.diff(np.r_[starts, len(order)])
    size_of, start_of = np.repeat(sizes, sizes), np.repeat(starts, sizes)
    one = np.repeat(np.arange(len(order)), size_of)
    within = np.arange(len(one)) - np.repeat(np.cumsum(size_of) - size_of, size_of)
    other = np.repeat(start_of, size_of) + within
    apart = one != other
    return member[one[apart]], member[other[apart]]


def _distinct(one: Int, other: Int, size: int) -> tuple[Int, Int]:
    key = np.unique(one * size + other)
    return key // size, key % size
