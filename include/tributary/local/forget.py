"""What `tributary forget` does."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from tributary.clock import SystemClock
from tributary.errors import ConfigurationError
from tributary.local import databases
from tributary.local.progress import told
from tributary.local.state import Installation
from tributary.pipeline.forget import Erased, Person, forget
from tributary.reports import numbers


def run_forget(
    found: Installation, given: Mapping[str, Sequence[str]], store: str, dry_run: bool
) -> tuple[str, int]:
    """What happened, and the exit code: 0 when all of it is published."""
    if not any(given.values()):
        raise ConfigurationError("say whom: --email, --customer-id, --user-id or --client-id")
    os.environ.setdefault("TRIBUTARY_KEY", found.secrets.tributary_key)
    clock = SystemClock()
    with (
        databases.available(found, "forget", clock) as known,
        databases.open_warehouse(known) as conn,
        told(clock),
    ):
        stores = [str(row[0]) for row in conn.execute("select store_id from core.store order by 1")]
        if store:
            databases.require_store(conn, store)
        results = [
            forget(conn, one, Person(**given), clock, dry_run=dry_run)
            for one in stores
            if store in ("", one)
        ]
    return "\n".join(_told(one, dry_run) for one in results) + "\n", (
        1 if any(one.unpublished for one in results) else 0
    )


def _told(erased: Erased, dry_run: bool) -> str:
    if not erased.rows:
        return f"{erased.store_id}: nothing is known of this person (any more)"
    done = "would be" if dry_run else "were"
    lines = [
        f"{erased.store_id}: {erased.identifiers} identifiers {done} replaced"
        + ("" if dry_run else f", erasure {erased.erasure_id}")
    ]
    lines += [f"    {table}: {numbers.count(rows)} rows" for table, rows in erased.rows.items()]
    if erased.unpublished:
        lines.append(
            "    not unified yet; the next successful run of unify replaces the touches' ids: "
            + erased.unpublished
        )
    return "\n".join(lines)
