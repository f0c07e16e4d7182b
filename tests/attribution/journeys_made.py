"""Random journeys for the tests of the data-driven models."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from tributary.attribution import Paths, from_lists

Row = tuple[list[str], int, int, float]


@st.composite
def journeys(draw: st.DrawFn, channels: int = 6, longest: int = 7) -> list[Row]:
    """Rows of path, conversions, nulls, value; at least one conversion."""
    names = [f"c{number}" for number in range(draw(st.integers(1, channels)))]
    path = st.lists(st.sampled_from(names), min_size=1, max_size=longest)
    row = st.tuples(path, st.integers(0, 5), st.integers(0, 9), st.floats(0, 500, width=32))
    rows = draw(st.lists(row, min_size=1, max_size=25))
    head = rows[0]
    return [(head[0], head[1] + 1, head[2], head[3]), *rows[1:]]


def to_paths(rows: list[Row]) -> Paths:
    """The rows as the package takes them; only converting ones have value."""
    return from_lists(
        [row[0] for row in rows],
        [row[1] for row in rows],
        [row[2] for row in rows],
        [row[3] if row[1] else 0.0 for row in rows],
    )


def random_rows(seed: int, channels: int, rows: int, longest: int = 8) -> list[Row]:
    """Seeded rows, some of them equal paths."""
    random = np.random.default_rng(seed)
    found: list[Row] = []
    for _ in range(rows):
        size = int(random.integers(1, longest + 1))
        path = [f"c{number}" for number in random.integers(0, channels, size)]
        won, lost = int(random.integers(0, 4)), int(random.integers(0, 12))
        found.append((path, won, lost, float(random.uniform(1, 99))))
    return found
