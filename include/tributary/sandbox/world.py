"""The sandbox world at a moment: `World(seed, as_of, first_day)` is pure and always the same.

Everything before midnight UTC of `as_of` has happened; a later `as_of` appends and restates only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from tributary.sandbox.actions import Action, actions
from tributary.sandbox.catalog import STORES, Store
from tributary.sandbox.orders import Order, make_order
from tributary.sandbox.people import Purchase, Visit, born_on, life
from tributary.sandbox.state import OrderState, state_at

DAYS = 120


@dataclass(frozen=True)
class StoreHistory:
    """All that ever happens to people born in the first days, cut by nobody yet."""

    visits: tuple[Visit, ...]
    orders: tuple[Order, ...]
    actions: tuple[Action, ...]


@dataclass(frozen=True)
class World:
    """`first_day`: the day (UTC) the world begins; by default 120 days before `as_of`."""

    seed: int
    as_of: date
    first_day: date

    @classmethod
    def at(cls, seed: int, as_of: date, first_day: date | None = None) -> World:
        return cls(seed, as_of, first_day or as_of - timedelta(days=DAYS))

    @property
    def moment(self) -> datetime:
        """Everything strictly before this instant has happened."""
        return datetime.combine(self.as_of, time(), UTC)

    def visits(self, store: Store) -> list[Visit]:
        """All visits that happened, also those nobody could see."""
        return [v for v in self._history(store).visits if v.at < self.moment]

    def orders(self, store: Store) -> list[OrderState]:
        """All orders in order of creation, as they stand now."""
        states = (state_at(order, self.moment) for order in self._history(store).orders)
        return [state for state in states if state is not None]

    def purchases_seen(self, store: Store) -> list[Order]:
        """Orders whose purchase event the event export holds by now."""
        return [
            state.order
            for state in self.orders(store)
            if state.order.sends_purchase_event and export_seen(state.order, self.moment)
        ]

    def actions(self, store: Store) -> list[Action]:
        """Sign-ups and leads that the event export holds by now, in order of time."""
        return [
            action
            for action in self._history(store).actions
            if action.visit.client_id and action.exported_at < self.moment
        ]

    def _history(self, store: Store) -> StoreHistory:
        return _history(self.seed, store.id, self.first_day, self.as_of)


def export_seen(order: Order, moment: datetime) -> bool:
    """Is this order's purchase event in the event export by `moment`?"""
    visit = order.purchase.visit
    late = visit.exported_at - visit.at
    return bool(visit.client_id) and order.purchase_event_at + late < moment


@lru_cache(maxsize=8)
def _history(seed: int, store_id: str, first_day: date, end: date) -> StoreHistory:
    store = STORES[store_id]
    visits: list[Visit] = []
    orders: list[Order] = []
    done: list[Action] = []
    for n in range((end - first_day).days):
        for person, channel in born_on(seed, store, first_day + timedelta(days=n)):
            own: list[Visit] = []
            for event in life(person, channel):
                if isinstance(event, Purchase):
                    orders.append(make_order(store, event))
                else:
                    own.append(event)
            visits += own
            done += actions(person, own)
    visits.sort(key=lambda v: (v.at, v.person.number, v.number))
    orders.sort(key=lambda o: (o.created_at, o.id))
    done.sort(key=lambda a: (a.at, a.visit.person.number, a.kind))
    return StoreHistory(tuple(visits), tuple(orders), tuple(done))
