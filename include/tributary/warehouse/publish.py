"""One transaction moves a checked run's candidate rows into core, or nothing moves.

Rows that are equal apart from lineage are neither locked nor written. Every value that moved goes
to ops.revision, from -> to.
"""

from __future__ import annotations

from datetime import datetime

from psycopg.types.json import Jsonb

from tributary.warehouse import candidates
from tributary.warehouse.candidates import LINEAGE
from tributary.warehouse.connection import Connection, name

# A table that moved this much is planned for anew; autovacuum would come a minute late.
_ANALYZE_ROWS = 1_000
_DAYS = {
    "sales_order": "order_day",
    "order_line": "order_day",
    "refund": "refund_day",
    "refund_line": "refund_day",
    "conversion": "conversion_day",
    "touch": "touch_day",
    "channel_daily": "day",
    "site_daily": "day",
    "site_user_count": "first_day",
    "site_purchase": "day",
}
# What stays beside its newer versions, and the pointers to them.
# Moving people or credits is explained by the facts that moved; their revisions stay out of the
# ledger. Findings have their own history.
_VERSIONED = ("credit_set", "credit_pointer", "model_state", "model_channel", "model_pointer")
_UNRECORDED = frozenset(
    {"identity", "identity_edge", "identity_hub", "identity_rule", "credit", *_VERSIONED, "insight"}
)


def publish(conn: Connection, run_id: str, at: datetime) -> dict[str, int]:
    """Publish the run's candidate rows; returns rows written and deleted per table. One
    transaction.
    """
    with conn.transaction():
        candidates.require_run(conn, run_id)
        row = conn.execute(
            "insert into ops.publication (run_id, published_at, row_counts) values (%s, %s, '{}')"
            " on conflict (run_id) do update set published_at = excluded.published_at"
            " returning publication_id",
            (run_id, at),
        ).fetchone()
        assert row is not None
        publication = int(row[0])
        replaced = _replaced_sets(conn)
        moved: dict[str, int] = {}
        tables = [
            *candidates.built_tables(conn),
            "identity",
            "identity_hub",
            "identity_rule",
            "credit",
            *_VERSIONED,
            "insight",
        ]
        for table in tables:
            moved[table] = _publish_table(conn, table, publication)
        conn.execute(
            "insert into ops.identity_change (publication_id, store_id, identifier, change,"
            " person_from, person_to) select %s, store_id, identifier, change, person_from,"
            " person_to from work.identity_change"
            " on conflict (publication_id, store_id, identifier) do update set"
            " (change, person_to) = (excluded.change, excluded.person_to)",
            (publication,),
        )
        _drop_older_credits(conn, replaced)
        conn.execute("select ops.settle_insights(%s, %s)", (publication, at))
        for table in candidates.built_tables(conn):
            _count_days(conn, table)
        conn.execute(
            "update ops.publication set row_counts = %s where publication_id = %s",
            (Jsonb(moved), publication),
        )
        conn.execute(
            "update ops.load set publication_id = %s"
            " where load_id in (select load_id from work.run_load)",
            (publication,),
        )
        conn.execute("truncate work.run")
    for table, rows in moved.items():
        if rows >= _ANALYZE_ROWS:
            conn.execute(f"analyze {name('core', table)}")
    return moved


def _replaced_sets(conn: Connection) -> list[tuple[str, str, str]]:
    """Store, conversion type and credit set of the pointers that this run moves, as they are."""
    rows = conn.execute(
        "select c.store_id, c.conversion_type, c.credit_set_id from core.credit_pointer as c"
        " join work.credit_pointer as w using (store_id, conversion_type)"
        " where w.credit_set_id <> c.credit_set_id"
    ).fetchall()
    return [(str(store), str(kind), str(credit_set)) for store, kind, credit_set in rows]


def _drop_older_credits(conn: Connection, replaced: list[tuple[str, str, str]]) -> None:
    """Of the sets that are not shown only the last one keeps its credits; any other can be made
    again from its configuration and model state, which stay.
    """
    for store_id, conversion_type, credit_set_id in replaced:
        conn.execute(
            "delete from core.credit as c using core.credit_set as s"
            " where s.store_id = c.store_id and s.credit_set_id = c.credit_set_id"
            " and s.store_id = %s and s.conversion_type = %s and s.credit_set_id <> %s"
            " and not exists (select 1 from core.credit_pointer as p"
            "   where p.store_id = s.store_id and p.credit_set_id = s.credit_set_id)",
            (store_id, conversion_type, credit_set_id),
        )


def _publish_table(conn: Connection, table: str, publication: int) -> int:
    keys = candidates.key_columns(conn, table)
    columns = candidates.columns(conn, "core", table)
    values = [c for c in columns if c not in keys]
    facts = [c for c in values if c not in LINEAGE]
    core, work = name("core", table), name("work", table)
    same_key = " and ".join(f"c.{name(k)} = w.{name(k)}" for k in keys)
    same = same_key
    if facts:
        left = ", ".join(f"c.{name(f)}" for f in facts)
        right = ", ".join(f"w.{name(f)}" for f in facts)
        same += f" and ({left}) is not distinct from ({right})"
    if table not in _UNRECORDED:
        _record_revisions(conn, table, publication, keys, facts, same_key)
    deleted = 0
    if (scope := _scope_condition(table)) is not None:
        # What is equal is among what the run replaces: read that, and nothing else of the table.
        same += f" and {scope}"
        deleted = conn.execute(
            f"delete from {core} as c where {scope}"
            f" and not exists (select 1 from {work} as w where {same_key})"
        ).rowcount
    conflict = ", ".join(name(k) for k in keys)
    action = (
        "do update set " + ", ".join(f"{name(v)} = excluded.{name(v)}" for v in values)
        if values
        else "do nothing"
    )
    row = ", ".join(f"w.{name(c)}" if c != "publication_id" else str(publication) for c in columns)
    written = conn.execute(
        f"insert into {core} select {row} from {work} as w"
        f" where not exists (select 1 from {core} as c where {same})"
        f" on conflict ({conflict}) {action}"
    ).rowcount
    return written + deleted


def _count_days(conn: Connection, table: str) -> None:
    """Keep how many rows each day of the run has now; the gate compares later days with them."""
    counted = (
        "select store_id, connector, account_id, source_day, count(*) as row_count"
        f" from {name('work', table)} group by store_id, connector, account_id, source_day"
    )
    conn.execute(
        "delete from ops.day_count as d using work.scope as s"
        " where d.table_name = %s and (d.store_id, d.connector, d.account_id, d.day)"
        " = (s.store_id, s.connector, s.account_id, s.day)"
        f" and not exists (select 1 from {name('work', table)} as w"
        " where w.store_id = s.store_id and w.connector = s.connector"
        " and w.account_id = s.account_id and w.source_day = s.day)",
        (table,),
    )
    conn.execute(
        "insert into ops.day_count as d (store_id, connector, account_id, table_name, day,"
        " row_count) select store_id, connector, account_id, %s, source_day, row_count"
        f" from ({counted}) as w"
        " on conflict (store_id, connector, account_id, table_name, day) do update"
        " set row_count = excluded.row_count where d.row_count <> excluded.row_count",
        (table,),
    )


def _scope_condition(table: str) -> str | None:
    """Which core rows as c a run may remove; None where what was stays beside what is new."""
    if table in (*_VERSIONED, "identity_rule"):
        return None
    return candidates.replaced(table)


def _record_revisions(
    conn: Connection, table: str, publication: int, keys: list[str], facts: list[str], same_key: str
) -> None:
    """Changed values column by column, and one 'deleted' row per row that went."""
    core, work = name("core", table), name("work", table)
    key_text = " || ' ' || ".join(f"c.{name(k)}::text" for k in keys)
    day = f"c.{name(_DAYS[table])}"
    left, right = (", ".join(f"{side}.{name(f)}" for f in facts) for side in "cw")
    pairs = ", ".join(f"('{f}', to_jsonb(c.{name(f)}), to_jsonb(w.{name(f)}))" for f in facts)
    conn.execute(
        "insert into ops.revision (publication_id, table_name, row_key, store_id, day, change,"
        " column_name, value_from, value_to)"
        f" select %s, %s, {key_text}, c.store_id, {day}, 'changed', v.column_name,"
        f" v.old #>> '{{}}', v.new #>> '{{}}' from {work} as w join {core} as c on {same_key}"
        f" and ({left}) is distinct from ({right}) and {_scope_condition(table)}"
        f" cross join lateral (values {pairs}) as v (column_name, old, new)"
        " where v.old is distinct from v.new"
        " on conflict (publication_id, table_name, row_key, column_name) do update"
        " set value_to = excluded.value_to",
        (publication, f"core.{table}"),
    )
    conn.execute(
        "insert into ops.revision (publication_id, table_name, row_key, store_id, day, change,"
        " column_name, value_from, value_to)"
        f" select %s, %s, {key_text}, c.store_id, {day}, 'deleted', '',"
        " (to_jsonb(c))::text, null"
        f" from {core} as c where {_scope_condition(table)}"
        f" and not exists (select 1 from {work} as w where {same_key})"
        " on conflict (publication_id, table_name, row_key, column_name) do nothing",
        (publication, f"core.{table}"),
    )
