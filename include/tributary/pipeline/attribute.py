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
from tributary.pipeline.model_input import CONVERSION_TYPE
from tributary.warehouse.connection import Connection, name


def attribute(conn: Connection, at: datetime) -> None:
    """Fill work.identity, work.credit and the credit set; inside the caller's transaction.

    A store that has enough journeys for the first time gets its first model state, fitted `at`.
    """
    _clear(conn)
    identity.find_people(conn)
    rules = configs(conn)
    for store_id, visit_source in visit_sources(conn, "work.candidate_touch").items():
        config = rules[store_id]
        if _may_be_due(conn, store_id) and model_state.is_due(conn, store_id, config):
            model_state.learn(conn, model_state.CANDIDATE, store_id, visit_source, config, at)
        state_id = model_state.chosen(conn, model_state.CANDIDATE, store_id)
        credit_set_id, is_new = _credit_set(conn, store_id, visit_source, config, state_id)
        select = affected.select_all if is_new else affected.select_changed
        if select(conn, store_id, credit_set_id):
            weights = model_state.weights(conn, store_id, state_id)
            affected.select_touches(conn, store_id, credit_set_id, visit_source, config)
            credits.compute(conn, store_id, credit_set_id, config, weights)
    conn.execute("analyze work.credit")


def _may_be_due(conn: Connection, store_id: str) -> bool:
    """Whether the store may have outgrown its model state. Days are counted as they are published,
    so that a run does not count every conversion to learn that it added one.
    """
    row = conn.execute(
        "select (select sum(row_count) from ops.day_count where store_id = %(store)s"
        "   and table_name = 'conversion'),"
        " (select count(*) from work.conversion where store_id = %(store)s),"
        " (select s.conversions + s.unattributed from core.model_pointer as p"
        "   join core.model_state as s using (store_id, model_state_id)"
        "   where p.store_id = %(store)s and p.conversion_type = %(type)s)",
        {"store": store_id, "type": CONVERSION_TYPE},
    ).fetchone()
    assert row is not None
    published, new, learned_from = row
    if published is None or learned_from is None:
        return True
    return bool(published + new >= model_state.GROWTH * learned_from)


def outdated_stores(conn: Connection) -> list[str]:
    """Stores whose published credits or people were made under other settings than today's, or
    credits with another model state than the chosen one.
    """
    rules = configs(conn)
    with_people = {
        str(store)
        for (store,) in conn.execute(
            "select store_id from core.store as s where exists (select 1"
            " from core.identity_edge as e where e.store_id = s.store_id)"
        )
    }
    current = {
        str(store): str(credit_set)
        for store, credit_set in conn.execute(
            "select store_id, credit_set_id from core.credit_pointer where conversion_type = %s",
            (CONVERSION_TYPE,),
        )
    }
    other_set = {
        store_id
        for store_id, visit_source in visit_sources(conn, "core.touch").items()
        if store_id in current
        and current[store_id]
        != _credit_set_id(
            visit_source,
            rules[store_id],
            model_state.chosen(conn, model_state.PUBLISHED, store_id),
        )
    }
    return sorted(other_set | (with_people & identity.outdated_stores(conn)))


def configs(conn: Connection) -> dict[str, AttributionConfig]:
    """Store -> its configuration: the defaults, and what the stores file says over them."""
    rows = conn.execute(
        "select s.store_id, coalesce(r.attribution, '{}') from core.store as s"
        " left join ops.store_rule as r using (store_id)"
    ).fetchall()
    found = {}
    for store, own in rows:
        try:
            found[str(store)] = AttributionConfig.of(own, CONVERSION_TYPE)
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


def _credit_set_id(visit_source: str, config: AttributionConfig, state_id: str) -> str:
    named = f"{config.config_hash()} {visit_source} {state_id}"
    digest = hashlib.sha256(named.encode()).hexdigest()
    return f"{CONVERSION_TYPE}-{digest[:16]}"


def _credit_set(
    conn: Connection, store_id: str, visit_source: str, config: AttributionConfig, state_id: str
) -> tuple[str, bool]:
    """The store's credit set under today's configuration and chosen model state, and whether it is
    not the published one.
    """
    credit_set_id = _credit_set_id(visit_source, config, state_id)
    published = conn.execute(
        "select 1 from core.credit_pointer"
        " where (store_id, conversion_type, credit_set_id) = (%s, %s, %s)",
        (store_id, CONVERSION_TYPE, credit_set_id),
    ).fetchone()
    if published is not None:
        return credit_set_id, False
    conn.execute(
        "insert into work.credit_set (store_id, credit_set_id, conversion_type, config_hash,"
        " config, model_state_id, publication_id) values (%s, %s, %s, %s, %s, %s, 0)",
        (
            store_id,
            credit_set_id,
            CONVERSION_TYPE,
            config.config_hash(),
            Jsonb({**json.loads(config.to_json()), "visit_source": visit_source}),
            state_id,
        ),
    )
    conn.execute(
        "insert into work.credit_pointer (store_id, conversion_type, credit_set_id)"
        " values (%s, %s, %s)",
        (store_id, CONVERSION_TYPE, credit_set_id),
    )
    return credit_set_id, True
