"""Identifiers that many people share are no evidence of one person: they are found and cut.

An identifier is a hub when it meets more others than its kind may:

client, click, device   5 buyers, itself or over one order: a household (an order without buyer
                        counts as one)
user, customer, email   100 browsers and other buyers, likewise: browsers forget us every week
order                   5 of anything: one buyer, and the devices the receipt was opened on

Beyond it is a till, a test browser, a house address, or a transaction id like "undefined".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from tributary.identity.components import kind_of

Int = npt.NDArray[np.int64]

LIMITS: Mapping[str, int] = {
    "client": 5,
    "click": 5,
    "device": 5,
    "user": 100,
    "customer": 100,
    "email": 100,
    "order": 5,
}
_BUYER, _DEVICE, _ORDER = 0, 1, 2
_GROUPS = {
    **dict.fromkeys(("user", "customer", "email"), _BUYER),
    **dict.fromkeys(("client", "click", "device"), _DEVICE),
    "order": _ORDER,
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
    met = _met(joined[:, 0], joined[:, 1], group, limit)
    return {known[n]: int(met[n]) for n in np.flatnonzero(met > limit)}


def _met(a: Int, b: Int, group: Int, limit: Int) -> Int:
    """How many others each identifier meets."""
    size = len(group)
    here, there = _distinct(np.r_[a, b], np.r_[b, a], size)
    is_order = group == _ORDER
    met = np.bincount(here, minlength=size)
    crowded = is_order & (met > limit)
    kept = ~crowded[here] & ~crowded[there]
    here, there = here[kept], there[kept]
    has_buyer = np.zeros(size, dtype=np.bool_)
    has_buyer[here[group[there] == _BUYER]] = True
    counts = ~is_order[there] | ~has_buyer[there]
    one, other = _over_orders(here, there, is_order)
    left, right = _distinct(np.r_[here[counts], one], np.r_[there[counts], other], size)
    is_met = np.where(
        group[left] == _DEVICE, group[right] != _DEVICE, (group[left] == _BUYER) & ~is_order[right]
    )
    others = np.bincount(left[is_met], minlength=size)
    return np.where(is_order, met, others)


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
