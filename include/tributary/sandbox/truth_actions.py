"""What registrations and leads must come to in core, and who is credited for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from fractions import Fraction

from tributary.sandbox.actions import Action
from tributary.sandbox.catalog import Store
from tributary.sandbox.world import World
from tributary.window import day_of

# (measure, day, channel, amount), as in truth.Fact; shares are fractions of a conversion.
Fact = tuple[str, date, str, int | Fraction]
COUNTS = frozenset({"registrations", "leads"})
SHARES = frozenset(
    f"{kind}_{model}"
    for kind in ("registrations", "leads")
    for model in ("first", "last", "linear", "unattributed")
)


def counted(world: World, store: Store) -> list[Action]:
    """Every lead; and a registration for the first sign_up of each browser and signed-in user."""
    browsers, users, found = set[str](), set[int](), []
    for action in world.actions(store):
        visit = action.visit
        if action.kind == "registration":
            is_known = visit.client_id in browsers
            browsers.add(visit.client_id)
            if visit.logged_in:
                is_known |= visit.person.number in users
                users.add(visit.person.number)
            if is_known:
                continue
        found.append(action)
    return found


def facts(world: World, store: Store) -> Iterator[Fact]:
    """How many there are, and what they are worth."""
    for action in counted(world, store):
        day = day_of(action.at, store.timezone)
        yield f"{action.kind}s", day, "", 1
        yield f"{action.kind}_value", day, "", action.cents or 0


def credits(
    store: Store, action: Action, channels: list[str], parts: Iterable[int]
) -> Iterator[Fact]:
    """Of one action, by the channels of the visits that count, in their order; `parts` are what
    Shapley gives each of them of the value."""
    day, kind, cents = day_of(action.at, store.timezone), action.kind, action.cents or 0
    if not channels:
        yield f"{kind}s_unattributed", day, "", 1
        yield f"{kind}_value_unattributed", day, "", cents
        return
    for model, channel in (("first", channels[0]), ("last", channels[-1])):
        yield f"{kind}s_{model}", day, channel, 1
        yield f"{kind}_value_{model}", day, channel, cents
    share, rest = divmod(cents, len(channels))
    for i, (channel, part) in enumerate(zip(channels, parts, strict=True)):
        yield f"{kind}s_linear", day, channel, Fraction(1, len(channels))
        yield f"{kind}_value_linear", day, channel, share + (1 if i < rest else 0)
        yield f"{kind}_value_shapley", day, channel, part
