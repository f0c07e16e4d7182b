"""Who is one person: connected components of identifier pairs, deterministic in any order."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import numpy.typing as npt

Int = npt.NDArray[np.int64]

# By which of its identifiers a person is named: the longest-lived first.
_RANK = {"user": 0, "customer": 1, "email": 2, "client": 3, "device": 4, "click": 5, "order": 6}


def components(
    edges: Iterable[tuple[str, str]],
    alone: Iterable[str] = (),
    cut: Collection[str] = frozenset(),
) -> dict[str, str]:
    """Identifier -> person id, for every identifier of an edge and those that may stand `alone`.

    Identifiers are `type:value`; a person is named by the best of its identifiers: user before
    customer before client before order, then by text. An identifier that is `cut` joins nobody;
    it is left out, and so is who has no other edge.
    """
    pairs = [(one, other) for one, other in edges if one not in cut and other not in cut]
    known = sorted({text for pair in pairs for text in pair} | set(alone), key=preference)
    number = {identifier: n for n, identifier in enumerate(known)}
    joined = np.array([(number[a], number[b]) for a, b in pairs], dtype=np.int64).reshape(-1, 2)
    people = smallest_connected(len(known), joined[:, 0], joined[:, 1]).tolist()
    return {identifier: known[person] for identifier, person in zip(known, people, strict=True)}


def smallest_connected(size: int, a: Int, b: Int) -> Int:
    """Per number 0..size-1 the smallest number it is connected with, by union-find in arrays.

    Each round hooks every root to the smallest root it meets, then shortens all ways to one step;
    what is not joined yet at least halves on any but contrived input.
    """
    above = np.arange(size, dtype=np.int64)
    while True:
        one, other = above[a], above[b]
        apart = one != other
        if not apart.any():
            return above
        a, b, one, other = a[apart], b[apart], one[apart], other[apart]
        np.minimum.at(above, np.maximum(one, other), np.minimum(one, other))
        while True:
            higher = above[above]
            if np.array_equal(higher, above):
                break
            above = higher


def preference(identifier: str) -> tuple[int, str]:
    """Sorts identifiers by how well they name a person."""
    return (_RANK.get(kind_of(identifier), len(_RANK)), identifier)


def kind_of(identifier: str) -> str:
    """`client` of `client:123`."""
    return identifier.split(":", 1)[0]
