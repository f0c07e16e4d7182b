"""A small world with every oddity in it: 45 days, so that each 30-day special happens."""

from __future__ import annotations

from datetime import date

import pytest

from tributary.sandbox.world import World

AS_OF, FIRST_DAY = date(2026, 11, 21), date(2026, 10, 7)


@pytest.fixture(scope="session")
def world() -> World:
    return World.at(7, AS_OF, FIRST_DAY)
