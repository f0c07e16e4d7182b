"""Takes a person out of prose: messages, bad rows, notes of people, wherever a table keeps text.

Texts are written without anybody's key (quality shows bad rows by number). What is here finds what
came into them all the same: from an older version, a database's own error, or a person's note.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from tributary.warehouse.connection import Connection, name

GONE = "forgotten"
# Every column of prose; keys and settings are none. A test names each text column there is.
TEXTS: Mapping[str, tuple[str, ...]] = {
    "core.insight": ("subject", "headline", "detail", "next_step", "evidence_sql", "fix_sql"),
    "ops.check_result": ("detail", "worst_rows", "reproduce_sql"),
    "ops.incident": ("summary", "detail"),
    "ops.insight": ("subject", "note", "facts"),
    "ops.insight_event": ("note", "facts"),
    "ops.lift_test": ("method", "note"),
    "ops.load": ("error",),
    "ops.quarantine": ("record_key", "reason", "payload"),
    "ops.unify_run": ("message",),
}
_DOCUMENTS = frozenset({"worst_rows", "facts"})
_APPEND_ONLY = frozenset({"ops.insight_event"})
# A shorter value is too like any number or word: it goes only with its kind in front.
_TELLING = 6


def values_gone(conn: Connection) -> list[str]:
    """What may stand in a text of the values in pg_temp.gone: with their kind, plain, and as the
    short hash that older versions showed.
    """
    rows = conn.execute(
        "select value, plain, 'hidden-' || left(md5(value), 8), 'hidden-' || left(md5(plain), 8)"
        " from pg_temp.gone"
    ).fetchall()
    return sorted({str(text) for row in rows for text in row if len(str(text)) >= _TELLING})


def replace_in_texts(conn: Connection, store_id: str, values: Iterable[str]) -> dict[str, int]:
    """Replace these values in every text, of the store where its table knows one; rows by table."""
    words = sorted({value for value in values if value}, key=len, reverse=True)
    if not words:
        return {}
    pattern = rf"(?i)(?<!\w)({'|'.join(map(_quoted, words))})(?!\w)"
    counts = {table: _replace(conn, store_id, table, pattern) for table in TEXTS}
    return {table: count for table, count in counts.items() if count}


def _replace(conn: Connection, store_id: str, table: str, pattern: str) -> int:
    relation = name(*table.split("."))
    sets = ", ".join(f"{name(c)} = {_rewritten(c)}" for c in TEXTS[table])
    named = " or ".join(f"t.{name(c)}::text ~ %(pattern)s" for c in TEXTS[table])
    where = f"({named})" + (" and t.store_id = %(store)s" if _has_store(conn, table) else "")
    given = {
        "pattern": pattern,
        "number": rf"([:\[,]\s*){pattern[4:]}(?=\s*[,}}\]])",
        "store": store_id,
    }
    if table not in _APPEND_ONLY:
        return conn.execute(f"update {relation} as t set {sets} where {where}", given).rowcount
    if not conn.execute(f"select 1 from {relation} as t where {where} limit 1", given).fetchall():
        return 0
    conn.execute(f"alter table {relation} disable trigger append_only")
    count = conn.execute(f"update {relation} as t set {sets} where {where}", given).rowcount
    conn.execute(f"alter table {relation} enable trigger append_only")
    return count


def _rewritten(column: str) -> str:
    """In a document a bare number becomes null, which keeps it a document."""
    text = f"t.{name(column)}"
    if column not in _DOCUMENTS:
        return f"regexp_replace({text}, %(pattern)s, '{GONE}', 'g')"
    numbers = rf"regexp_replace({text}::text, %(number)s, '\1null', 'g')"
    return f"regexp_replace({numbers}, %(pattern)s, '{GONE}', 'g')::jsonb"


def _has_store(conn: Connection, table: str) -> bool:
    return bool(
        conn.execute(
            "select 1 from information_schema.columns where table_schema || '.' || table_name = %s"
            " and column_name = 'store_id'",
            (table,),
        ).fetchall()
    )


def _quoted(text: str) -> str:
    return re.sub(r"([^\w\s])", r"\\\1", text)
