"""Which touches count: the arrays against the rules written out, whatever the order of the rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tributary.attribution.config import AttributionConfig
from tributary.attribution.journeys import DAY_US, Conversions, Touches, pair

KINDS = ("click", "view", "email_click")
Touch = tuple[int, int, str, bool, int]  # person, day, evidence, is direct, own lookback
Sold = tuple[int, int]  # person, day

touches_made = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 12),
        st.sampled_from(KINDS),
        st.booleans(),
        st.sampled_from([0, 0, 2]),
    ),
    max_size=25,
)
sold_made = st.lists(st.tuples(st.integers(0, 3), st.integers(3, 12)), min_size=1, max_size=8)
configs = st.builds(
    AttributionConfig,
    lookback_days=st.just({"click": 5, "view": 1, "email_click": 3}),
    direct=st.sampled_from(["ignore-if-other", "as-any"]),
    repeat=st.sampled_from(["overlap", "since-last"]),
    max_touches=st.sampled_from([0, 1, 2, 200]),
)


def counted(
    touches: list[Touch], sold: list[Sold], config: AttributionConfig, order: list[int]
) -> dict[int, list[int]]:
    """Conversion -> its touches, oldest first, with the touches given in this order."""
    rows = [touches[n] for n in order]
    found = pair(
        Touches(
            touch_id=np.array(order, dtype=np.int64),
            person=np.array([t[0] for t in rows], dtype=np.int64),
            occurred_at_us=np.array([t[1] for t in rows], dtype=np.int64) * DAY_US,
            evidence_type=np.array([t[2] for t in rows], dtype=np.str_),
            is_direct=np.array([t[3] for t in rows], dtype=np.bool_),
            lookback_days=np.array([t[4] for t in rows], dtype=np.int64),
        ),
        Conversions(
            conversion_id=np.arange(len(sold)),
            person=np.array([s[0] for s in sold], dtype=np.int64),
            converted_at_us=np.array([s[1] for s in sold], dtype=np.int64) * DAY_US,
            value_minor=np.full(len(sold), 100),
        ),
        config,
    )
    result: dict[int, list[int]] = {n: [] for n in range(len(sold))}
    for conversion, touch in zip(found.conversion.tolist(), found.touch.tolist(), strict=True):
        result[conversion].append(order[touch])
    assert sorted(found.unattributed.tolist()) == [n for n, own in result.items() if not own]
    return result


def slowly(
    touches: list[Touch], sold: list[Sold], config: AttributionConfig
) -> dict[int, list[int]]:
    result = {}
    for number, (person, day) in enumerate(sold):
        last = max((d for who, d in sold if who == person and d < day), default=-99)
        own = [
            n
            for n, (who, at, kind, _, lookback) in enumerate(touches)
            if who == person
            and 0 <= day - at <= (lookback or config.lookback_days[kind])
            and (config.repeat == "overlap" or at > last)
        ]
        if any(touches[n][2] != "view" for n in own):
            own = [n for n in own if touches[n][2] != "view"]
        if config.direct == "ignore-if-other" and any(not touches[n][3] for n in own):
            own = [n for n in own if not touches[n][3]]
        own.sort(key=lambda n: (touches[n][1], n))
        result[number] = own[-config.max_touches :] if config.max_touches else own
    return result


@given(touches_made, sold_made, configs, st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_touches_count_as_the_rules_say_in_any_order_of_the_rows(touches, sold, config, random):
    order = list(range(len(touches)))
    random.shuffle(order)
    assert counted(touches, sold, config, order) == slowly(touches, sold, config)


def test_a_path_transform_needs_the_channels() -> None:
    one = np.zeros(1, dtype=np.int64)
    touches = Touches(one, one, one, np.array(["click"]), one > 0, one)
    sold = Conversions(one, one, one + DAY_US, one)
    config = AttributionConfig(path_transform="exposure")
    with pytest.raises(ValueError, match="path transform exposure needs the touches' channels"):
        pair(touches, sold, config)
    assert pair(touches, sold, config, one).touch.tolist() == [0]
