"""The attribute step of unify: who is one person, whose conversions are touched, their new credits.

People affected by a run are those with a touch or conversion that really changed, and those whose
identity merged or split. Only their conversions are computed again; the pure arithmetic is in
tributary.attribution and tributary.identity.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from psycopg.types.json import Jsonb

from tributary.attribution import AttributionConfig
from tributary.errors import ConfigurationError
from tributary.pipeline import affected, credits, identity, model_state
from tributary.pipeline.goal import CONVERSION_TYPES, PURCHASE, Goal
from tributary.warehouse.connection import Connection, name


def attribute(conn: Connection, at: datetime) -> None:
    """Fill work.identity, work.credit and the credit sets; inside the caller's transaction.

    A goal that has enough journeys for the first time gets its first model state, fitted `at`.
    """
    _clear(conn)
    identity.find_people(conn)
    compared = ""
    for goal in goals(conn, model_state.CANDIDATE):
        if _may_be_due(conn, goal) and model_state.is_due(conn, goal):
            model_state.learn(conn, model_state.CANDIDATE, goal, at)
        state_id = model_state.chosen(
            conn, model_state.CANDIDATE, goal.store_id, goal.conversion_type
        )
        credit_set_id, is_new = _credit_set(conn, goal, state_id)
        if not is_new and compared != goal.store_id:
            affected.find_changed_rows(conn, goal.store_id)
            compared = goal.store_id
        select = affected.select_all if is_new else affected.select_changed
        if select(conn, goal, credit_set_id):
            weights = model_state.weights(conn, goal.store_id, state_id)
            affected.select_touches(conn, goal, credit_set_id)
            credits.compute(conn, goal, credit_set_id, weights)
    conn.execute("analyze work.credit")


def _may_be_due(conn: Connection, goal: Goal) -> bool:
    """Whether the goal may have outgrown its model state. Days are counted as they are published,
    and conversions of all types, so that a run does not count every one to learn that it added one.
    """
    row = conn.execute(
        "select (select sum(row_count) from ops.day_count where store_id = %(store)s"
        "   and table_name = 'conversion'),"
        " (select count(*) from work.conversion where store_id = %(store)s),"
        " (select s.conversions + s.unattributed from core.model_pointer as p"
        "   join core.model_state as s using (store_id, model_state_id)"
        "   where p.store_id = %(store)s and p.conversion_type = %(type)s)",
        {"store": goal.store_id, "type": goal.conversion_type},
    ).fetchone()
    assert row is not None
    published, new, learned_from = row
    if published is None or learned_from is None:
        return True
    return bool(published + new >= model_state.GROWTH * learned_from)


def goals(conn: Connection, relations: model_state.Relations) -> list[Goal]:
    """What there is to credit: every store's purchases, and of other types those it has or had."""
    rules = configs(conn)
    sources = visit_sources(conn, f"{relations}touch")
    new = "work.conversion" if relations == model_state.CANDIDATE else "core.conversion"
    rows = conn.execute(
        "select s.store_id, k.conversion_type from core.store as s"
        " cross join unnest(%(types)s::text[]) with ordinality as k (conversion_type, place)"
        " where k.conversion_type = %(always)s"
        + "".join(
            f" or exists (select 1 from {table} as c where c.store_id = s.store_id"
            "   and c.conversion_type = k.conversion_type)"
            for table in ("core.conversion", "core.credit_pointer", new)
        )
        + " order by s.store_id, k.place",
        {"types": list(CONVERSION_TYPES), "always": PURCHASE},
    ).fetchall()
    return [
        Goal(str(store), str(kind), sources[str(store)], rules[str(store), str(kind)])
        for store, kind in rows
    ]


def outdated_stores(conn: Connection) -> list[str]:
    """Stores whose published credits or people were made under other settings than today's, or
    credits with another model state than the chosen one.
    """
    with_people = {
        str(store)
        for (store,) in conn.execute(
            "select store_id from core.store as s where exists (select 1"
            " from core.identity_edge as e where e.store_id = s.store_id)"
        )
    }
    rows = conn.execute(
        "select store_id, conversion_type, credit_set_id from core.credit_pointer"
    ).fetchall()
    current = {(str(store), str(kind)): str(credit_set) for store, kind, credit_set in rows}
    other_set = set()
    for goal in goals(conn, model_state.PUBLISHED):
        key = (goal.store_id, goal.conversion_type)
        state_id = model_state.chosen(conn, model_state.PUBLISHED, *key)
        if key in current and current[key] != _credit_set_id(goal, state_id):
            other_set.add(goal.store_id)
    return sorted(other_set | (with_people & identity.outdated_stores(conn)))


def configs(conn: Connection) -> dict[tuple[str, str], AttributionConfig]:
    """Store and conversion type -> its configuration: the defaults, and what the stores file says
    over them.
    """
    rows = conn.execute(
        "select s.store_id, coalesce(r.attribution, '{}') from core.store as s"
        " left join ops.store_rule as r using (store_id)"
    ).fetchall()
    found = {}
    for store, own in rows:
        for kind in CONVERSION_TYPES:
            try:
                found[str(store), str(kind)] = AttributionConfig.of(own, kind)
            except ConfigurationError as error:
                raise ConfigurationError(f"store {store} in the stores file: {error}") from None
    return found


def _clear(conn: Connection) -> None:
    conn.execute("truncate work.credit_scope")
    for table in ("credit", "credit_set", "credit_pointer", *model_state.TABLES):
        conn.execute(f"truncate {name('work', table)}")


def visit_sources(conn: Connection, touches: str) -> dict[str, str]:
    """Store -> where its visits come from; 'auto' is the event export if any, else moments."""
    rows = conn.execute(
        # As in the index touch_exported_visit.
        "select s.store_id, s.visit_source, s.visit_source = 'auto' and exists (select 1 from"
        f" {touches} as t where t.store_id = s.store_id and t.evidence_type = 'visit'"
        " and t.connector <> all(%s)) from core.store as s order by 1",
        (credits.SHOP_MOMENTS,),
    ).fetchall()
    return {
        str(store): str(source)
        if source != "auto"
        else ("event_export" if has_export else "shop_moments")
        for store, source, has_export in rows
    }


def _credit_set_id(goal: Goal, state_id: str) -> str:
    named = f"{goal.config.config_hash()} {goal.visit_source} {state_id}"
    digest = hashlib.sha256(named.encode()).hexdigest()
    return f"{goal.conversion_type}-{digest[:16]}"


def _credit_set(conn: Connection, goal: Goal, state_id: str) -> tuple[str, bool]:
    """The goal's credit set under today's configuration and chosen model state, and whether it is
    not the published one.
    """
    credit_set_id = _credit_set_id(goal, state_id)
    published = conn.execute(
        "select 1 from core.credit_pointer"
        " where (store_id, conversion_type, credit_set_id) = (%s, %s, %s)",
        (goal.store_id, goal.conversion_type, credit_set_id),
    ).fetchone()
    if published is not None:
        return credit_set_id, False
    content = {**json.loads(goal.config.to_json()), "visit_source": goal.visit_source}
    conn.execute(
        "insert into work.credit_set (store_id, credit_set_id, conversion_type, config_hash,"
        " config, model_state_id, publication_id) values (%s, %s, %s, %s, %s, %s, 0)",
        (
            *(goal.store_id, credit_set_id, goal.conversion_type),
            *(goal.config.config_hash(), Jsonb(content), state_id),
        ),
    )
    conn.execute(
        "insert into work.credit_pointer (store_id, conversion_type, credit_set_id)"
        " values (%s, %s, %s)",
        (goal.store_id, goal.conversion_type, credit_set_id),
    )
    return credit_set_id, True
