"""Whose conversions a run credits again: those of the people it touches, and those that changed;
and the touches that may count for them.

The rebuilt days are compared once with what is published of them. From the rows that differ on,
everything is found by key, so that a refund costs what it touches and not what the store holds.
"""

from __future__ import annotations

from tributary.pipeline import credits
from tributary.pipeline.goal import Goal
from tributary.warehouse import candidates
from tributary.warehouse.connection import Connection, name

# The person of an identifier, as this run will publish it; a condition on changed as d.
_PERSON = (
    " left join work.identity_scope as s"
    "   on s.store_id = %(store)s and s.identifier = d.identifier"
    " left join work.identity as w on w.store_id = %(store)s and w.identifier = d.identifier"
    " left join core.identity as c on s.identifier is null"
    "   and c.store_id = %(store)s and c.identifier = d.identifier"
)
# What this run makes a hub, or a hub no more.
_TURNED = (
    "select s.identifier from work.identity_hub_scope as s"
    " left join work.identity_hub as w using (store_id, identifier)"
    " left join core.identity_hub as c using (store_id, identifier)"
    " where s.store_id = %(store)s and (w.identifier is null) <> (c.identifier is null)"
)


def select_all(conn: Connection, goal: Goal, credit_set_id: str) -> int:
    """Note every conversion of the goal, and those that went; returns how many."""
    found = conn.execute(
        "insert into work.credit_scope select store_id, %s, conversion_id"
        " from work.candidate_conversion where store_id = %s and conversion_type = %s"
        " union select store_id, credit_set_id, conversion_id from core.credit"
        " where store_id = %s and credit_set_id = %s",
        (
            *(credit_set_id, goal.store_id, goal.conversion_type),
            *(goal.store_id, credit_set_id),
        ),
    ).rowcount
    conn.execute("analyze work.credit_scope")
    return found


def select_changed(conn: Connection, goal: Goal, credit_set_id: str) -> int:
    """Note in work.credit_scope which conversions get new credits; returns how many. After
    find_changed_rows of the store.
    """
    _find_affected_keys(conn, goal)
    found = _find_their_conversions(conn, goal, credit_set_id)
    conn.execute("analyze work.credit_scope")
    return found


def find_changed_rows(conn: Connection, store_id: str) -> None:
    """pg_temp.changed: identifiers of touches and conversions that came, went or differ, and the
    conversions themselves with their type.
    """
    conversions = _differing(conn, "conversion", "conversion_type, conversion_id")
    touches = _differing(conn, "touch", "null::text, null::bigint")
    conn.execute(
        "drop table if exists pg_temp.changed;"
        "create temp table changed (identifier text, conversion_type text, conversion_id bigint)"
    )
    conn.execute(f"insert into pg_temp.changed {conversions} union {touches}", {"store": store_id})
    conn.execute("analyze pg_temp.changed")


def _differing(conn: Connection, table: str, conversion: str) -> str:
    """Identifiers and conversions of rows of a run without an equal published one, and the reverse.

    A full join hashes or sorts, however few rows the planner expects.
    """
    keys = candidates.key_columns(conn, table)
    facts = [
        name(c)
        for c in candidates.columns(conn, "core", table)
        if c not in (*keys, *candidates.LINEAGE)
    ]
    new, old = (", ".join(f"{side}.{fact}" for fact in facts) for side in ("new", "old"))
    return (
        f"select unnest(array[new.identifier, old.identifier]), {conversion} from"
        f" (select * from {name('work', table)} where store_id = %(store)s) as new"
        f" full join (select c.* from {name('core', table)} as c where c.store_id = %(store)s"
        f"   and {candidates.replaced(table)}) as old"
        f" using ({', '.join(map(name, keys))})"
        f" where ({new}) is distinct from ({old})"
    )


def _find_affected_keys(conn: Connection, goal: Goal) -> None:
    """pg_temp.affected_key: all identifiers of the people of changed rows, and of people who merge
    or split; as they were and as they will be; and what becomes a hub or is one no more. Another
    type's conversions concern nobody.
    """
    asked = {"store": goal.store_id, "type": goal.conversion_type}
    conn.execute(
        "drop table if exists pg_temp.affected_person, pg_temp.affected_key;"
        "create temp table affected_person (person_id text);"
        "create temp table affected_key (identifier text)"
    )
    conn.execute(
        "insert into pg_temp.affected_person"
        " select coalesce(w.person_id, c.person_id, d.identifier) from pg_temp.changed as d"
        f" {_PERSON} where d.identifier is not null"
        "   and (d.conversion_type is null or d.conversion_type = %(type)s)"
        " union select unnest(array[coalesce(w.person_id, s.identifier),"
        "   coalesce(c.person_id, s.identifier)]) from work.identity_scope as s"
        "   left join work.identity as w using (store_id, identifier)"
        "   left join core.identity as c using (store_id, identifier)"
        "   where s.store_id = %(store)s and w.person_id is distinct from c.person_id",
        asked,
    )
    conn.execute("analyze pg_temp.affected_person")
    of_people = candidates.rows(
        "identity",
        "c.identifier",
        "join pg_temp.affected_person as p on p.person_id = c.person_id",
        "c.store_id = %(store)s",
    )
    conn.execute(
        "insert into pg_temp.affected_key select person_id from pg_temp.affected_person"
        f" union {of_people} union {_TURNED}",
        asked,
    )
    conn.execute("analyze pg_temp.affected_key")


def _find_their_conversions(conn: Connection, goal: Goal, credit_set_id: str) -> int:
    """Conversions of the affected people, found over their identifiers; those that changed
    themselves, whoever's they are; and those that went.

    A customer that many share has no people: each of its orders is found by its own identifier,
    and all that it has once, when it becomes a hub.
    """
    hub = (
        "exists (select 1 from work.candidate_identity_hub as h"
        " where h.store_id = c.store_id and h.identifier = c.identifier)"
    )
    was_hub = (
        "exists (select 1 from core.identity_hub as h"
        " where h.store_id = c.store_id and h.identifier = c.identifier)"
    )
    wanted = "c.conversion_id"
    of_type = "c.store_id = %(store)s and c.conversion_type = %(type)s"
    of_people = candidates.rows(
        "conversion",
        wanted,
        "join pg_temp.affected_key as a on a.identifier = c.identifier",
        f"{of_type} and not ({hub} and {was_hub})",
    )
    of_orders = candidates.rows(
        "conversion",
        wanted,
        "join (select identifier, split_part(identifier, ':', 2) as connector,"
        "   substr(identifier, 8 + length(split_part(identifier, ':', 2))) as order_id"
        "   from pg_temp.affected_key where identifier like 'order:%%') as a"
        " on a.connector = c.connector and a.order_id = c.order_id",
        f"{of_type} and {hub}",
    )
    return conn.execute(
        "insert into work.credit_scope select %(store)s, %(set)s, conversion_id"
        f" from ({of_people} union {of_orders}"
        " union select conversion_id from pg_temp.changed where conversion_type = %(type)s) as f",
        {"set": credit_set_id, "store": goal.store_id, "type": goal.conversion_type},
    ).rowcount


def select_touches(conn: Connection, goal: Goal, credit_set_id: str) -> None:
    """pg_temp.affected: the conversions, each with its person as a number and the smallest unit of
    money it is split in; pg_temp.affected_touch: the touches that may count for them.
    """
    conn.execute(
        "drop table if exists pg_temp.affected, pg_temp.affected_identifier, pg_temp.affected_touch"
    )
    _select_conversions(conn, goal, credit_set_id)
    _select_identifiers(conn, goal.store_id)
    condition, params = credits.admitted(goal.visit_source, goal.config)
    found = candidates.rows(
        "touch",
        "t.touch_id, p.person, t.occurred_at, t.touch_day, t.evidence_type, t.channel,"
        " coalesce(t.lookback_days, 0) as lookback_days",
        "join pg_temp.affected_identifier as p on p.identifier = t.identifier",
        "t.store_id = %(store)s and t.occurred_at <= p.last_at and t.occurred_at >= p.first_at"
        "   - make_interval(days => greatest(coalesce(t.lookback_days, 0), %(longest)s))"
        f" and {condition}",
        row="t",
    )
    longest = max(goal.config.lookback_days.values(), default=0)
    conn.execute(
        f"create temp table affected_touch as {found}",
        {**params, "store": goal.store_id, "longest": longest},
    )
    conn.execute("analyze pg_temp.affected_touch")


def _select_conversions(conn: Connection, goal: Goal, credit_set_id: str) -> None:
    """Each with its person. Of a customer that many share, every order stands for itself."""
    conversion = candidates.rows(
        "conversion",
        "c.*",
        "join work.credit_scope as o on o.store_id = c.store_id"
        " and o.conversion_id = c.conversion_id and o.credit_set_id = %(set)s",
        "c.store_id = %(store)s and c.conversion_type = %(type)s",
    )
    conn.execute(
        "create temp table affected as"
        " with own as (select v.*, case when h.identifier is null then v.identifier"
        "     else 'order:' || v.connector || ':' || v.order_id end as own_identifier"
        f"   from ({conversion}) as v left join work.candidate_identity_hub as h"
        "     on h.store_id = v.store_id and h.identifier = v.identifier)"
        " select v.conversion_id, v.converted_at, v.conversion_day, v.currency_code,"
        "   v.value_amount, greatest(ops.minor_unit(v.currency_code),"
        "     scale(trim_scale(v.value_amount))) as places,"
        "   coalesce(w.person_id, i.person_id, v.own_identifier) as person_id from own as v"
        " left join work.identity_scope as s"
        "   on s.store_id = v.store_id and s.identifier = v.own_identifier"
        " left join work.identity as w"
        "   on w.store_id = v.store_id and w.identifier = v.own_identifier"
        " left join core.identity as i on s.identifier is null"
        "   and i.store_id = v.store_id and i.identifier = v.own_identifier",
        {"store": goal.store_id, "set": credit_set_id, "type": goal.conversion_type},
    )
    conn.execute("analyze pg_temp.affected")


def _select_identifiers(conn: Connection, store_id: str) -> None:
    """Identifiers of the conversions' people, with the span of their conversions."""
    known = candidates.rows(
        "identity",
        "c.identifier, p.person, p.first_at, p.last_at",
        "join person as p on p.person_id = c.person_id",
        "c.store_id = %(store)s",
    )
    conn.execute(
        "create temp table affected_identifier as"
        " with person as (select person_id, hashtextextended(person_id, 0) as person,"
        "   min(converted_at) as first_at, max(converted_at) as last_at"
        "   from pg_temp.affected group by person_id)"
        f" {known} union select person_id, person, first_at, last_at from person",
        {"store": store_id},
    )
    conn.execute("analyze pg_temp.affected_identifier")
