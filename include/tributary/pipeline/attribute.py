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
from tributary.pipeline import credits, identity, model_state
from tributary.pipeline.model_input import CONVERSION_TYPE
from tributary.warehouse import candidates
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
        if model_state.is_due(conn, store_id, config):
            model_state.learn(conn, model_state.CANDIDATE, store_id, visit_source, config, at)
        state_id = model_state.chosen(conn, model_state.CANDIDATE, store_id)
        credit_set_id, is_new = _credit_set(conn, store_id, visit_source, config, state_id)
        if _select_conversions(conn, store_id, credit_set_id, every=is_new):
            weights = model_state.weights(conn, store_id, state_id)
            credits.compute(conn, store_id, credit_set_id, visit_source, config, weights)
    conn.execute("analyze work.credit")


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
        "select s.store_id, s.visit_source, exists (select 1 from"
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


def _select_conversions(conn: Connection, store_id: str, credit_set_id: str, *, every: bool) -> int:
    """Note in work.credit_scope which conversions get new credits; returns how many."""
    if every:
        return conn.execute(
            "insert into work.credit_scope select store_id, %s, conversion_id"
            " from work.candidate_conversion where store_id = %s and conversion_type = %s"
            " union select store_id, credit_set_id, conversion_id from core.credit"
            " where store_id = %s and credit_set_id = %s",
            (credit_set_id, store_id, CONVERSION_TYPE, store_id, credit_set_id),
        ).rowcount
    changed = " union ".join(
        [
            *_changed(conn, "touch", "identifier"),
            *_changed(conn, "conversion", "identifier"),
        ]
    )
    conn.execute("drop table if exists pg_temp.affected_person")
    conn.execute(
        "create temp table affected_person as"
        " with changed as materialized (" + changed + "),"
        " moved as (select s.identifier, w.person_id as person_new, c.person_id as person_old"
        "   from work.identity_scope as s"
        "   left join work.identity as w using (store_id, identifier)"
        "   left join core.identity as c using (store_id, identifier)"
        "   where s.store_id = %(store)s and w.person_id is distinct from c.person_id)"
        " select coalesce(i.person_id, changed.identifier) as person_id from changed"
        "   left join work.candidate_identity as i on i.store_id = %(store)s"
        "   and i.identifier = changed.identifier"
        " union select coalesce(person_new, identifier) from moved"
        " union select coalesce(person_old, identifier) from moved",
        {"store": store_id},
    )
    conn.execute(
        "drop table if exists pg_temp.affected_key;"
        "create temp table affected_key as select person_id as identifier"
        " from pg_temp.affected_person"
    )
    conn.execute(
        "insert into pg_temp.affected_key"
        " select c.identifier from core.identity as c join pg_temp.affected_person as p"
        "   on p.person_id = c.person_id where c.store_id = %(store)s"
        "   and not exists (select 1 from work.identity_scope as s"
        "     where s.store_id = c.store_id and s.identifier = c.identifier)"
        " union all select w.identifier from work.identity as w join pg_temp.affected_person as p"
        "   on p.person_id = w.person_id where w.store_id = %(store)s",
        {"store": store_id},
    )
    conn.execute("analyze pg_temp.affected_person, pg_temp.affected_key")
    return _scope_of_affected(conn, store_id, credit_set_id)


def _scope_of_affected(conn: Connection, store_id: str, credit_set_id: str) -> int:
    """Conversions of the affected people, found over their identifiers; those that changed
    themselves, whoever's they are; and those that went.

    A customer that many share has no people: each of its orders is found by its own identifier.
    """
    in_scope = (
        "exists (select 1 from work.scope as s where s.store_id = c.store_id"
        " and s.connector = c.connector and s.account_id = c.account_id and s.day = c.source_day)"
    )
    hubs = "select identifier from work.candidate_identity_hub where store_id = %(store)s"
    of_people = f"c.identifier not in ({hubs})"
    of_orders = "('order:' || c.connector || ':' || c.order_id)"
    found = " union ".join(
        f"select c.store_id, %(set)s, c.conversion_id from {table} as c"
        " join pg_temp.affected_key as a"
        f" on a.identifier = {identifier} where c.store_id = %(store)s"
        f" and c.conversion_type = %(type)s and {condition}"
        + (f" and not {in_scope}" if table == "core.conversion" else "")
        for table in ("core.conversion", "work.conversion")
        for identifier, condition in (
            ("c.identifier", of_people),
            (of_orders, f"c.identifier in ({hubs})"),
        )
    )
    appeared, _ = _changed(conn, "conversion", "conversion_id")
    return conn.execute(
        f"insert into work.credit_scope {found}"
        f" union select %(store)s, %(set)s, conversion_id from ({appeared}) as changed"
        " union select c.store_id, %(set)s, c.conversion_id from core.conversion as c"
        f" where {in_scope} and c.store_id = %(store)s and c.conversion_type = %(type)s"
        " and not exists ("
        "   select 1 from work.candidate_conversion as v where v.store_id = c.store_id"
        "   and v.conversion_type = c.conversion_type and v.conversion_id = c.conversion_id)",
        {"set": credit_set_id, "store": store_id, "type": CONVERSION_TYPE},
    ).rowcount


def _changed(conn: Connection, table: str, column: str) -> list[str]:
    """Two queries: a column of candidate rows without an equal published row, and the reverse."""
    facts = ", ".join(
        name(c) for c in candidates.columns(conn, "core", table) if c not in candidates.LINEAGE
    )
    core, work = name("core", table), name("work", table)
    in_scope = (
        f"select {facts} from {core} as c where c.store_id = %(store)s and exists ("
        "select 1 from work.scope as s where s.store_id = c.store_id and s.connector = c.connector"
        " and s.account_id = c.account_id and s.day = c.source_day)"
    )
    new = f"select {facts} from {work} where store_id = %(store)s"
    return [
        f"select {column} from ({new} except {in_scope}) as appeared",
        f"select {column} from ({in_scope} except {new}) as vanished",
    ]
