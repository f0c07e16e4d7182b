"""One checksum per core table over its facts, without lineage columns; equal tables, equal sums.

Of credits the published sets count, of model states the chosen ones: which others came before, such
as one without an export that had not been read yet, is history.
"""

from __future__ import annotations

from tributary.warehouse import candidates
from tributary.warehouse.connection import Connection, name

_CURRENT = (
    " where exists (select 1 from core.{pointer} as p where p.store_id = t.store_id"
    " and p.{key} = t.{key})"
)
_PUBLISHED = {
    **dict.fromkeys(("credit", "credit_set"), ("credit_pointer", "credit_set_id")),
    **dict.fromkeys(("model_state", "model_channel"), ("model_pointer", "model_state_id")),
}


def checksum(conn: Connection) -> dict[str, str]:
    """`core.<table>` -> "<rows> <sum>". Order-free: row hashes are added up modulo 2**64."""
    sums: dict[str, str] = {}
    for table in candidates.core_tables(conn):
        listed = ", ".join(
            f"trim_scale(t.{name(column)})" if udt == "numeric" else f"t.{name(column)}"
            for column, udt in candidates.columns(conn, "core", table).items()
            if column not in candidates.LINEAGE
        )
        pointer, key = _PUBLISHED.get(table, ("", ""))
        which = _CURRENT.format(pointer=pointer, key=key) if pointer else ""
        row = conn.execute(
            "select count(*), coalesce(sum(('x' || substr(digest, 1,"
            " 16))::bit(64)::bigint::numeric), 0)"
            " from ("
            f" select md5(row({listed})::text) as digest"
            f" from {name('core', table)} as t{which}) as hashed"
        ).fetchone()
        assert row is not None
        sums[f"core.{table}"] = f"{row[0]} {int(row[1]) % 2**64:016x}"
    return sums
