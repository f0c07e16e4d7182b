"""What `tributary quarantine` does: list, show and replay what did not fit."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tributary.clock import Clock, SystemClock
from tributary.connectors.spec import all_connectors
from tributary.errors import ConfigurationError
from tributary.local import databases
from tributary.local.state import Installation
from tributary.pipeline.quarantine import Replayed, replay
from tributary.reports.quarantine import by_reason, render_list, render_one
from tributary.settings import accounts, load_stores
from tributary.warehouse import quarantine
from tributary.warehouse.quarantine import Waiting


def run_list(found: Installation) -> str:
    """The table of what waits, by reason."""
    clock = SystemClock()
    with (
        databases.available(found, "quarantine", clock) as known,
        databases.open_warehouse(known) as conn,
    ):
        return render_list(by_reason(conn), clock.now())


def run_show(found: Installation, number: int) -> str:
    """One record with its reason and payload."""
    with (
        databases.available(found, "quarantine", SystemClock()) as known,
        databases.open_warehouse(known) as conn,
    ):
        records = quarantine.waiting(conn, ids=[number], resolved=True)
    if not records:
        raise ConfigurationError(
            f"quarantine has no record {number}; `tributary quarantine list` shows what waits"
        )
    return render_one(records[0], next_step(records[0]))


def next_step(record: Waiting) -> str:
    """What a person can do about a record, in one sentence."""
    if record.resolved_at is not None:
        return "nothing: it landed, or a newer version of it was read"
    connector = all_connectors().get(record.target.connector)
    streams = [s for s in connector.streams if s.name == record.target.stream] if connector else []
    if streams and streams[0].at_hand is not None:
        return (
            f"correct the line in {record.file} and it is read again by itself; or correct the"
            f" mapping, then `tributary quarantine replay --id {record.quarantine_id}`"
        )
    if streams and streams[0].replay is not None:
        return (
            "if the vendor corrects the record, the next read of its day settles it; if the"
            " connector has to follow the vendor, update Tributary, then `tributary quarantine"
            f" replay --id {record.quarantine_id}`"
        )
    return "only a fresh read of its day can land it: a backfill of that day"


def run_replay(
    found: Installation,
    connector: str,
    stream: str,
    ids: Iterable[int],
    dry_run: bool,
    clock: Clock,
) -> tuple[str, int]:
    """What happened, and the exit code: 0 when nothing that was tried still waits."""
    stores_file = Path(os.environ.get("TRIBUTARY_CONFIG") or found.stores_file)
    os.environ.setdefault("TRIBUTARY_KEY", found.secrets.tributary_key)
    with (
        databases.available(found, "quarantine", clock) as known,
        databases.open_warehouse(known) as conn,
    ):
        results = replay(
            conn,
            accounts(load_stores(stores_file)),
            f"replay/{clock.now():%Y-%m-%dT%H:%M:%SZ}",
            clock,
            connector=connector,
            stream=stream,
            ids=list(ids),
            dry_run=dry_run,
        )
    still = any(result.left or result.problem for result in results)
    return _told(results, dry_run), 1 if still else 0


def _told(results: list[Replayed], dry_run: bool) -> str:
    if not results:
        return "Nothing that was asked for waits in quarantine.\n"
    lines: list[str] = []
    for result in results:
        fits = f"{result.fits} of {result.tried} records fit now"
        if dry_run:
            done = "nothing was landed (dry run)"
        else:
            done = f"{result.landed} rows landed" + (
                f" in load {', '.join(map(str, result.loads))}" if result.loads else ""
            )
        again = f"; read again: {', '.join(result.files)}" if result.files else ""
        lines.append(f"{result.target}: {fits}, {done}{again}")
        lines += [
            f"    {count} still wait: {reason}" for reason, count in result.left.most_common()
        ]
        if result.problem:
            lines.append(f"    not tried: {result.problem}")
    if not dry_run and any(result.landed for result in results):
        lines.append("The next unify publishes what landed: tonight, or trigger the Dag now.")
    return "\n".join(lines) + "\n"
