"""Markov in the warehouse against the sandbox's own, cell by cell."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.mart.attributed import AT, join_people
from tributary.local.grade import grade
from tributary.local.grade_world import grade_world
from tributary.money import minor_unit
from tributary.pipeline import attribute
from tributary.sandbox import truth, truth_actions
from tributary.sandbox.catalog import STORES, Store
from tributary.sandbox.people import Visit
from tributary.sandbox.truth import MARKOV
from tributary.sandbox.truth_people import journeys
from tributary.sandbox.world import World
from tributary.warehouse import candidates, publish
from tributary.warehouse.connection import Connection
from tributary.window import day_of


def put(conn: Connection, world: World, store: Store) -> None:
    """What a whole run leaves in core of a store's visits, orders and people."""
    seen, orders = truth.seen_visits(world, store), world.orders(store)
    conn.execute(
        "insert into core.store values (%s, %s, %s, %s, 'auto', 'shop')",
        (store.id, store.name, store.timezone, store.currency),
    )
    with conn.cursor() as cursor, cursor.copy("copy core.touch from stdin") as copy:
        for n, visit in enumerate(seen, start=1):
            day = day_of(visit.at, store.timezone)
            what = (store.event_export, "main", "visit", visit.at, day)
            copy.write_row(
                (
                    store.id,
                    n,
                    *what,
                    f"client:{visit.client_id}",
                    *[""] * 7,
                    visit.seen_as,
                    "",
                    "",
                    None,
                    day,
                    1,
                    "",
                )
            )
    edges = [
        (f"client:{visit.client_id}", f"user:{visit.person.number}")
        for visit in seen
        if visit.logged_in
    ]
    for visit in seen:
        if visit.dress.gclid:
            edges.append((f"client:{visit.client_id}", _click(visit)))
    for state, visit in journeys(world, store, orders):
        if visit.dress.gclid:
            edges.append((f"order:shopify:{state.order.id}", _click(visit)))
    for order in world.purchases_seen(store):
        if not order.loses_transaction_id:
            client = order.purchase.visit.client_id
            edges.append((f"client:{client}", f"order:shopify:{order.id}"))
    with conn.cursor() as cursor, cursor.copy("copy core.conversion from stdin") as copy:
        for state in orders:
            order = state.order
            itself = f"order:shopify:{order.id}"
            who = f"customer:{order.customer_id}" if order.has_customer else itself
            if order.has_customer and not order.is_test:
                edges.append((who, itself))
                if store.sends_emails_as_users:
                    edges.append((who, f"user:{order.purchase.visit.person.number}"))
            if state.is_counted:
                value = Decimal(truth.sale(state).net).scaleb(-minor_unit(store.currency))
                day = day_of(order.processed_at, store.timezone)
                where = ("purchase", order.id, "shopify", store.id, str(order.id))
                sold = (order.processed_at, day, who, value, store.currency, None, day, 1)
                copy.write_row((store.id, *where, *sold))
        for n, action in enumerate(truth_actions.counted(world, store), start=1):
            day = day_of(action.at, store.timezone)
            where = (action.kind, n, store.event_export, "main", f"{action.kind} {n}")
            value = Decimal(action.cents or 0).scaleb(-minor_unit(store.currency))
            who = f"client:{action.visit.client_id}"
            copy.write_row(
                (store.id, *where, action.at, day, who, value, store.currency, None, day, 1)
            )
    join_people(conn, sorted(set(edges)), store.id)


def _click(visit: Visit) -> str:
    return f"click:{visit.client_id}-{visit.number}"


def test_credits_are_exact_to_the_cent_where_models_were_learned(
    warehouse: Connection, world: World
) -> None:
    for store in STORES.values():
        put(warehouse, world, store)
    with warehouse.transaction():
        candidates.open_run(warehouse, "unify-1", [])
        for store_id in STORES:
            warehouse.execute(
                "insert into work.scope values (%s, 'nobody', '', '2020-01-01')", (store_id,)
            )
        attribute.attribute(warehouse, AT)
    publish.publish(warehouse, "unify-1", AT)
    states = warehouse.execute(
        "select store_id, conversions from core.model_state where conversion_type = 'purchase'"
    ).fetchall()
    assert len(states) == 2 and min(count for _, count in states) >= 100
    report = grade_world(warehouse, world)
    assert report.notes == ()
    assert [wrong for wrong in report.mismatches if wrong.connector == "attribution"] == []
    cells = {m.store: m.cells for m in report.measures if m.measure == MARKOV}
    assert len(cells) == 2 and min(cells.values()) > 100
    journeys = {m.measure: m.cells for m in report.measures if "journeys_" in m.measure}
    assert min(journeys.values()) > 20 and len(journeys) == 6
    # Other weights than those that were learned are seen.
    other = grade(warehouse, truth.cells(world, dict.fromkeys(cells, 0)), world.seed)
    assert MARKOV in {wrong.measure for wrong in other.mismatches}
    # A state of other journeys is said, not compared.
    warehouse.execute("update core.model_state set journeys = journeys + 1")
    again = grade_world(warehouse, world)
    assert len(again.notes) == 2 and "tributary models refit" in again.notes[0]
    assert MARKOV not in {m.measure for m in again.measures}
    assert "Markov is not graded" in again.to_json()
    assert "every cell that could be compared is exact" in replace(again, mismatches=()).to_text()
    # Journeys that the pipeline would learn wrongly are wrong cells, whatever was learned before.
    warehouse.execute("delete from core.identity where identifier like 'client:%%'")
    torn = {wrong.measure for wrong in grade_world(warehouse, world).mismatches}
    assert {"journeys_won", "journeys_lost"} <= torn
