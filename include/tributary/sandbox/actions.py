"""What visitors do besides buying: they sign up, and they ask for something (a lead).

All of it is drawn from its own dice, so that visits and orders are what they are without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tributary.sandbox.dice import Dice
from tributary.sandbox.people import Person, Visit

_SIGN_UP, _LEAD = 0.06, 0.05


@dataclass(frozen=True)
class Action:
    """`cents`: what the site says that it is worth, in minor units of the store's currency, or
    None. The export holds the event twice where it `is_repeated`.
    """

    visit: Visit
    kind: Literal["registration", "lead"]
    at: datetime
    cents: int | None = None
    names_currency: bool = False
    is_repeated: bool = False

    @property
    def exported_at(self) -> datetime:
        return self.at + (self.visit.exported_at - self.visit.at)


def actions(person: Person, visits: Iterable[Visit]) -> Iterator[Action]:
    """What a person does in all visits there will ever be, in their order.

    Nothing keeps anybody from signing up again, on another device or on the same one.
    """
    dice = Dice(*person.key, "actions")
    for visit in visits:
        if visit.is_payment_return:
            continue
        signs, asks = dice.chance(_SIGN_UP), dice.chance(_LEAD)
        signed, asked = visit.at + dice.span(5, 200), visit.at + dice.span(5, 200)
        is_whole, says_value = dice.chance(0.5), dice.chance(0.6)
        cents = 100 * dice.randint(5, 80) if is_whole else dice.randint(500, 9_000)
        names_currency, is_repeated = dice.chance(0.9), dice.chance(0.05)
        if signs:
            yield Action(visit, "registration", signed, is_repeated=is_repeated)
        if asks:
            value = cents if says_value else None
            yield Action(visit, "lead", asked, value, names_currency, is_repeated)
