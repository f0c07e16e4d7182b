"""People and their true journeys: who comes when, by which channel, and whether an order follows.

A person's whole life follows from (seed, store, birth day, index); the as-of day only cuts it off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from tributary.sandbox.catalog import BASE_CONVERSION, CAMPAIGNS, CHANNELS, DIRECT, Dress, Store
from tributary.sandbox.dice import Dice

_HORIZON = timedelta(days=150)
_MOST_VISITS = 60
# Days (ordinal modulo 30) on which the first person born is one of the rare kinds.
MANY_LINES, MANY_REFUNDS, MANY_VISITS = 7, 17, 23
_WEEKDAYS = (1.0, 0.95, 0.95, 1.0, 1.1, 1.15, 1.2)


@dataclass(frozen=True)
class Visit:
    """One session. `seen_as` is its channel by the evidence; `client_id` is '' where consent
    hides it; `exported_at` is when the event export knows it (late events)."""

    person: Person
    number: int
    at: datetime
    channel: str
    seen_as: str
    dress: Dress
    client_id: str
    device: str
    logged_in: bool
    exported_at: datetime
    is_payment_return: bool = False

    @property
    def session_id(self) -> int:
        return int(self.at.timestamp())


@dataclass(frozen=True)
class Person:
    """`special` is MANY_LINES, MANY_REFUNDS, MANY_VISITS or -1."""

    key: tuple[object, ...]
    number: int
    born: date
    consents: bool
    clients: tuple[str, ...]
    country: str
    special: int

    @property
    def customer_id(self) -> int:
        return 7_000_000_000_000 + self.number

    @property
    def email(self) -> str:
        return f"kim{self.customer_id}@mail.example"


@dataclass(frozen=True)
class Purchase:
    """An order that a visit led to; `is_incremental` when only the channel's lift made it so.

    `reported_in`: the session of its purchase event, another one after a payment page.
    `after_visit`: the number of the visit that led to the order before, or -1.
    """

    visit: Visit
    reported_in: Visit
    index: int
    after_visit: int
    placed_at: datetime
    is_incremental: bool


def spend_factor(seed: int, store: Store, channel: str, day: date) -> float:
    """Spend of a channel's campaign on a day relative to its plan; 1 where nothing is spent."""
    if not any(campaign.channel == channel for campaign in CAMPAIGNS):
        return 1.0
    dice = Dice(seed, store.id, "spend", channel, day)
    week = Dice(seed, store.id, "spend week", channel, day.toordinal() // 7)
    return (0.6 + 0.8 * week.random()) * (0.85 + 0.3 * dice.random())


def born_on(seed: int, store: Store, day: date) -> Iterator[tuple[Person, str]]:
    """The people first seen on a day (UTC), each with the channel that brought them."""
    index = 0
    for name, channel in CHANNELS.items():
        # Twice the spend does not bring twice the people: spend saturates.
        mean = channel.arrivals * store.size * _WEEKDAYS[day.weekday()]
        mean *= spend_factor(seed, store, name, day) ** 0.7
        for _ in range(Dice(seed, store.id, "arrivals", name, day).poisson(mean)):
            yield _person(seed, store, day, index), name
            index += 1
    if index == 0:
        yield _person(seed, store, day, 0), DIRECT


def _person(seed: int, store: Store, day: date, index: int) -> Person:
    key = (seed, store.id, "person", day.isoformat(), index)
    dice = Dice(*key)
    number = (store.number * 1_000_000 + day.toordinal()) * 1_000 + index
    kind = day.toordinal() % 30
    special = kind if index == 0 and kind in (MANY_LINES, MANY_REFUNDS, MANY_VISITS) else -1
    consents = dice.chance(0.9) or special >= 0
    devices = 2 if dice.chance(0.15) and special < 0 else 1
    first_seen = int(datetime.combine(day, time(), UTC).timestamp())
    clients = tuple(
        f"{dice.randrange(10**8, 10**9)}.{first_seen + dice.randrange(86_400)}"
        for _ in range(devices)
    )
    country = store.home if dice.chance(0.88) else dice.choice(sorted(store.foreign))
    return Person(key, number, day, consents, clients, country, special)


def life(person: Person, first_channel: str) -> Iterator[Visit | Purchase]:
    """A person's visits and purchases in order of time; a purchase follows its visit."""
    dice = Dice(*person.key, "life")
    at = datetime.combine(person.born, time(), UTC) + dice.span(0, 86_399)
    at += timedelta(microseconds=dice.randrange(1_000_000))
    end, channel, orders, after = at + _HORIZON, first_channel, 0, -1
    for number in range(_MOST_VISITS):
        visit = _visit(person, number, at, channel, dice, bought_before=orders > 0)
        yield visit
        buys, incremental = _decides(person, number, channel, orders, dice)
        if buys:
            placed = at + dice.span(200, 1_100)
            if dice.chance(0.07):  # back from the payment page as a new session
                back = _payment_return(visit, placed, dice)
                yield back
                yield Purchase(visit, back, orders, after, placed, incremental)
            else:
                yield Purchase(visit, visit, orders, after, placed, incremental)
            orders, after = orders + 1, number
            if not dice.chance(0.45):
                return
            gap = dice.span(8 * 86_400, 55 * 86_400)
        elif dice.chance(0.56) or person.special >= 0:
            gap = timedelta(seconds=3_000 + int(min(dice.expovariate(1 / 3.2), 24) * 86_400))
            if person.special == MANY_VISITS:
                gap = dice.span(36_000, 60_000)
        else:
            return
        at += gap
        if at >= end:
            return
        channel = dice.pick({name: c.returns for name, c in CHANNELS.items()})


def _decides(
    person: Person, number: int, channel: str, orders: int, dice: Dice
) -> tuple[bool, bool]:
    roll = dice.random()
    if orders == 0 and person.special in (MANY_LINES, MANY_REFUNDS):
        return number == 1, False
    if orders == 0 and person.special == MANY_VISITS:
        return number == 29, False
    return roll < BASE_CONVERSION + CHANNELS[channel].lift, roll >= BASE_CONVERSION


def _visit(
    person: Person, number: int, at: datetime, name: str, dice: Dice, *, bought_before: bool
) -> Visit:
    channel = CHANNELS[name]
    total = dice.random() * sum(dress.weight for dress in channel.dresses)
    dress = channel.dresses[-1]
    for candidate in channel.dresses:
        total -= candidate.weight
        if total < 0:
            dress = candidate
            break
    client = person.clients[-1 if dice.chance(0.3) else 0]
    late = timedelta(seconds=dice.randint(20_000, 2 * 86_400) if dice.chance(0.04) else 0)
    return Visit(
        person=person,
        number=number,
        at=at,
        channel=name,
        seen_as=channel.seen_as,
        dress=dress,
        client_id=client if person.consents else "",
        device="mobile" if client == person.clients[-1] else "desktop",
        logged_in=bought_before and dice.chance(0.5),
        exported_at=at + late,
    )


def _payment_return(visit: Visit, placed: datetime, dice: Dice) -> Visit:
    at = placed - dice.span(3, 20)
    return Visit(
        person=visit.person,
        number=1_000 + visit.number,
        at=at,
        channel=DIRECT,
        seen_as=DIRECT,
        dress=Dress(1, "paypal.com", "referral", referrer="https://www.paypal.com/"),
        client_id=visit.client_id,
        device=visit.device,
        logged_in=False,
        exported_at=at + (visit.exported_at - visit.at),
        is_payment_return=True,
    )
