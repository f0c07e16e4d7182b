"""How sure the shares are: journeys drawn again, all models computed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tributary.attribution import markov
from tributary.attribution.models import ModelSettings, attribute_paths, check_models, touch_shares
from tributary.attribution.paths import Paths, collapse
from tributary.attribution.transitions import Transitions, count, incidence

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

# Drawing single journeys is faster than a multinomial over cells up to so many journeys a cell.
_JOURNEYS_PER_CELL = 40
_BLOCK_CELLS = 1 << 24


@dataclass(frozen=True)
class Interval:
    """Per channel the 5th, 50th and 95th percentile of its share of conversions over the draws.

    `rank_stability` is the part of the draws in which the channel holds its rank.
    """

    p05: Float
    p50: Float
    p95: Float
    rank_stability: Float


def bootstrap(
    paths: Paths,
    models: Sequence[str],
    settings: ModelSettings,
    draws: int,
    seed: int = 0,
    chain: Transitions | None = None,
    progress: Callable[[int], None] | None = None,
) -> Mapping[str, Interval]:
    """Intervals from `draws` resamples of as many journeys; the same for any order of the paths.

    Conversions without a touch are journeys, too. Time decay keeps each path's mean weights. A
    Markov order that was chosen is kept: give the fitted `chain`.
    """
    check_models(models, paths, settings)
    if draws < 1:
        raise ValueError("bootstrap needs at least one draw")
    paths = collapse(paths).used()
    order = chain.order if chain is not None else settings.order
    if order == "auto":
        raise ValueError("give the fitted chain, or an order")
    point = attribute_paths(paths, models, replace(settings, order=order))
    shares = {model: np.zeros((draws, len(paths.names))) for model in models}
    recount = _Recount(paths, models, settings, order)
    done = 0
    for conversions, nulls, alone in _resamples(paths, draws, seed):
        whole = conversions.sum(axis=0) + alone
        for model, credit in recount.credits(conversions, nulls).items():
            part = np.divide(credit, whole, out=np.zeros_like(credit), where=whole > 0)
            shares[model][done : done + len(whole)] = part.T
        done += len(whole)
        if progress:
            progress(done)
    return {model: _interval(shares[model], point.credits[model].conversions) for model in models}


def _interval(shares: Float, point: Float) -> Interval:
    low, middle, high = np.quantile(shares, [0.05, 0.5, 0.95], axis=0)
    held = _ranks(shares) == _ranks(point[None, :])
    return Interval(low, middle, high, held.mean(axis=0))


def _ranks(shares: Float) -> Int:
    """0 for the largest; of equal ones the earlier name is first."""
    order = np.argsort(-shares, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(shares.shape[1])[None, :], axis=1)
    return ranks


def _resamples(paths: Paths, draws: int, seed: int) -> Iterator[tuple[Float, Float, Float]]:
    """Blocks of draws (columns): conversions and nulls per path, conversions without a touch."""
    random = np.random.default_rng(seed)
    counts = np.r_[paths.conversions, paths.nulls, paths.unattributed_conversions]
    used = np.flatnonzero(counts)
    journeys = round(float(counts.sum()))
    whole = np.rint(counts[used])
    single = bool((whole == counts[used]).all()) and journeys <= _JOURNEYS_PER_CELL * len(used)
    cell_of = np.repeat(np.arange(len(used)), whole.astype(np.int64)) if single else None
    chance = counts[used] / max(counts.sum(), 1e-300)
    block = max(1, _BLOCK_CELLS // max(len(counts), 1))
    for begin in range(0, draws, block):
        wide = min(block, draws - begin)
        drawn = np.zeros((wide, len(counts)))
        for row in drawn:
            if cell_of is not None:
                picks = cell_of[random.integers(0, journeys, journeys)]
                row[used] = np.bincount(picks, minlength=len(used))
            elif len(used):
                row[used] = random.multinomial(journeys, chance)
        rows = len(paths)
        yield drawn[:, :rows].T, drawn[:, rows : 2 * rows].T, drawn[:, -1]


class _Recount:
    """What each model needs of the paths, as sparse matrices that a draw's counts multiply."""

    def __init__(
        self, paths: Paths, models: Sequence[str], settings: ModelSettings, order: int
    ) -> None:
        self.models, self.width = models, len(paths.names)
        rules = [model for model in models if not model.startswith("markov")]
        self.rules = {
            model: _per_path(paths, touch_shares(paths, model, settings, None)) for model in rules
        }
        self.chain = _Chain(paths, order) if set(models) - set(rules) else None
        self.sets = _Sets(paths) if "markov_per_order" in models else None

    def credits(self, conversions: Float, nulls: Float) -> dict[str, Float]:
        """Per model the conversions of each channel (row) in each draw (column)."""
        found: dict[str, Float] = {
            model: matrix @ conversions for model, matrix in self.rules.items()
        }
        if self.chain is not None:
            effects = self.chain.effects(conversions, nulls)
            if "markov" in self.models:
                weights = np.array([markov.normalised(effect) for effect in effects])
                found["markov"] = weights.T * conversions.sum(axis=0)
            if self.sets is not None:
                found["markov_per_order"] = self.sets.split(effects, conversions)
        return found


class _Chain:
    """The chain's counts as a linear function of the journeys per path."""

    def __init__(self, paths: Paths, order: int) -> None:
        self.base = count(replace(paths, value=None), order)
        start, stop, row, step = incidence(paths, self.base)
        rows, states = np.arange(len(paths)), len(self.base.states)
        one = np.ones(len(paths))
        self.start = _sparse(one, start, rows, (states, len(paths)))
        self.ends = _sparse(one, stop, rows, (states, len(paths)))
        shape = (len(self.base.count), len(paths))
        self.steps = _sparse(np.ones(len(step)), step, row, shape)

    def effects(self, conversions: Float, nulls: Float) -> list[Float]:
        journeys = conversions + nulls
        start, steps = self.start @ journeys, self.steps @ journeys
        won, lost = self.ends @ conversions, self.ends @ nulls
        return [
            markov.removal_effects(
                replace(
                    self.base,
                    start=start[:, draw],
                    count=steps[:, draw],
                    conversions=won[:, draw],
                    nulls=lost[:, draw],
                )
            ).conversions
            for draw in range(journeys.shape[1])
        ]


class _Sets:
    """Which set of channels each path has, to share conversions out by a draw's effects."""

    def __init__(self, paths: Paths) -> None:
        self.paths = np.flatnonzero(paths.conversions)
        won = paths.take(self.paths)
        shape = (len(won), len(won.names))
        pairs = np.unique(won.path_of * shape[1] + won.channel)
        self.member = _sparse(np.ones(len(pairs)), pairs // shape[1], pairs % shape[1], shape)

    def split(self, effects: Sequence[Float], conversions: Float) -> Float:
        weights: Float = np.array(effects).T
        weights[:, weights.sum(axis=0) == 0] = 1.0
        whole = self.member @ weights
        won = conversions[self.paths]
        part = np.divide(won, whole, out=np.zeros_like(won), where=whole > 0)
        credit: Float = weights * (self.member.T @ part)
        return credit


def _per_path(paths: Paths, share: Float) -> Any:
    """Each path's shares summed by channel (row)."""
    matrix = _sparse(share, paths.channel, paths.path_of, (len(paths.names), len(paths)))
    matrix.eliminate_zeros()
    return matrix


def _sparse(cells: Float, row: Any, column: Any, shape: tuple[int, int]) -> Any:
    from scipy.sparse import csr_array

    return csr_array((cells, (row, column)), shape=shape)
