"""The tables side of forgetting a person: replaces values wherever the warehouse keeps them.

pg_temp.gone holds what is replaced: `value` -> `replacement` with their kind in front (`client:1`),
`plain` -> `word` without.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from tributary.warehouse import candidates, contracts, erased_texts
from tributary.warehouse.connection import Connection, name


def note_values(conn: Connection, words: Mapping[tuple[str, str], str]) -> None:
    """Fill pg_temp.gone from (kind, value) -> word."""
    conn.execute("drop table if exists pg_temp.gone")
    conn.execute(
        "create temp table gone (value text primary key, replacement text not null, kind text,"
        " plain text, word text)"
    )
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into pg_temp.gone values (%s, %s, %s, %s, %s)",
            [
                (f"{kind}:{value}", f"{kind}:{word}", kind, value, word)
                for (kind, value), word in words.items()
            ],
        )
    conn.execute("analyze pg_temp.gone")


def replace_rows(
    conn: Connection, store_id: str, table: str, people: Mapping[str, str]
) -> list[tuple[str, date]]:
    """Replace in a typed staging table; account and day of each row that changed."""
    whole = {c: f"'{kind}:' || t.{name(c)}" for c, kind in people.items()}
    gone = {c: f"{value} in (select value from pg_temp.gone)" for c, value in whole.items()}
    named = " or ".join(gone.values())
    # Of the person's own rows every click goes, as in landing (`Forgotten.rows`).
    own = " or ".join(gone[c] for c, kind in people.items() if kind != "click") or "false"
    kept = {
        c: f"case when {own} then '' else t.{name(c)} end" if kind == "click" else f"t.{name(c)}"
        for c, kind in people.items()
    }
    sets = ", ".join(
        f"{name(c)} = coalesce((select word from pg_temp.gone where value = {value}), {kept[c]})"
        for c, value in whole.items()
    )
    rows = conn.execute(
        f"update {name('staging', table)} as t set {sets},"
        " record_key = array_to_string(array("
        "   select coalesce(g.word, p.part) from unnest(string_to_array(t.record_key, '|'))"
        "   with ordinality as p (part, place) left join pg_temp.gone as g on g.plain = p.part"
        f"     and (g.kind = 'email' or g.value in ({', '.join(whole.values())}))"
        "   order by p.place), '|')"
        f" where t.store_id = %s and ({named}) returning t.account_id, t.business_date",
        (store_id,),
    ).fetchall()
    return [(str(account), day) for account, day in rows]


def replace_documents(
    conn: Connection,
    store_id: str,
    table: str,
    people: Mapping[str, str],
    rewrite: Callable[[bytes], bytes],
) -> list[tuple[str, date]]:
    """Replace in a document table with `rewrite`; as replace_rows. The hash is that of what
    landing would make of the vendor's record now.
    """
    relation = name("staging", table)
    named = " or ".join(
        f"'{kind}:' || regexp_replace(t.payload #>> '{{{path.replace('.', ',')}}}', '^.*/', '')"
        " in (select value from pg_temp.gone)"
        for path, kind in people.items()
    )
    rows = conn.execute(
        "select t.account_id, t.record_key, t.business_date, t.payload::text"
        f" from {relation} as t where t.store_id = %s and ({named}"
        # The click of an order that names nobody stands in an address of its journey.
        "   or exists (select 1 from pg_temp.gone as g"
        "     where g.kind = 'click' and strpos(t.payload::text, g.plain) > 0))",
        (store_id,),
    ).fetchall()
    with conn.cursor() as cursor:
        cursor.executemany(
            f"update {relation} set payload = %s::jsonb, payload_hash = %s"
            " where store_id = %s and account_id = %s and record_key = %s",
            [
                (made.decode(), hashlib.sha256(made).digest(), store_id, account, key)
                for account, key, _, text in rows
                for made in [rewrite(text.encode())]
            ],
        )
    return [(str(account), day) for account, _, day, _ in rows]


def replace_quarantined(
    conn: Connection, store_id: str, connector: str, stream: str, prose: Callable[[str], str]
) -> int:
    """Replace in what a stream has in quarantine, or had; how many records changed."""
    rows = conn.execute(
        "select quarantine_id, record_key, reason, payload from ops.quarantine as q"
        " where (store_id, connector, stream) = (%s, %s, %s)"
        # A click id is its key here, and may not be one yet in what was kept.
        " and exists (select 1 from pg_temp.gone as g where g.kind = 'click'"
        "   or strpos(q.payload || ' ' || q.record_key || ' ' || q.reason, g.plain) > 0)",
        (store_id, connector, stream),
    ).fetchall()
    changed = 0
    for number, *texts in rows:
        made = [prose(text) for text in texts]
        if made != texts:
            conn.execute(
                "update ops.quarantine set (record_key, reason, payload) = (%s, %s, %s)"
                " where quarantine_id = %s",
                (*made, number),
            )
            changed += 1
    return changed


def replace_unified(conn: Connection, store_id: str) -> dict[str, int]:
    """Replace in every core column that its contract calls personal; rows per table."""
    counts: dict[str, int] = {}
    # A buyer's plain id is told from another kind's by the link with the order.
    counts["core.sales_order"] = conn.execute(
        "update core.sales_order as o set customer_id = g.word from pg_temp.gone as g"
        " where o.store_id = %s and o.customer_id = g.plain and exists ("
        "   select 1 from core.identity_edge as e where e.store_id = o.store_id"
        "   and (e.identifier_a, e.identifier_b) = (least(g.value, 'order:' || o.connector || ':'"
        "     || o.order_id), greatest(g.value, 'order:' || o.connector || ':' || o.order_id)))",
        (store_id,),
    ).rowcount
    for contract in contracts.load_all().values():
        personal = [
            c for c, column in contract.columns.items() if column.pii and c != "customer_id"
        ]
        if contract.schema != "core" or not personal:
            continue
        new = {c: _replaced(c) for c in personal}
        if contract.table == "core.identity_edge":
            one, other = new["identifier_a"], new["identifier_b"]
            new = {
                "identifier_a": f"least({one}, {other})",
                "identifier_b": f"greatest({one}, {other})",
            }
        sets = ", ".join(f"{name(c)} = {value}" for c, value in new.items())
        named = " or ".join(f"t.{name(c)} in (select value from pg_temp.gone)" for c in personal)
        counts[contract.table] = conn.execute(
            f"update {name('core', contract.relation)} as t set {sets}"
            f" where t.store_id = %s and ({named})",
            (store_id,),
        ).rowcount
    return counts


def _replaced(column: str) -> str:
    return (
        f"coalesce((select replacement from pg_temp.gone where value = t.{name(column)}),"
        f" t.{name(column)})"
    )


def replace_history(conn: Connection, store_id: str) -> dict[str, int]:
    """Replace in the ledger of values that moved, in the versions of people and in all prose."""
    counts = {"ops.revision": 0}
    for column, old, new in (
        ("identifier", "value", "replacement"),
        ("customer_id", "plain", "word"),
    ):
        for side in ("value_from", "value_to"):
            counts["ops.revision"] += conn.execute(
                f"update ops.revision as r set {side} = g.{new} from pg_temp.gone as g"
                f" where r.store_id = %s and r.column_name = %s and r.{side} = g.{old}",
                (store_id, column),
            ).rowcount
        counts["ops.revision"] += conn.execute(
            "update ops.revision as r set value_from = jsonb_set(r.value_from::jsonb,"
            f"   array[%(column)s::text], to_jsonb(g.{new}))::text from pg_temp.gone as g"
            " where r.store_id = %(store)s and r.change = 'deleted'"
            f" and r.value_from::jsonb ->> %(column)s = g.{old}",
            {"column": column, "store": store_id},
        ).rowcount
    people = ("identifier", "person_from", "person_to")
    sets = ", ".join(f"{c} = {_replaced(c)}" for c in people)
    counts["ops.identity_change"] = conn.execute(
        f"update ops.identity_change as t set {sets} where t.store_id = %s"
        " and (t.identifier in (select value from pg_temp.gone)"
        "   or t.person_from in (select value from pg_temp.gone)"
        "   or t.person_to in (select value from pg_temp.gone))",
        (store_id,),
    ).rowcount
    texts = erased_texts.values_gone(conn)
    counts.update(erased_texts.replace_in_texts(conn, store_id, texts))
    return counts


def touches_of(conn: Connection, store_id: str) -> list[int]:
    """The published touches of the identifiers that are replaced."""
    rows = conn.execute(
        "select touch_id from core.touch where store_id = %s and identifier in ("
        " select value from pg_temp.gone)",
        (store_id,),
    ).fetchall()
    return [int(row[0]) for row in rows]


def unattribute_old_sets(conn: Connection, store_id: str, touches: Sequence[int]) -> int:
    """In credit sets that are not shown now, the conversions of these touches become unattributed:
    a touch's id is made from who touched. How many rows that was.
    """
    columns = list(candidates.columns(conn, "core", "credit"))
    keys = ("store_id", "credit_set_id", "conversion_id")
    values = {
        c: f"sum({name(c)})"
        if c.endswith(("_share", "_amount"))
        else {"touch_id": "0", "touch_day": "null::date"}.get(c, f"min({name(c)})")
        for c in columns
        if c not in keys
    }
    listed = ", ".join(name(c) for c in [*keys, *values])
    chosen = ", ".join(f"{value} as {name(c)}" for c, value in values.items())
    conn.execute("drop table if exists pg_temp.old_credit")
    conn.execute(
        f"create temp table old_credit as select {', '.join(keys)}, {chosen}"
        " from core.credit as c where c.store_id = %(store)s"
        " and not exists (select 1 from core.credit_pointer as p"
        "   where p.store_id = c.store_id and p.credit_set_id = c.credit_set_id)"
        " and exists (select 1 from core.credit as t where t.store_id = c.store_id"
        "   and t.credit_set_id = c.credit_set_id and t.conversion_id = c.conversion_id"
        "   and t.touch_id = any(%(touches)s))"
        f" group by {', '.join(keys)}",
        {"store": store_id, "touches": list(touches)},
    )
    gone = conn.execute(
        "delete from core.credit as c using (select distinct store_id, credit_set_id,"
        " conversion_id from pg_temp.old_credit) as o"
        " where (c.store_id, c.credit_set_id, c.conversion_id)"
        " = (o.store_id, o.credit_set_id, o.conversion_id)"
    ).rowcount
    conn.execute(f"insert into core.credit ({listed}) select * from pg_temp.old_credit")
    return gone


def drop_touch_ids(conn: Connection, store_id: str, touches: Sequence[int]) -> None:
    """Take ids that were made from who touched out of the ledger and of texts, unless the touch
    still has its id.
    """
    gone = [
        row[0]
        for row in conn.execute(
            "select id from unnest(%s::bigint[]) as id where not exists ("
            " select 1 from core.touch as t where t.store_id = %s and t.touch_id = id)",
            (list(touches), store_id),
        )
    ]
    conn.execute(
        "delete from ops.revision as r where r.table_name = 'core.touch' and r.store_id = %s"
        " and r.row_key = any(%s)",
        (store_id, [f"{store_id} {number}" for number in gone]),
    )
    erased_texts.replace_in_texts(conn, store_id, map(str, gone))
