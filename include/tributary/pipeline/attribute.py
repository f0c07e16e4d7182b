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
from tributary.identity.components import components
from tributary.pipeline import credits, model_state
from tributary.pipeline.model_input import CONVERSION_TYPE
from tributary.warehouse import candidates
from tributary.warehouse.connection import Connection, name


def attribute(conn: Connection, at: datetime) -> None:
    """Fill work.identity, work.credit and the credit set; inside the caller's transaction.

    A store that has enough journeys for the first time gets its first model state, fitted `at`.
    """
    config = AttributionConfig()
    _clear(conn)
    _find_people(conn)
    for store_id, visit_source in visit_sources(conn, "work.candidate_touch").items():
        if model_state.is_due(conn, store_id, config):
            model_state.learn(conn, model_state.CANDIDATE, store_id, visit_source, config, at)
        state_id = model_state.chosen(conn, model_state.CANDIDATE, store_id)
        credit_set_id, is_new = _credit_set(conn, store_id, visit_source, config, state_id)
        if _select_conversions(conn, store_id, credit_set_id, every=is_new):
            weights = model_state.weights(conn, store_id, state_id)
            credits.compute(conn, store_id, credit_set_id, visit_source, config, weights)
    conn.execute("analyze work.credit")


def outdated_stores(conn: Connection) -> list[str]:
    """Stores whose published credits were made under another configuration than today's, or
    another model state than the chosen one.
    """
    config = AttributionConfig()
    current = {
        str(store): str(credit_set)
        for store, credit_set in conn.execute(
            "select store_id, credit_set_id from core.credit_pointer where conversion_type = %s",
            (CONVERSION_TYPE,),
        )
    }
    return [
        store_id
        for store_id, visit_source in visit_sources(conn, "core.touch").items()
        if store_id in current
        and current[store_id]
        != _credit_set_id(
            visit_source, config, model_state.chosen(conn, model_state.PUBLISHED, store_id)
        )
    ]


def _clear(conn: Connection) -> None:
    conn.execute("truncate work.identity_store, work.credit_scope")
    for table in ("identity", "credit", "credit_set", "credit_pointer", *model_state.TABLES):
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


def _find_people(conn: Connection) -> None:
    """Connected identifiers per store with changed edges, into work.identity."""
    stores = conn.execute("select distinct store_id from work.scope order by 1").fetchall()
    for (store_id,) in stores:
        conn.execute("insert into work.identity_store values (%s)", (store_id,))
        edges = conn.execute(
            "select distinct identifier_a, identifier_b from work.candidate_identity_edge"
            " where store_id = %s order by 1, 2",
            (store_id,),
        ).fetchall()
        people = components([(str(a), str(b)) for a, b in edges])
        with (
            conn.cursor() as cursor,
            cursor.copy(
                "copy work.identity (store_id, identifier, person_id) from stdin (format binary)"
            ) as copy,
        ):
            copy.set_types(["text", "text", "text"])
            for identifier, person in people.items():
                copy.write_row((store_id, identifier, person))
    conn.execute("analyze work.identity")


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
            *_changed_identifiers(conn, "touch"),
            *_changed_identifiers(conn, "conversion"),
        ]
    )
    conn.execute("drop table if exists pg_temp.affected_person")
    conn.execute(
        "create temp table affected_person as"
        " with changed as materialized (" + changed + "),"
        " moved as (select coalesce(w.identifier, c.identifier) as identifier,"
        "   w.person_id as person_new, c.person_id as person_old"
        "   from (select * from work.candidate_identity where store_id = %(store)s) as w"
        "   full join (select * from core.identity where store_id = %(store)s) as c"
        "   on c.identifier = w.identifier where w.person_id is distinct from c.person_id)"
        " select coalesce(i.person_id, changed.identifier) as person_id from changed"
        "   left join work.candidate_identity as i on i.store_id = %(store)s"
        "   and i.identifier = changed.identifier"
        " union select coalesce(person_new, identifier) from moved"
        " union select coalesce(person_old, identifier) from moved",
        {"store": store_id},
    )
    return conn.execute(
        "insert into work.credit_scope"
        " select v.store_id, %(set)s, v.conversion_id from work.candidate_conversion as v"
        " left join work.candidate_identity as i"
        "   on i.store_id = v.store_id and i.identifier = v.identifier"
        " where v.store_id = %(store)s and v.conversion_type = %(type)s"
        " and coalesce(i.person_id, v.identifier) in (select person_id from affected_person)"
        " union select c.store_id, %(set)s, c.conversion_id from core.conversion as c"
        " join work.scope as s on s.store_id = c.store_id and s.connector = c.connector"
        "   and s.account_id = c.account_id and s.day = c.source_day"
        " where c.store_id = %(store)s and c.conversion_type = %(type)s and not exists ("
        "   select 1 from work.candidate_conversion as v where v.store_id = c.store_id"
        "   and v.conversion_type = c.conversion_type and v.conversion_id = c.conversion_id)",
        {"set": credit_set_id, "store": store_id, "type": CONVERSION_TYPE},
    ).rowcount


def _changed_identifiers(conn: Connection, table: str) -> list[str]:
    """Two queries: identifiers of candidate rows without an equal published row, and the
    reverse.
    """
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
        f"select identifier from ({new} except {in_scope}) as appeared",
        f"select identifier from ({in_scope} except {new}) as vanished",
    ]
