"""The models once more, in plain Python: dictionaries, loops and fractions, to compare with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

Number = float | Fraction
Totals = dict[str, Number]
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Path:
    """Channels in order, and the journeys that went this way; `ages` in days, where known."""

    channels: list[str]
    conversions: Number
    nulls: Number
    value: Number = Fraction(0)
    ages: tuple[float, ...] = ()


def spread(path: Path, model: str, position: tuple[Number, Number, Number]) -> list[Number]:
    """Each touch's share of its path under a rule."""
    size = len(path.channels)
    share: list[Number] = [Fraction(0)] * size
    if model == "first":
        share[0] = Fraction(1)
    elif model == "last":
        share[-1] = Fraction(1)
    elif model == "last_non_direct":
        known = [at for at, name in enumerate(path.channels) if not is_direct(name)]
        share[known[-1] if known else -1] = Fraction(1)
    elif model == "linear":
        share = [Fraction(1, size)] * size
    elif model == "shapley":
        different = set(path.channels)
        share = [Fraction(1, len(different) * path.channels.count(c)) for c in path.channels]
    elif model == "time_decay":
        weights = [2 ** (-age / 7) for age in path.ages]
        share = [weight / sum(weights) for weight in weights]
    elif model == "position_based":
        share = _by_position(size, position)
    else:
        raise AssertionError(model)
    return share


def _by_position(size: int, position: tuple[Number, Number, Number]) -> list[Number]:
    if size < 3:
        return [Fraction(1, size)] * size
    middle = [position[1] / (size - 2)] * (size - 2)
    return [position[0], *middle, position[2]]


def is_direct(name: str) -> bool:
    return name.lower() in ("direct", "(direct)")


def rule(
    paths: Iterable[Path],
    model: str,
    worth: Callable[[Path], Number],
    position: tuple[Number, Number, Number] = (Fraction(2, 5), Fraction(1, 5), Fraction(2, 5)),
) -> Totals:
    """What a rule gives each channel of the `worth` of all paths."""
    found: Totals = defaultdict(Fraction)
    for path in paths:
        if path.conversions:
            shares = spread(path, model, position)
            for name, share in zip(path.channels, shares, strict=True):
                found[name] = found[name] + share * worth(path)
        for name in path.channels:
            found[name] = found[name] + 0
    return dict(found)


def removal_effects(
    paths: list[Path], order: int, worth: Callable[[Path], Number] = lambda path: path.conversions
) -> Totals:
    """What is lost without each channel: the chain solved anew for each, in fractions."""
    steps: dict[Any, dict[Any, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    reward: dict[Any, Fraction] = defaultdict(Fraction)
    for path in paths:
        weight = Fraction(path.conversions) + Fraction(path.nulls)
        if not weight:
            continue
        states = _states(path.channels, order)
        for one, other in pairwise([(), *states]):
            steps[one][other] += weight
        steps[states[-1]][None] += weight
        reward[states[-1]] += Fraction(worth(path)) if path.conversions else 0
    names = sorted({name for path in paths for name in path.channels})
    whole = _expected(steps, reward, None)
    return {
        name: 1 - _expected(steps, reward, name) / whole if whole else Fraction(0) for name in names
    }


def _states(channels: list[str], order: int) -> list[tuple[str, ...]]:
    if len(channels) < order:
        return [tuple(channels)]
    return [tuple(channels[at : at + order]) for at in range(len(channels) - order + 1)]


def _expected(steps: Any, reward: Any, without: str | None) -> Fraction:
    """Expected reward from the start, by Gauss elimination; states with `without` lead nowhere."""
    kept = [state for state in steps if without not in state]
    place = {state: at for at, state in enumerate(kept)}
    rows = []
    for state in kept:
        row = [Fraction(0)] * (len(kept) + 1)
        row[place[state]] += 1
        leaving = sum(steps[state].values())
        for other, weight in steps[state].items():
            if other in place:
                row[place[other]] -= weight / leaving
        row[-1] = reward[state] / leaving
        rows.append(row)
    for at in range(len(rows)):
        pivot = next(low for low in range(at, len(rows)) if rows[low][at])
        rows[at], rows[pivot] = rows[pivot], rows[at]
        scale = rows[at][at]
        rows[at] = [cell / scale for cell in rows[at]]
        for low in range(len(rows)):
            if low != at and rows[low][at]:
                part = rows[low][at]
                rows[low] = [a - part * b for a, b in zip(rows[low], rows[at], strict=True)]
    return rows[place[()]][-1] if () in place else Fraction(0)


def markov(paths: list[Path], order: int, worth: Callable[[Path], Number]) -> Totals:
    """All conversions, or all value, split by removal effect."""
    effects = removal_effects(paths, order, worth)
    whole = sum(effects.values())
    total = sum(worth(path) for path in paths if path.conversions)
    return {
        name: effect * total / whole if whole else total * Fraction(1, len(effects))
        for name, effect in effects.items()
    }


@dataclass(frozen=True)
class Event:
    """A touch, or with `value` a conversion."""

    user: str
    at: datetime
    channel: str = ""
    kind: str = "click"
    value: float = 0.0


LOOKBACK = {"click": 30, "visit": 30, "email_click": 5, "view": 1}


def journeys(
    touches: list[Event],
    sales: list[Event],
    lookback: dict[str, int] | None,
    direct: str,
    transform: str = "unique",
) -> tuple[list[Path], list[Event]]:
    """All journeys, and the conversions that no touch counts for."""
    days = lookback or LOOKBACK
    ordered = sorted(touches, key=lambda touch: (touch.at, touch.channel, touch.kind))
    paths, alone, used = [], [], set()
    for sale in sales:
        mine = [t for t in ordered if t.user == sale.user and t.at <= sale.at]
        mine = [t for t in mine if sale.at - t.at <= days[t.kind] * DAY]
        used.update(id(touch) for touch in mine)
        mine = _staying(mine, direct, transform)
        if not mine:
            alone.append(sale)
            continue
        ages = tuple((sale.at - touch.at) / DAY for touch in mine)
        names = [touch.channel for touch in mine]
        paths.append(Path(names, Fraction(1), Fraction(0), Fraction(sale.value), ages))
    for user in sorted({touch.user for touch in touches}):
        rest = [t for t in ordered if t.user == user and id(t) not in used]
        bought = [sale.at for sale in sales if sale.user == user]
        for one in _apart(rest, bought, max(days.values()) * DAY):
            names = [touch.channel for touch in _staying(one, direct, transform)]
            paths.append(Path(names, Fraction(0), Fraction(1), ages=(0.0,) * len(names)))
    return paths, alone


def _staying(touches: list[Event], direct: str, transform: str) -> list[Event]:
    """Views only where nothing else is, direct by its rule, then what stays of repeats."""
    touches = [t for t in touches if t.kind != "view"] or touches
    others = [t for t in touches if not is_direct(t.channel)]
    if direct == "ignore-if-other":
        touches = others or touches
    if direct == "ignore-if-last" and others:
        touches = touches[: touches.index(others[-1]) + 1]
    if transform == "exposure":
        pairs = zip([None, *touches], touches, strict=False)
        return [t for before, t in pairs if before is None or before.channel != t.channel]
    if transform == "first":
        first = {touch.channel: touch for touch in reversed(touches)}
        return [touch for touch in touches if first[touch.channel] is touch]
    return touches


def _apart(rest: list[Event], bought: list[datetime], gap: timedelta) -> list[list[Event]]:
    """A new journey after each conversion and each long gap."""
    found: list[list[Event]] = []
    for touch in rest:
        last = found[-1][-1] if found else None
        if last is None or touch.at - last.at > gap or any(last.at <= b < touch.at for b in bought):
            found.append([])
        found[-1].append(touch)
    return found
