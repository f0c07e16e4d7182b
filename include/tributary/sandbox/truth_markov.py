"""Markov by the world's own people: which journeys ended, and who would be missed how much.

Journeys are walked one by one and the chain is stepped until nothing is left of it, in plain
Python. Only the chain's order is given: choosing it draws random numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

LOOKBACK = timedelta(days=30)
LEARNED = timedelta(days=365)
# With fewer journeys of either kind nothing is learned.
LEAST = 100
_SMALLEST = 1e-17

Path = tuple[str, ...]
# A channel and when; a person's visits in order of time.
Seen = tuple[datetime, str]
State = tuple[str, ...]


@dataclass(frozen=True)
class Learned:
    """The journeys that ended within the learned days."""

    won: tuple[Path, ...]
    lost: tuple[Path, ...]
    unattributed: int

    @property
    def is_enough(self) -> bool:
        return len(self.won) >= LEAST and len(self.lost) >= LEAST


def learned(people: Iterable[tuple[Sequence[Seen], Sequence[datetime]]], direct: str) -> Learned:
    """What is learned of people, each given by their visits and their orders' times."""
    everybody = [(sorted(visits), sorted(orders)) for visits, orders in people]
    newest = max((at for _, orders in everybody for at in orders), default=None)
    oldest = min((at for visits, _ in everybody for at, _ in visits), default=None)
    if newest is None or oldest is None:
        return Learned((), (), 0)
    first = max(newest - LEARNED, oldest + LOOKBACK)
    won: list[Path] = []
    lost: list[Path] = []
    unattributed = 0
    for visits, orders in everybody:
        for placed in orders:
            if first <= placed:
                path = _counting([v for v in visits if placed - LOOKBACK <= v[0] <= placed], direct)
                won += [path] if path else []
                unattributed += not path
        recent = [visit for visit in visits if visit[0] >= first - LOOKBACK]
        for run in _unconverted(recent, orders):
            last = run[-1][0]
            end = min([last + LOOKBACK, *(placed for placed in orders if placed >= last)])
            if first <= end <= newest:
                lost.append(_counting(run, direct))
    return Learned(tuple(won), tuple(lost), unattributed)


def _counting(visits: Sequence[Seen], direct: str) -> Path:
    """The channels, direct only where nothing else is."""
    path = tuple(channel for _, channel in visits)
    return tuple(channel for channel in path if channel != direct) or path


def _unconverted(visits: Sequence[Seen], orders: Sequence[datetime]) -> Iterator[list[Seen]]:
    """Runs of visits that count for no order, parted by orders and by long silence."""
    run: list[Seen] = []
    for visit in visits:
        at = visit[0]
        if any(timedelta(0) <= placed - at <= LOOKBACK for placed in orders):
            continue
        if run and (at - run[-1][0] > LOOKBACK or any(run[-1][0] <= o < at for o in orders)):
            yield run
            run = []
        run.append(visit)
    if run:
        yield run


def removal_effects(found: Learned, order: int) -> dict[str, float]:
    """Per channel the part of conversions that would be lost if whoever met it went away."""
    chain = _Chain(found, order)
    whole = chain.chance(frozenset())
    channels = sorted({channel for path in (*found.won, *found.lost) for channel in path})
    return {channel: 1 - chain.chance(frozenset({channel})) / whole for channel in channels}


class _Chain:
    """How often journeys go from their last channels to the next, counted path by path."""

    def __init__(self, found: Learned, order: int) -> None:
        self.start: dict[State, int] = defaultdict(int)
        self.steps: dict[State, dict[State, int]] = defaultdict(lambda: defaultdict(int))
        self.won: dict[State, int] = defaultdict(int)
        self.left: dict[State, int] = defaultdict(int)
        for paths, converts in ((found.won, 1), (found.lost, 0)):
            for path in paths:
                state = path[:order]
                self.start[state] += 1
                for channel in path[order:]:
                    following = (*state, channel)[-order:]
                    self.steps[state][following] += 1
                    self.left[state] += 1
                    state = following
                self.won[state] += converts
                self.left[state] += 1

    def chance(self, gone: frozenset[str]) -> float:
        """Of a conversion where nobody gets past the channels that are gone."""
        there: dict[State, float] = {
            state: count / sum(self.start.values())
            for state, count in self.start.items()
            if not gone.intersection(state)
        }
        total = 0.0
        while sum(there.values()) > _SMALLEST:
            following: dict[State, float] = defaultdict(float)
            for state, part in there.items():
                total += part * self.won[state] / self.left[state]
                for target, count in self.steps[state].items():
                    if not gone.intersection(target):
                        following[target] += part * count / self.left[state]
            there = following
        return total


def parts(path: Sequence[str], value: int, weights: Mapping[str, float]) -> list[int]:
    """The value over the visits of a path: by their channels' weights, a channel's part equally
    over its visits; the units that do not divide go to the largest remainders, earlier ones first.
    """
    known = {channel: Fraction(weight) for channel, weight in weights.items()}
    mean = sum(known.values(), Fraction(0)) / max(len(known), 1)
    weight = {channel: known.get(channel, mean) for channel in path}
    whole = sum(weight.values())
    if not whole:
        weight, whole = dict.fromkeys(weight, Fraction(1)), Fraction(len(weight))
    shares = [abs(value) * weight[c] / whole / path.count(c) for c in path]
    found = [int(share) for share in shares]
    by_rest = sorted(range(len(path)), key=lambda i: (found[i] - shares[i], i))
    for i in by_rest[: abs(value) - sum(found)]:
        found[i] += 1
    return found if value >= 0 else [-part for part in found]
