"""Chooses the Markov chain's order: how many past touches help to foretell the next step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tributary.attribution.paths import Paths, collapse
from tributary.attribution.transitions import MAX_ORDER

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]

_FOLDS = 5


@dataclass(frozen=True)
class OrderChoice:
    """The order chosen, and per order 1, 2, ... the held-out log likelihood per journey."""

    order: int
    likelihood: tuple[float, ...]


def choose_order(paths: Paths, seed: int = 0, highest: int = MAX_ORDER) -> OrderChoice:
    """The lowest order as good as the best on journeys held out, within one standard error.

    Journeys are dealt into five parts by `seed`; each part is foretold, its conversion or end
    included, from the other four. What was never seen after a context is foretold from the
    shorter one.
    """
    paths = collapse(paths)
    if not len(paths):
        return OrderChoice(1, (0.0,))
    steps = _steps(paths, highest)
    random = np.random.default_rng(seed)
    even = np.full(_FOLDS, 1 / _FOLDS)
    won = random.multinomial(np.rint(paths.conversions).astype(np.int64), even)
    lost = random.multinomial(np.rint(paths.nulls).astype(np.int64), even)
    scores = np.array(
        [
            _score(steps, _weights(steps, won, lost, fold), _weights(steps, won, lost, None))
            for fold in range(_FOLDS)
        ]
    )
    gap = scores[:, [int(scores.mean(axis=0).argmax())]] - scores
    error = gap.std(axis=0, ddof=1) / np.sqrt(_FOLDS)
    order = 1 + int(np.flatnonzero(gap.mean(axis=0) <= error)[0])
    return OrderChoice(order, tuple(float(score) for score in scores.mean(axis=0)))


@dataclass(frozen=True)
class _Steps:
    """Everything that is foretold: each touch, and each path's two possible ends.

    `kind` is 0 for a touch (made by all journeys of its path), 1 for conversion, 2 for null.
    `contexts` numbers, per order from 0, what came before, and that with the step itself.
    """

    path: Int
    kind: Int
    tokens: int
    contexts: list[tuple[Int, Int]]


def _steps(paths: Paths, highest: int) -> _Steps:
    rows, names, sizes = np.arange(len(paths)), len(paths.names), paths.sizes
    ends = paths.offsets[1:]
    touches = np.arange(len(paths.channel))
    place = np.r_[touches - np.repeat(paths.offsets[:-1], sizes), sizes, sizes]
    at = np.r_[touches, ends, ends]
    token = np.r_[paths.channel, np.full(len(rows), names), np.full(len(rows), names + 1)]
    padded = np.r_[paths.channel.astype(np.int64) + 1, 0]
    contexts = []
    context = np.zeros(len(at), dtype=np.int64)
    for order in range(highest + 1):
        if order:
            earlier = np.where(place >= order, padded[np.maximum(at - order, 0)], 0)
            _, context = np.unique(context * (names + 1) + earlier, return_inverse=True)
        _, joint = np.unique(context * (names + 2) + token, return_inverse=True)
        contexts.append((context, joint))
    kind = np.repeat([0, 1, 2], [len(touches), len(rows), len(rows)])
    return _Steps(np.r_[paths.path_of, rows, rows], kind, names + 2, contexts)


def _weights(steps: _Steps, won: Int, lost: Int, fold: int | None) -> Float:
    """Journeys that make each step, in one part or (None) in all."""
    conversions = won.sum(axis=1) if fold is None else won[:, fold]
    nulls = lost.sum(axis=1) if fold is None else lost[:, fold]
    per_path = np.stack([conversions + nulls, conversions, nulls])
    return per_path[steps.kind, steps.path].astype(np.float64)


def _score(steps: _Steps, held_out: Float, everything: Float) -> Float:
    """Mean log likelihood per held-out journey, for order 1, 2, ..."""
    seen = everything - held_out
    chance = np.full(len(seen), 1.0 / steps.tokens)
    journeys = held_out[steps.kind > 0].sum()
    scores = []
    for order, (context, joint) in enumerate(steps.contexts):
        after = np.bincount(context, weights=seen)[context]
        together = np.bincount(joint, weights=seen)[joint]
        chance = (together + steps.tokens * chance) / (after + steps.tokens)
        if order:
            scores.append(float(held_out @ np.log(chance)) / max(float(journeys), 1.0))
    return np.array(scores)
