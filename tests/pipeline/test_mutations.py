"""Whatever happens to a drop folder: core built step by step is core built at once."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from tests.files.support import Loop
from tributary.clock import FixedClock
from tributary.pipeline import unify
from tributary.warehouse.connection import Connection

from .folder import DropFolder
from .kills import state

CLOCK = FixedClock(datetime(2026, 1, 9, tzinfo=UTC))
SEEDS = int(os.environ.get("PROVE_MUTATION_SEEDS", "30"))


def publish(conn: Connection, run_id: str) -> bool:
    """Unify without the gate: what random rows break is not the question here."""
    if not unify.build(conn, run_id, CLOCK):
        return False
    for step in (unify.attribute, unify.check_credits, unify.insights, unify.publish):
        step(conn, run_id, CLOCK)
    return True


def mutate(path: Path, conn: Connection, seed: int, rounds: int) -> Counter[str]:
    """Every round changes the folder, and compares core with one built of everything anew."""
    path.mkdir()
    folder = DropFolder(path, Random(seed), shared_lines=seed % 2 == 0)
    folder.start()
    loop = Loop(conn, path)
    most: Counter[str] = Counter()
    for n in range(rounds):
        loop.ingest()
        publish(conn, f"{seed} round {n}")
        step_by_step = state(conn)
        conn.execute("update ops.load set publication_id = null where publication_id > 0")
        assert publish(conn, f"{seed} round {n} anew")
        anew = state(conn)
        assert {t for t in anew if anew[t] != step_by_step[t]} == set(), f"seed {seed}, round {n}"
        most |= Counter({table: int(sums.split()[0]) for table, sums in anew.items()})
        folder.mutate()
    for table in ("sales_order", "refund", "touch", "channel_daily", "conversion", "credit"):
        assert most[f"core.{table}"] > 3, f"seed {seed}: core.{table} was never filled"
    return folder.done


def test_a_folder_that_changes_at_random_gives_what_a_rebuild_gives(
    tmp_path: Path, warehouse: Connection
) -> None:
    done = mutate(tmp_path / "drop", warehouse, seed=6, rounds=2)
    assert sum(done.values()) > 2


@pytest.mark.prove
def test_many_folders_that_change_at_random_give_what_a_rebuild_gives(
    tmp_path: Path, fresh: Callable[[], Connection]
) -> None:
    done: Counter[str] = Counter()
    for seed in range(100, 100 + SEEDS):
        done += mutate(tmp_path / str(seed), fresh(), seed, rounds=12)
    sys.stdout.write(f"\n{SEEDS} folders, {sum(done.values())} mutations: {dict(done)}\n")
    assert set(done) >= {"change", "withdraw", "move", "split", "change_event", "add_refund"}
