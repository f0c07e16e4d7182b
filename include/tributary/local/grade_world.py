"""Grades a warehouse against a world: its cells, the journeys its models would learn from now, and
Markov's credits where the models are of today.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal

from tributary.attribution.paths import Paths
from tributary.local.grade import GradeReport, grade
from tributary.pipeline import attribute, model_input, model_state
from tributary.pipeline.goal import CONVERSION_TYPES, PURCHASE, Goal
from tributary.sandbox import truth
from tributary.sandbox.catalog import STORES
from tributary.sandbox.truth import Cells, Key
from tributary.sandbox.truth_markov import Learned
from tributary.sandbox.world import World
from tributary.warehouse.connection import Connection

# A journey, its orders and its ends without one.
_Journey = tuple[str, float, float]


def grade_world(conn: Connection, world: World) -> GradeReport:
    """Compare what core holds with what is true in the world."""
    true = {
        (store.id, kind): truth.learned(world, store, kind)
        for store in STORES.values()
        for kind in CONVERSION_TYPES
    }
    chains, notes = _chains(
        conn, {store: found for (store, kind), found in true.items() if kind == PURCHASE}
    )
    expected, found = truth.cells(world, chains), Cells()
    for of, learned in true.items():
        expected |= _journey_cells(world, *of, _walked(learned))
    for goal, paths in _learnable(conn):
        found |= _journey_cells(world, goal.store_id, goal.conversion_type, _counted(paths))
    report = grade(conn, expected, world.seed, found)
    return replace(report, notes=notes)


def _learnable(conn: Connection) -> Iterator[tuple[Goal, Paths]]:
    """The journeys of today as models would learn from them, whether or not one did."""
    for goal in attribute.goals(conn, model_state.PUBLISHED):
        if goal.store_id in STORES:
            found = model_input.journeys(conn, "core.", goal)
            if found:
                yield goal, found.paths


def _counted(paths: Paths) -> Iterator[_Journey]:
    for n, (orders, ends) in enumerate(zip(paths.conversions, paths.nulls, strict=True)):
        codes = paths.channel[paths.offsets[n] : paths.offsets[n + 1]]
        yield " > ".join(paths.names[code] for code in codes), float(orders), float(ends)
    yield "", paths.unattributed_conversions, 0.0


def _walked(true: Learned) -> Iterator[_Journey]:
    yield from ((" > ".join(path), 1.0, 0.0) for path in true.won)
    yield from ((" > ".join(path), 0.0, 1.0) for path in true.lost)
    yield "", float(true.unattributed), 0.0


def _journey_cells(world: World, store_id: str, kind: str, journeys: Iterable[_Journey]) -> Cells:
    cells: Cells = {}
    of = "" if kind == PURCHASE else f"{kind}_"
    for path, *counts in journeys:
        for measure, count in zip(("journeys_won", "journeys_lost"), counts, strict=True):
            key = Key("attribution", of + measure, store_id, world.as_of, path)
            cells[key] = cells.get(key, Decimal(0)) + Decimal(count)
    return {key: count for key, count in cells.items() if count}


def _chains(conn: Connection, true: dict[str, Learned]) -> tuple[dict[str, int], tuple[str, ...]]:
    """Store -> the order of its published Markov chain, 0 where too little was learned; and why a
    store's Markov cannot be compared: its models were learned from other journeys than today's.
    """
    rows = conn.execute(
        "select p.store_id, coalesce(m.markov_order, 0), coalesce(m.conversions, 0),"
        " coalesce(m.journeys - m.conversions, 0), coalesce(m.unattributed, 0)"
        " from core.credit_pointer as p join core.credit_set as s using (store_id, credit_set_id)"
        " left join core.model_state as m on m.store_id = s.store_id"
        "   and m.model_state_id = s.model_state_id where p.conversion_type = %s",
        (PURCHASE,),
    ).fetchall()
    chains, notes = {}, []
    for store_id, order, *counts in rows:
        if store_id not in true:
            continue
        now = true[store_id]
        expected = [len(now.won), len(now.lost), now.unattributed] if now.is_enough else [0, 0, 0]
        if counts == expected:
            chains[store_id] = order
        else:
            notes.append(
                f"{store_id}: Markov is not graded. Its models learned from {_journeys(counts)};"
                f" the world has {_journeys(expected)} by now."
                " `tributary models refit` learns again."
            )
    return chains, tuple(notes)


def _journeys(counts: list[int]) -> str:
    return "{} journeys with and {} without an order, {} orders alone".format(*counts)
