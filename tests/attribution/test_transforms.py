"""Path transforms against plain Python, and on the examples of Snowplow's documentation."""

from __future__ import annotations

from collections import Counter
from itertools import groupby, pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tributary.attribution import Paths, attribute_paths, frequency, from_lists, transformed
from tributary.attribution.config import DirectRule, PathTransform

path_lists = st.lists(
    st.lists(st.sampled_from(["ads", "direct", "mail", "seo"]), min_size=1, max_size=8),
    min_size=1,
    max_size=12,
)


def told(paths: Paths) -> list[list[str]]:
    ends = paths.offsets.tolist()
    names = [paths.names[code] for code in paths.channel]
    return [names[a:b] for a, b in pairwise(ends)]


def plain(path: list[str], rule: DirectRule, transform: PathTransform) -> list[str]:
    if set(path) != {"direct"}:
        if rule == "ignore-if-other":
            path = [name for name in path if name != "direct"]
        while rule == "ignore-if-last" and path[-1] == "direct":
            path = path[:-1]
    if transform == "exposure":
        return [name for name, _ in groupby(path)]
    return list(dict.fromkeys(path)) if transform == "first" else path


@given(
    rows=path_lists,
    rule=st.sampled_from(get_args(DirectRule)),
    transform=st.sampled_from(get_args(PathTransform)),
)
def test_what_stays_of_each_path(
    rows: list[list[str]], rule: DirectRule, transform: PathTransform
) -> None:
    paths = from_lists(rows, [1.0] * len(rows))
    found = transformed(paths, paths.direct(), rule, transform)
    assert told(found) == [plain(row, rule, transform) for row in rows]


@given(rows=path_lists)
def test_frequency_tells_how_many_and_loses_none(rows: list[list[str]]) -> None:
    paths = from_lists(rows, [1.0] * len(rows), value=[2.5] * len(rows))
    found = frequency(paths)
    assert told(found) == [[f"{name}({n})" for name, n in Counter(row).items()] for row in rows]
    assert list(found.names) == sorted(set(found.names))
    result = attribute_paths(found, ["linear", "shapley"])
    for credit in result.credits.values():
        assert credit.conversions.sum() == pytest.approx(len(rows))
        assert credit.value is not None
        assert credit.value.sum() == pytest.approx(2.5 * len(rows))


@pytest.mark.parametrize(
    ("rule", "transform", "expected"),
    [
        ("as-any", "unique", "a direct direct b a a direct"),
        ("as-any", "exposure", "a direct b a direct"),
        ("as-any", "first", "a direct b"),
        ("ignore-if-last", "unique", "a direct direct b a a"),
        ("ignore-if-other", "unique", "a b a a"),
        ("ignore-if-other", "exposure", "a b a"),
    ],
)
def test_the_named_transforms(rule: DirectRule, transform: PathTransform, expected: str) -> None:
    paths = from_lists([["a", "direct", "direct", "b", "a", "a", "direct"], ["direct"]], [1, 1])
    found = transformed(paths, paths.direct(), rule, transform)
    assert told(found) == [expected.split(), ["direct"]]
    assert told(frequency(paths)) == [["a(3)", "direct(3)", "b(1)"], ["direct(1)"]]
