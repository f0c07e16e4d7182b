"""Journeys of the sandbox's world without its times of day: who comes, comes again, and orders.

The law is the sandbox's (`sandbox/people.py`, `sandbox/catalog.py`) up to a person's first order,
drawn for thousands of people at once: each visit ends in an order by the chance that is there
anyway plus the channel's lift, else the person comes back or stays away. So what each channel
truly adds is known exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tributary.attribution import Paths
from tributary.sandbox.catalog import BASE_CONVERSION, CHANNELS

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

# As in sandbox/people.py: who comes back, after how many days.
RETURN_CHANCE = 0.56
MEAN_GAP_DAYS, LONGEST_GAP_DAYS = 3.2, 24.0
HALF_LIFE_DAYS = 7.0
_MOST_VISITS = 60


@dataclass(frozen=True)
class Law:
    """Ways people really come, in order of their names: how often first and again, how many of
    their visits end in an order, and the channel (into `names`) that evidence shows."""

    names: tuple[str, ...]
    arrives: Float
    returns: Float
    orders: Float
    seen_as: Int

    def chance(self) -> float:
        """Of a person to order; the cut after many visits is below what a float can tell."""
        again = self.returns @ self.orders
        again /= 1 - RETURN_CHANCE * (self.returns @ (1 - self.orders))
        return float(self.arrives @ (self.orders + (1 - self.orders) * RETURN_CHANCE * again))

    def without_lift(self, channel: int) -> Law:
        """The same world where visits by this channel add nothing."""
        orders = np.where(self.seen_as == channel, BASE_CONVERSION, self.orders)
        return Law(self.names, self.arrives, self.returns, orders, self.seen_as)


def law() -> Law:
    """The sandbox's, at its planned spend."""
    ways = list(CHANNELS.values())
    names = tuple(sorted({way.seen_as for way in ways}))
    arrives = np.array([way.arrivals for way in ways])
    returns = np.array([float(way.returns) for way in ways])
    return Law(
        names=names,
        arrives=arrives / arrives.sum(),
        returns=returns / returns.sum(),
        orders=np.array([BASE_CONVERSION + way.lift for way in ways]),
        seen_as=np.array([names.index(way.seen_as) for way in ways]),
    )


def incremental(world: Law) -> Float:
    """Per channel the part of all people who order only because of what its visits add."""
    whole = world.chance()
    return np.array([whole - world.without_lift(n).chance() for n in range(len(world.names))])


def sample(world: Law, people: int, random: np.random.Generator) -> Paths:
    """The journeys of so many people, with the shares of time decay."""
    size = len(world.arrives)
    way = np.full((people, _MOST_VISITS), -1)
    gap = np.zeros((people, _MOST_VISITS))
    ordered = np.zeros(people, dtype=np.bool_)
    there = np.arange(people)
    now = random.choice(size, people, p=world.arrives)
    for visit in range(_MOST_VISITS):
        way[there, visit] = now
        buys = random.random(len(there)) < world.orders[now]
        ordered[there[buys]] = True
        comes_back = ~buys & (random.random(len(there)) < RETURN_CHANCE)
        there = there[comes_back]
        if not len(there):
            break
        days = random.exponential(MEAN_GAP_DAYS, len(there))
        gap[there, visit] = np.minimum(days, LONGEST_GAP_DAYS)
        now = random.choice(size, len(there), p=world.returns)
    is_visit = way >= 0
    sizes = is_visit.sum(axis=1)
    age = np.cumsum(gap[:, ::-1], axis=1)[:, ::-1]
    weight = np.where(is_visit, np.exp2(-age / HALF_LIFE_DAYS), 0.0)
    return Paths(
        names=world.names,
        channel=world.seen_as[way[is_visit]],
        offsets=np.r_[0, np.cumsum(sizes)],
        conversions=ordered.astype(np.float64),
        nulls=(~ordered).astype(np.float64),
        decay=(weight / weight.sum(axis=1, keepdims=True))[is_visit],
    )
