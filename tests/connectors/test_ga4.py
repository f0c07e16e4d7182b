"""What GA4's replies say beside their rows."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from tributary.connectors.ga4.api import answered_at


@pytest.mark.parametrize("zone", ["GMT", "+0000", "-0000"])
def test_the_vendors_clock_is_read_in_utc_wherever_this_machine_is(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/Chicago")
    time.tzset()
    try:
        told = answered_at({"Date": f"Sat, 21 Nov 2026 23:30:00 {zone}"})
    finally:
        monkeypatch.undo()
        time.tzset()
    assert told == datetime(2026, 11, 21, 23, 30, tzinfo=UTC)


def test_a_reply_without_a_readable_time_says_none() -> None:
    assert answered_at({}) is answered_at({"Date": "soon"}) is None
