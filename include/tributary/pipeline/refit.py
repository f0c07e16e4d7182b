"""Learns the data-driven models again from published journeys, and goes back to earlier versions.

Both only move the pointer to a model state; the next unify run credits every conversion of the
store with it and publishes that whole, or not at all. Earlier states are kept.
"""

from __future__ import annotations

import logging

from tributary.clock import Clock
from tributary.errors import ConfigurationError
from tributary.pipeline import attribute, model_state
from tributary.pipeline.goal import PURCHASE
from tributary.pipeline.model_state import PUBLISHED
from tributary.warehouse.connection import Connection, locked

log = logging.getLogger(__name__)


def refit(conn: Connection, clock: Clock) -> list[str]:
    """Fit every store's models to its published journeys, for each type of conversion it has; the
    names of those that got another state.

    Each is done or not: what was fitted before a stop stays fitted.
    """
    moved = []
    with locked(conn, "unify"):
        goals = attribute.goals(conn, PUBLISHED)
        for number, goal in enumerate(goals, start=1):
            log.info("%d of %d: %s", number, len(goals), goal.name)
            with conn.transaction():
                conn.execute("set transaction isolation level repeatable read")
                before = model_state.chosen(conn, PUBLISHED, goal.store_id, goal.conversion_type)
                now = model_state.learn(conn, PUBLISHED, goal, clock.now(), "refit")
            if now and now != before:
                moved.append(goal.name)
    return moved


def rollback(
    conn: Connection, store_id: str, state_id: str = "", conversion_type: str = PURCHASE
) -> str:
    """Go back to a state of a store and type of conversion, by default the one fitted before; its
    id.

    ConfigurationError where there is none. The next refit goes on from the newest journeys.
    """
    with locked(conn, "unify"), conn.transaction():
        current = model_state.chosen(conn, PUBLISHED, store_id, conversion_type)
        row = conn.execute(
            "select model_state_id from core.model_state as s"
            " where store_id = %(store)s and conversion_type = %(type)s"
            " and case when %(state)s <> '' then model_state_id = %(state)s"
            "   else fitted_at < (select fitted_at from core.model_state as c"
            "     where c.store_id = s.store_id and c.model_state_id = %(current)s) end"
            " order by fitted_at desc, model_state_id limit 1",
            {
                "store": store_id,
                "type": conversion_type,
                "state": state_id,
                "current": current,
            },
        ).fetchone()
        if row is None:
            wanted = f"model state {state_id!r}" if state_id else "an earlier model state"
            raise ConfigurationError(
                f"store {store_id!r} does not have {wanted} of its {conversion_type}s:"
                " `tributary models list` shows those there are"
            )
        model_state.point(conn, "core", store_id, conversion_type, str(row[0]), "rollback")
        return str(row[0])
