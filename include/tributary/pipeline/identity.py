"""Finds the people of a run's changed identity edges; everybody else stays as published.

An edge that came or went concerns the people at its ends, and those around an identifier that it
makes a hub or a hub no more. Their identifiers are connected anew; with other rules, the whole
store's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from psycopg.types.json import Jsonb

from tributary.identity.components import components, kind_of
from tributary.identity.hubs import LIMITS, find_hubs
from tributary.warehouse import candidates
from tributary.warehouse.connection import Connection

Edges = list[tuple[str, str]]

_REPLACED = candidates.replaced("identity_edge")


def find_people(conn: Connection) -> None:
    """Fill work.identity, its hubs and what changed; inside the caller's transaction."""
    conn.execute(
        "truncate work.identity, work.identity_hub, work.identity_rule, work.identity_scope,"
        " work.identity_hub_scope, work.identity_change"
    )
    ends = _ends(conn)
    limits, outdated = hub_limits(conn), outdated_stores(conn)
    for store_id in sorted({*ends, *outdated}):
        if store_id in outdated:
            _find_all(conn, store_id, limits[store_id])
        else:
            _find_some(conn, store_id, limits[store_id], ends[store_id])
    _note_changes(conn)
    for table in ("identity", "identity_scope", "identity_hub"):
        conn.execute(f"analyze work.{table}")


def hub_limits(conn: Connection) -> dict[str, dict[str, int]]:
    """Store -> how many others an identifier may meet, by kind."""
    rows = conn.execute(
        "select s.store_id, r.identity -> 'hub_limits' from core.store as s"
        " left join ops.store_rule as r using (store_id)"
    ).fetchall()
    return {str(store): {**LIMITS, **(own or {})} for store, own in rows}


def outdated_stores(conn: Connection) -> set[str]:
    """Stores whose people were never found, or under other rules than today's."""
    rows = conn.execute("select store_id, rules from core.identity_rule").fetchall()
    used = {str(store): rules for store, rules in rows}
    return {
        store
        for store, limits in hub_limits(conn).items()
        if used.get(store) != {"hub_limits": limits}
    }


def _ends(conn: Connection) -> dict[str, set[str]]:
    """Store -> identifiers at the ends of edges that came or went."""
    pair = "store_id, identifier_a, identifier_b"
    core = f"select {pair} from core.identity_edge as c where {_REPLACED}"
    work = f"select {pair} from work.identity_edge"
    rows = conn.execute(f"({work} except {core}) union all ({core} except {work})").fetchall()
    ends: dict[str, set[str]] = {}
    for store, one, other in rows:
        ends.setdefault(str(store), set()).update((str(one), str(other)))
    return ends


def _find_all(conn: Connection, store_id: str, limits: Mapping[str, int]) -> None:
    # Made distinct here: PostgreSQL takes the view for 40,000 pairs, and at a million its hash
    # table spills for ever.
    rows = conn.execute(
        "select identifier_a, identifier_b from work.candidate_identity_edge where store_id = %s",
        (store_id,),
    )
    edges = list({(str(a), str(b)) for a, b in rows})
    known = conn.execute(
        "select identifier from core.identity where store_id = %(store)s"
        " union select identifier from core.identity_hub where store_id = %(store)s",
        {"store": store_id},
    ).fetchall()
    everybody = {text for edge in edges for text in edge} | {str(row[0]) for row in known}
    hubs = find_hubs(edges, limits)
    _write(conn, store_id, "identity_hub_scope", [(one,) for one in everybody])
    _write(conn, store_id, "identity_scope", [(one,) for one in everybody])
    _write_hubs(conn, store_id, hubs, limits)
    _write(conn, store_id, "identity", components(edges, cut=hubs.keys()).items())
    conn.execute(
        "insert into work.identity_rule (store_id, rules) values (%s, %s)",
        (store_id, Jsonb({"hub_limits": dict(limits)})),
    )


def _find_some(conn: Connection, store_id: str, limits: Mapping[str, int], ends: set[str]) -> None:
    """The people around these ends. Whether an identifier is a hub depends on its edges and on
    those of the orders it is joined with, so that is how far one looks.
    """
    orders = {one for one in ends if kind_of(one) == "order"}
    near = ends | _neighbours(_touching(conn, store_id, orders), orders)
    edges = _touching(conn, store_id, near)
    around = {text for edge in edges for text in edge if kind_of(text) == "order"}
    judged = find_hubs({*edges, *_touching(conn, store_id, around)}, limits)
    hubs = {one: met for one, met in judged.items() if one in near}
    turned = hubs.keys() ^ (_published_hubs(conn, store_id, near))
    affected = _people_of(conn, store_id, ends | turned | _neighbours(edges, turned))
    joins = _touching(conn, store_id, affected)
    others = {text for edge in joins for text in edge} - near
    cut = hubs.keys() | _published_hubs(conn, store_id, others)
    _write(conn, store_id, "identity_hub_scope", [(one,) for one in near])
    _write(conn, store_id, "identity_scope", [(one,) for one in affected])
    _write_hubs(conn, store_id, hubs, limits)
    _write(conn, store_id, "identity", components(joins, cut=cut).items())


def _touching(conn: Connection, store_id: str, identifiers: Iterable[str]) -> Edges:
    """The edges, as they will be, that have one of these identifiers."""
    wanted = list(identifiers)
    if not wanted:
        return []
    rows = conn.execute(
        "with wanted as materialized (select unnest(%(wanted)s::text[]) as identifier)"
        " select c.identifier_a, c.identifier_b from core.identity_edge as c"
        " join wanted as n on n.identifier = c.identifier_a"
        f" where c.store_id = %(store)s and not {_REPLACED}"
        " union select c.identifier_a, c.identifier_b from core.identity_edge as c"
        " join wanted as n on n.identifier = c.identifier_b"
        f" where c.store_id = %(store)s and not {_REPLACED}"
        " union select w.identifier_a, w.identifier_b from work.identity_edge as w"
        " where w.store_id = %(store)s and (w.identifier_a in (select identifier from wanted)"
        "   or w.identifier_b in (select identifier from wanted))",
        {"store": store_id, "wanted": wanted},
    ).fetchall()
    return [(str(a), str(b)) for a, b in rows]


def _neighbours(edges: Edges, of: Iterable[str]) -> set[str]:
    centre = set(of)
    return {b for a, b in edges if a in centre} | {a for a, b in edges if b in centre}


def _published_hubs(conn: Connection, store_id: str, among: Iterable[str]) -> set[str]:
    rows = conn.execute(
        "select identifier from core.identity_hub where store_id = %s and identifier = any(%s)",
        (store_id, list(among)),
    ).fetchall()
    return {str(row[0]) for row in rows}


def _people_of(conn: Connection, store_id: str, identifiers: set[str]) -> set[str]:
    """These identifiers and all others of their people as published."""
    rows = conn.execute(
        "select distinct other.identifier from core.identity as own"
        " join core.identity as other using (store_id, person_id)"
        " where own.store_id = %s and own.identifier = any(%s)",
        (store_id, list(identifiers)),
    ).fetchall()
    return identifiers | {str(row[0]) for row in rows}


def _write_hubs(
    conn: Connection, store_id: str, hubs: Mapping[str, int], limits: Mapping[str, int]
) -> None:
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into work.identity_hub (store_id, identifier, others_met, others_allowed)"
            " values (%s, %s, %s, %s)",
            [
                (store_id, hub, met, limits.get(kind_of(hub), LIMITS["user"]))
                for hub, met in hubs.items()
            ],
        )


def _write(conn: Connection, store_id: str, table: str, rows: Iterable[tuple[str, ...]]) -> None:
    """Copy texts into a work table, the store in front."""
    with (
        conn.cursor() as cursor,
        cursor.copy(f"copy work.{table} from stdin (format binary)") as copy,
    ):
        for number, row in enumerate(rows):
            if not number:
                copy.set_types(["text"] * (len(row) + 1))
            copy.write_row((store_id, *row))


def _note_changes(conn: Connection) -> None:
    """Identifiers that something was published of and that change their person: merged with
    others, or split from them.
    """
    conn.execute(
        "insert into work.identity_change (store_id, identifier, change, person_from, person_to)"
        " with moved as (select s.store_id, s.identifier,"
        "   coalesce(c.person_id, s.identifier) as person_from,"
        "   coalesce(w.person_id, s.identifier) as person_to,"
        "   c.person_id is not null or exists (select 1 from core.touch as t"
        "     where t.store_id = s.store_id and t.identifier = s.identifier)"
        "   or exists (select 1 from core.conversion as v"
        "     where v.store_id = s.store_id and v.identifier = s.identifier) as is_known"
        "   from work.identity_scope as s"
        "   left join core.identity as c using (store_id, identifier)"
        "   left join work.identity as w using (store_id, identifier))"
        " select store_id, identifier, case when is_apart then 'split' else 'merge' end,"
        " person_from, person_to from (select *,"
        "   min(person_to) over one <> max(person_to) over one as is_apart"
        "   from moved window one as (partition by store_id, person_from)) as m"
        " where is_known and person_from <> person_to"
    )
