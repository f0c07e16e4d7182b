"""Grades a warehouse against a world: its cells, and Markov's where its models are of today."""

from __future__ import annotations

from dataclasses import replace

from tributary.local.grade import GradeReport, grade
from tributary.sandbox import truth
from tributary.sandbox.catalog import STORES
from tributary.sandbox.world import World
from tributary.warehouse.connection import Connection


def grade_world(conn: Connection, world: World) -> GradeReport:
    """Compare what core holds with what is true in the world."""
    chains, notes = _chains(conn, world)
    report = grade(conn, truth.cells(world, chains), world.seed)
    return replace(report, notes=notes)


def _chains(conn: Connection, world: World) -> tuple[dict[str, int], tuple[str, ...]]:
    """Store -> the order of its published Markov chain, 0 where too little was learned; and why a
    store's Markov cannot be compared: its models were learned from other journeys than today's.
    """
    rows = conn.execute(
        "select p.store_id, coalesce(m.markov_order, 0), coalesce(m.conversions, 0),"
        " coalesce(m.journeys - m.conversions, 0), coalesce(m.unattributed, 0)"
        " from core.credit_pointer as p join core.credit_set as s using (store_id, credit_set_id)"
        " left join core.model_state as m on m.store_id = s.store_id"
        "   and m.model_state_id = s.model_state_id"
    ).fetchall()
    chains, notes = {}, []
    for store_id, order, *counts in rows:
        if store_id not in STORES:
            continue
        now = truth.learned(world, STORES[store_id])
        true = [len(now.won), len(now.lost), now.unattributed] if now.is_enough else [0, 0, 0]
        if counts == true:
            chains[store_id] = order
        else:
            notes.append(
                f"{store_id}: Markov is not graded. Its models learned from {_journeys(counts)};"
                f" the world has {_journeys(true)} by now. `tributary models refit` learns again."
            )
    return chains, tuple(notes)


def _journeys(counts: list[int]) -> str:
    return "{} journeys with and {} without an order, {} orders alone".format(*counts)
