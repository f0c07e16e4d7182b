"""First and last paid touch; where a path has no paid touch, its first or last of all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tributary.attribution.journeys import Journeys

Shares = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


def first_paid(journeys: Journeys, is_paid: Bool) -> Shares:
    """All to the earliest paid touch; to the earliest of all where none is paid."""
    if not len(is_paid):
        return np.zeros(0)
    places = np.where(is_paid, np.arange(len(is_paid)), len(is_paid))
    earliest = np.minimum.reduceat(places, journeys.starts)
    return _all_to(np.where(earliest == len(is_paid), journeys.starts, earliest), len(is_paid))


def last_paid(journeys: Journeys, is_paid: Bool) -> Shares:
    """All to the latest paid touch; to the latest of all where none is paid."""
    if not len(is_paid):
        return np.zeros(0)
    places = np.where(is_paid, np.arange(len(is_paid)), -1)
    latest = np.maximum.reduceat(places, journeys.starts)
    return _all_to(np.where(latest < 0, journeys.starts + journeys.sizes - 1, latest), len(is_paid))


def _all_to(places: npt.NDArray[np.int64], touches: int) -> Shares:
    shares = np.zeros(touches)
    shares[places] = 1.0
    return shares


MODELS: dict[str, Callable[[Journeys, Bool], Shares]] = {
    "first_paid": first_paid,
    "last_paid": last_paid,
}
