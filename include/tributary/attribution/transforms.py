"""Path transforms: fewer touches per path, or the same told by how many there are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tributary.attribution import sums
from tributary.attribution.config import DirectRule, PathTransform
from tributary.attribution.paths import Paths
from tributary.attribution.stays import channel_keys, unless_last, unless_others, without_repeats

Bool = npt.NDArray[np.bool_]

_COUNTED = re.compile(r"\(\d+\)$")


def transformed(
    paths: Paths, direct: Bool, rule: DirectRule, transform: PathTransform = "unique"
) -> Paths:
    """Paths with the touches that stay; `direct` says which names are. For paths without times:
    ValueError where time decay was computed with the touches that leave.
    """
    if paths.decay is not None:
        raise ValueError("time decay was computed with every touch; let them leave before")
    if not len(paths):
        return paths
    if rule == "ignore-if-other":
        paths = _only(paths, unless_others(paths.path_of, direct[paths.channel], len(paths)))
    if rule == "ignore-if-last":
        paths = _only(paths, unless_last(paths.path_of, direct[paths.channel]))
    return _only(paths, without_repeats(paths.path_of, paths.channel, transform))


def frequency(paths: Paths) -> Paths:
    """Each path's channels once, in the order of their first touches, named with how many it has:
    a > b > a is a(2) > b(1). Time decay adds up.
    """
    if not len(paths):
        return paths
    key = channel_keys(paths.channel, paths.sizes)
    _, first, group, count = np.unique(
        key, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.argsort(first)
    channel, times = paths.channel[first[order]].astype(np.int64), count[order]
    most = int(times.max()) + 1
    codes, code = np.unique(channel * most + times, return_inverse=True)
    names = [f"{paths.names[pair // most]}({pair % most})" for pair in codes.tolist()]
    by_name = sorted(range(len(names)), key=names.__getitem__)
    place = np.empty(len(names), dtype=np.int64)
    place[by_name] = np.arange(len(names))

    def summed(column: npt.NDArray[np.float64] | None) -> npt.NDArray[np.float64] | None:
        return None if column is None else sums.grouped(group, column, len(first))[order]

    sizes = np.bincount(paths.path_of[first], minlength=len(paths))
    return replace(
        paths,
        names=tuple(names[n] for n in by_name),
        channel=place[code],
        offsets=np.r_[0, np.cumsum(sizes)],
        decay=summed(paths.decay),
        decay_value=summed(paths.decay_value),
    )


def uncounted(names: Sequence[str]) -> list[str]:
    """Names as they were before `frequency`."""
    return [_COUNTED.sub("", name) for name in names]


def _only(paths: Paths, kept: Bool) -> Paths:
    if kept.all():
        return paths
    sizes = np.add.reduceat(kept.astype(np.int64), paths.offsets[:-1])
    return replace(paths, channel=paths.channel[kept], offsets=np.r_[0, np.cumsum(sizes)])
