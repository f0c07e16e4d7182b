"""Who is one person by what the world shows: their visits and their orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

from tributary.sandbox.actions import Action
from tributary.sandbox.catalog import Store
from tributary.sandbox.people import Visit
from tributary.sandbox.shopify_journeys import moments
from tributary.sandbox.state import OrderState
from tributary.sandbox.world import World

# A person's visits by channel, and the times of what they are credited for.
History = tuple[list[tuple[datetime, str]], list[datetime]]


def journeys(
    world: World, store: Store, orders: list[OrderState]
) -> Iterator[tuple[OrderState, Visit]]:
    """Visits the shop itself ties to its orders; a journey is known once it is ready."""
    by_person: dict[int, list[Visit]] = defaultdict(list)
    for visit in world.visits(store):
        if not visit.is_payment_return:
            by_person[visit.person.number].append(visit)
    for state in orders:
        order = state.order
        if order.is_test or not order.has_journey or not state.is_ready:
            continue
        for visit in moments(order, by_person[order.purchase.visit.person.number]):
            yield state, visit


class People:
    """Who is who by the evidence: customer and address of an order, browser of a purchase,
    signed-in user, and the browser of a paid click that an order's journey began with.
    """

    def __init__(
        self, world: World, store: Store, orders: list[OrderState], seen: list[Visit]
    ) -> None:
        self._parent: dict[str, str] = {}
        self._visits: dict[str, list[Visit]] = defaultdict(list)
        for state in orders:
            if state.order.has_customer and not state.order.is_test:
                self._join(f"order {state.order.id}", f"customer {state.order.customer_id}")
                # An address has one customer, who has one address.
                if store.sends_emails_as_users:
                    number = state.order.purchase.visit.person.number
                    self._join(f"order {state.order.id}", f"user {number}")
        for order in world.purchases_seen(store):
            if not order.loses_transaction_id:
                self._join(f"order {order.id}", f"client {order.purchase.visit.client_id}")
        shown = set(seen)
        for state, visit in journeys(world, store, orders):
            if visit.dress.gclid and visit in shown:
                self._join(f"order {state.order.id}", f"client {visit.client_id}")
        for visit in seen:
            if visit.logged_in:
                self._join(f"client {visit.client_id}", f"user {visit.person.number}")
        for visit in seen:
            self._visits[self._root(f"client {visit.client_id}")].append(visit)

    def visits_of(self, state: OrderState) -> list[Visit]:
        return self._visits[self._root(f"order {state.order.id}")]

    def visits_by(self, client_id: str) -> list[Visit]:
        """The visits of whoever uses a browser."""
        return self._visits[self._root(f"client {client_id}")]

    def histories(self, orders: list[OrderState]) -> Iterator[History]:
        """Each person's visits by channel, and when they bought."""
        return self._histories(
            (f"order {state.order.id}", state.order.processed_at)
            for state in orders
            if state.is_counted
        )

    def histories_to(self, actions: list[Action]) -> Iterator[History]:
        """Each person's visits by channel, and when they did one of these."""
        return self._histories((f"client {a.visit.client_id}", a.at) for a in actions)

    def _histories(self, done: Iterable[tuple[str, datetime]]) -> Iterator[History]:
        times: dict[str, list[datetime]] = defaultdict(list)
        for who, at in done:
            times[self._root(who)].append(at)
        for person in self._visits.keys() | times.keys():
            visits = self._visits.get(person, [])
            yield [(v.at, v.seen_as) for v in visits], times.get(person, [])

    def _root(self, name: str) -> str:
        while (parent := self._parent.get(name, name)) != name:
            name = parent
        return name

    def _join(self, one: str, other: str) -> None:
        self._parent[self._root(one)] = self._root(other)
