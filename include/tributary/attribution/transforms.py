"""Changes of paths that a user may ask for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tributary.attribution.paths import Paths

Bool = npt.NDArray[np.bool_]


def ignore_direct(paths: Paths, direct: Bool) -> Paths:
    """Without direct touches, but for paths that have no other. For paths without times only."""
    if paths.decay is not None:
        raise ValueError("time decay was computed with the direct touches; leave them out before")
    if not len(paths):
        return paths
    weak = direct[paths.channel]
    other = np.add.reduceat((~weak).astype(np.int64), paths.offsets[:-1]) > 0
    keep = ~(weak & np.repeat(other, paths.sizes))
    sizes = np.add.reduceat(keep.astype(np.int64), paths.offsets[:-1])
    return replace(paths, channel=paths.channel[keep], offsets=np.r_[0, np.cumsum(sizes)])
