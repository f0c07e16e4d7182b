"""Model states: what Markov and Shapley learned from a store's journeys, kept in versions.

A state is fitted in unify when a store has enough journeys for the first time or twice as many as
its state was learned from, and by the scheduled refit. The pointer says which state the next unify
run credits with.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Literal

from tributary.attribution import ModelFit, fit_models, too_little
from tributary.pipeline.goal import Goal
from tributary.pipeline.model_input import journeys
from tributary.warehouse.connection import Connection, name

log = logging.getLogger(__name__)

TABLES = ("model_state", "model_channel", "model_pointer")
# Where to read journeys: as a run will publish them, or as they are published.
Relations = Literal["work.candidate_", "core."]
CANDIDATE: Relations = "work.candidate_"
PUBLISHED: Relations = "core."
# Within unify a state is fitted again when the store has so many times its conversions.
GROWTH = 2


def is_due(conn: Connection, goal: Goal) -> bool:
    """Whether unify has to fit: the run changes the store, it may have enough journeys, and has no
    state or has outgrown it. A state that somebody went back to stays until the next refit.
    """
    row = conn.execute(
        "with chosen as (select s.first_day, s.conversions + s.unattributed as conversions"
        "   from work.candidate_model_pointer as p"
        "   join work.candidate_model_state as s using (store_id, model_state_id)"
        "   where p.store_id = %(store)s and p.conversion_type = %(type)s)"
        " select exists (select 1 from work.scope where store_id = %(store)s),"
        " (select count(*) from work.candidate_conversion"
        "   where store_id = %(store)s and conversion_type = %(type)s"
        "   and converted_at >= (select max(converted_at) - make_interval(days => %(days)s)"
        "     from work.candidate_conversion"
        "     where store_id = %(store)s and conversion_type = %(type)s)"
        "   and conversion_day >= coalesce((select first_day from chosen), '-infinity')),"
        " exists (select 1 from work.candidate_model_pointer where store_id = %(store)s"
        "   and conversion_type = %(type)s and chosen_by = 'rollback'),"
        " (select conversions from chosen)",
        {
            "store": goal.store_id,
            "type": goal.conversion_type,
            "days": goal.config.fit.days,
        },
    ).fetchone()
    assert row is not None
    is_changed, conversions, is_rollback, known = row
    return (
        bool(is_changed)
        and not is_rollback
        and conversions >= max(goal.config.fit.min_conversions, GROWTH * (known or 0))
    )


def learn(
    conn: Connection,
    relations: Relations,
    goal: Goal,
    at: datetime,
    chosen_by: str = "fit",
) -> str:
    """Fit a goal's models and point to the new state; its id, or '' where there is too little.

    Candidate journeys make a candidate state, which unify publishes; published ones a state that
    is there at once. Inside the caller's transaction.
    """
    found = journeys(conn, relations, goal)
    if found is None:
        return ""
    paths, name_of = found.paths, goal.name
    if reason := too_little(paths.conversions.sum(), paths.nulls.sum(), goal.config.fit):
        log.info("models of %s: not fitted, %s", name_of, reason)
        return ""
    fit = fit_models(paths, goal.config, lambda text: log.info("models of %s: %s", name_of, text))
    state_id = f"{goal.conversion_type}-{fit.digest[:16]}"
    schema = "work" if relations == CANDIDATE else "core"
    _write(conn, schema, goal, state_id, fit, (found.first, found.end), at)
    point(conn, schema, goal.store_id, goal.conversion_type, state_id, chosen_by)
    log.info(
        "models of %s: state %s from %d journeys, %d of them converting",
        *(name_of, state_id, fit.journeys, fit.converting),
    )
    return state_id


def chosen(conn: Connection, relations: Relations, store_id: str, conversion_type: str) -> str:
    """The state that the next run credits with, or ''."""
    row = conn.execute(
        f"select model_state_id from {relations}model_pointer"
        " where store_id = %s and conversion_type = %s",
        (store_id, conversion_type),
    ).fetchone()
    return str(row[0]) if row else ""


def weights(conn: Connection, store_id: str, state_id: str) -> dict[str, float] | None:
    """Removal effects by channel of a candidate or published state; None where there is none."""
    rows = conn.execute(
        "select channel, removal_effect from work.candidate_model_channel"
        " where store_id = %s and model_state_id = %s and model = 'markov'",
        (store_id, state_id),
    ).fetchall()
    return {str(channel): float(effect) for channel, effect in rows} or None


def point(
    conn: Connection,
    schema: str,
    store_id: str,
    conversion_type: str,
    state_id: str,
    chosen_by: str,
) -> None:
    """Credit with this state from the next run on; a state that is chosen already stays so."""
    table = name(schema, "model_pointer")
    conn.execute(
        f"delete from {table} where store_id = %s and conversion_type = %s"
        " and (model_state_id, chosen_by) <> (%s, %s)",
        (store_id, conversion_type, state_id, chosen_by),
    )
    conn.execute(
        f"insert into {table} select %(store)s, %(type)s, %(state)s, %(by)s"
        f" where not exists (select 1 from {table}"
        "   where store_id = %(store)s and conversion_type = %(type)s)",
        {"store": store_id, "type": conversion_type, "state": state_id, "by": chosen_by},
    )


def _write(
    conn: Connection,
    schema: str,
    goal: Goal,
    state_id: str,
    fit: ModelFit,
    span: tuple[datetime, datetime],
    at: datetime,
) -> None:
    config = goal.config
    conn.execute(
        f"insert into {name(schema, 'model_state')} (store_id, model_state_id, conversion_type,"
        " config_hash, visit_source, first_day, end_day, journeys, conversions, unattributed,"
        " markov_order, order_likelihood, seed, draws, fitted_at, publication_id)"
        " select %s, %s, %s, %s, %s, (%s at time zone s.timezone)::date,"
        " (%s at time zone s.timezone)::date + 1, %s, %s, %s, %s, %s, %s, %s, %s,"
        " coalesce((select max(publication_id) from ops.publication), 0)"
        " from core.store as s where s.store_id = %s"
        + (" on conflict do nothing" if schema == "core" else ""),
        (
            *(goal.store_id, state_id, goal.conversion_type, config.config_hash()),
            *(goal.visit_source, *span),
            *(fit.journeys, fit.converting, fit.unattributed, fit.order.order),
            *(list(fit.order.likelihood), config.fit.seed, config.fit.draws, at, goal.store_id),
        ),
    )
    rows = [
        (
            *(goal.store_id, state_id, model, channel, float(fit.conversions[model][n])),
            float(fit.shares[model][n]),
            float(fit.removal_effects[n]) if model.startswith("markov") else None,
            *(float(part[n]) for part in (held.p05, held.p50, held.p95, held.rank_stability)),
        )
        for model, held in fit.intervals.items()
        for n, channel in enumerate(fit.names)
    ]
    with conn.cursor() as cursor:
        cursor.executemany(
            f"insert into {name(schema, 'model_channel')} (store_id, model_state_id, model,"
            " channel, conversions, share, removal_effect, p05_share, p50_share, p95_share,"
            " rank_stability) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            + (" on conflict do nothing" if schema == "core" else ""),
            rows,
        )
