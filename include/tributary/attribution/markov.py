"""Markov attribution: what would be lost without a channel, solved exactly.

Removing a channel sends every journey that reaches it to null. Order 1 has a closed form for all
channels at once from one inverse; from order 2 all channels are solved together by a fixed point
in which the states that hold a channel count for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tributary.attribution.transitions import Transitions

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

# The dense inverse of order 1 is used up to here; larger chains are sparse and iterated.
_DENSE_STATES = 1500
_TOLERANCE = 1e-14
_MAX_ROUNDS = 20_000
_BLOCK_CELLS = 1 << 24
_SMALL_CELLS = 1 << 19


@dataclass(frozen=True)
class RemovalEffects:
    """Per channel the share of conversions, and of value, that would be lost without it."""

    names: tuple[str, ...]
    conversions: Float
    value: Float | None

    @property
    def weights(self) -> Float:
        """The effects on conversions, normalised to 1."""
        return normalised(self.conversions)

    @property
    def value_weights(self) -> Float | None:
        """The effects on value, normalised to 1."""
        return None if self.value is None else normalised(self.value)


def normalised(effects: Float) -> Float:
    """Effects divided by their sum; equal weights where no channel has one."""
    whole = float(effects.sum())
    if whole > 0:
        return effects / whole
    return np.full(len(effects), 1.0 / max(len(effects), 1))


def removal_effects(chain: Transitions) -> RemovalEffects:
    """All channels' removal effects, without simulation.

    Value: a conversion out of a state is worth the mean of those that were counted out of it.
    """
    rewards = [chain.conversions] if chain.value is None else [chain.conversions, chain.value]
    solve = _closed_form if _is_small(chain) else _fixed_point
    effects = [np.clip(column, 0.0, 1.0) for column in solve(chain, rewards)]
    return RemovalEffects(chain.names, effects[0], None if chain.value is None else effects[1])


def _is_small(chain: Transitions) -> bool:
    return chain.order == 1 and len(chain.states) <= _DENSE_STATES


def _closed_form(chain: Transitions, rewards: list[Float]) -> list[Float]:
    """Order 1: N[s,c] h[c] / (N[c,c] N[s,.] r), for all c from the one inverse N of I - Q."""
    size, leaving = len(chain.states), chain.leaving
    matrix = np.eye(size)
    matrix[chain.source, chain.target] -= chain.count / leaving[chain.source]
    inverse = np.linalg.inv(matrix)
    visits = chain.start @ inverse
    who = chain.channels()[:, 0]
    found = []
    for reward in rewards:
        ahead = inverse @ (reward / leaving)
        whole = float(chain.start @ ahead)
        lost = np.zeros(len(chain.names))
        if whole:
            lost[who] = visits * ahead / (np.diag(inverse) * whole)
        found.append(lost)
    return found


def _fixed_point(chain: Transitions, rewards: list[Float]) -> list[Float]:
    """H <- M * (Q H + r), a column per reward and channel; M empties the states that hold it."""
    size, leaving, channels = len(chain.states), chain.leaving, chain.channels()
    step = _stepper(chain, leaving)
    gains = [reward / leaving for reward in rewards]
    gains = [gain / (float(np.abs(gain).max(initial=0.0)) or 1.0) for gain in gains]
    nothing_removed = np.ones((size, len(gains)))
    wholes = chain.start @ _iterate(step, np.stack(gains, axis=1), nothing_removed)
    width = max(1, _BLOCK_CELLS // max(size * len(gains), 1))
    found = [np.zeros(len(chain.names)) for _ in gains]
    for begin in range(0, len(chain.names), width):
        block = np.arange(begin, min(begin + width, len(chain.names)))
        kept = np.tile(_without(channels, block), len(gains))
        gain = np.repeat(np.stack(gains, axis=1), len(block), axis=1)
        left = chain.start @ _iterate(step, gain * kept, kept)
        for lost, whole, part in zip(found, wholes, np.split(left, len(gains)), strict=True):
            if whole:
                lost[block] = 1.0 - part / whole
    return found


def _stepper(chain: Transitions, leaving: Float) -> Callable[[Float], Float]:
    """One step along the chain: H -> Q H. Small ones do without loading scipy."""
    size = len(chain.states)
    chance = chain.count / leaving[chain.source]
    if len(chance) * 2 * len(chain.names) > _SMALL_CELLS:
        from scipy.sparse import csr_array

        matrix = csr_array((chance, (chain.source, chain.target)), shape=(size, size))

        def multiply(ahead: Float) -> Float:
            return np.asarray(matrix @ ahead)

        return multiply
    order = np.argsort(chain.source, kind="stable")
    source, target, part = chain.source[order], chain.target[order], chance[order, None]
    starts = np.flatnonzero(np.r_[True, source[1:] != source[:-1]][: len(source)])

    def add_up(ahead: Float) -> Float:
        result = np.zeros_like(ahead)
        if len(starts):
            result[source[starts]] = np.add.reduceat(part * ahead[target], starts, axis=0)
        return result

    return add_up


def _without(channels: Int, block: Int) -> Float:
    """1 where a state does not hold the channel of the column, 0 where it does."""
    held = np.zeros((len(channels), len(block)), dtype=np.bool_)
    for column in channels.T:
        held |= column[:, None] == block[None, :]
    return (~held).astype(np.float64)


def _iterate(step: Callable[[Float], Float], reward: Float, kept: Float) -> Float:
    """The fixed point, to a bound on what is still missing relative to the largest entry."""
    ahead, change = reward, reward
    for _ in range(_MAX_ROUNDS):
        before = float(np.abs(change).max(initial=0.0))
        change = step(change) * kept
        ahead = ahead + change
        after = float(np.abs(change).max(initial=0.0))
        if after <= 0.0:
            return ahead
        rate = max(min(after / before, 1.0 - 1e-9), 0.0)
        if after * rate / (1.0 - rate) <= _TOLERANCE * float(np.abs(ahead).max()):
            return ahead
    raise ArithmeticError("the Markov chain does not settle: its journeys hardly ever end")
