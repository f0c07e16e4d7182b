"""Which channels each converting path has, and weights shared out within it.

Shapley and Markov's per-order number need no more than this: a conversion is split over the
distinct channels of its path, by equal weights or by the channels' removal effects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tributary.attribution import sums
from tributary.attribution.paths import Paths

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]
_MASK_BITS = 62


@dataclass(frozen=True)
class Coalitions:
    """Distinct sets of channels with the conversions and value of the paths that have just them.

    `row` and `channel` list the members, ordered by set and channel.
    """

    names: tuple[str, ...]
    row: Int
    channel: Int
    conversions: Float
    value: Float | None

    def masks(self) -> Int:
        """Each set as bits, the first channel lowest; for up to 62 channels."""
        bits = np.int64(1) << self.channel
        return np.bincount(self.row, weights=bits, minlength=len(self.conversions)).astype(np.int64)


def coalitions_of(paths: Paths) -> Coalitions:
    """The sets of channels of the paths that convert."""
    paths = paths.converting()
    width = len(paths.names)
    if not len(paths):
        none = np.zeros(0, dtype=np.int64)
        empty = np.zeros(0)
        return Coalitions(paths.names, none, none, empty, None if paths.value is None else empty)
    if width <= _MASK_BITS:
        bits = np.int64(1) << paths.channel.astype(np.int64)
        masks, group = np.unique(
            np.bitwise_or.reduceat(bits, paths.offsets[:-1]), return_inverse=True
        )
        row, channel = np.nonzero((masks[:, None] >> np.arange(width)) & 1)
        size = len(masks)
    else:
        pairs = np.unique(paths.path_of * width + paths.channel)
        row, channel, group = pairs // width, pairs % width, np.arange(len(paths))
        size = len(paths)
    return Coalitions(
        paths.names,
        row,
        channel,
        sums.grouped(group, paths.conversions, size),
        None if paths.value is None else sums.grouped(group, paths.value, size),
    )


def split(sets: Coalitions, weights: Float, amounts: Float) -> Float:
    """Per channel what it gets when each set's amount is shared by its members' weights.

    A set whose members all have weight 0 is shared equally.
    """
    return sums.grouped(sets.channel, _shares(sets, weights) * amounts[sets.row], len(sets.names))


def _shares(sets: Coalitions, weights: Float) -> Float:
    weight = weights[sets.channel]
    whole = np.bincount(sets.row, weights=weight, minlength=len(sets.conversions))
    members = np.bincount(sets.row, minlength=len(sets.conversions))
    equal = 1.0 / members[sets.row]
    return np.divide(weight, whole[sets.row], out=equal, where=whole[sets.row] > 0)


def touch_shares(paths: Paths, weights: Float) -> Float:
    """Per touch its share of its path: the channel's weight, shared equally by its touches."""
    if not len(paths):
        return np.zeros(0)
    key = paths.path_of * len(paths.names) + paths.channel
    pairs, place = np.unique(key, return_inverse=True)
    touches = np.bincount(place)
    row = pairs // len(paths.names)
    sets = Coalitions(paths.names, row, pairs % len(paths.names), np.zeros(len(paths)), None)
    share: Float = (_shares(sets, weights) / touches)[place]
    return share
