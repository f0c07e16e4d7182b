"""Makes the Dag unify: build, check, attribute, check_credits, insights, publish."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import Any

from airflow.sdk import (
    DAG,
    AssetOrTimeSchedule,
    CronTriggerTimetable,
    chain,
    get_current_context,
    task,
)

from tributary.orchestration import access, alerts, texts
from tributary.orchestration.assets import MODELS, PUBLISHED, feed_asset, feeds
from tributary.orchestration.ingest import EPOCH, TASK_DEFAULTS

POOL = "tributary_unify"


def unify_dag(*, nightly: str = "30 2 * * *") -> DAG:
    """`unify`: after any feed or refit, and at cron `nightly` (UTC) for what an event missed."""
    schedule = AssetOrTimeSchedule(
        timetable=CronTriggerTimetable(nightly, timezone="UTC"),
        assets=reduce(or_, (*(feed_asset(feed) for feed in feeds()), MODELS)),
    )
    with DAG(
        "unify",
        description="Everything that landed becomes core rows, credits and marts, or nothing does.",
        doc_md=texts.UNIFY,
        schedule=schedule,
        start_date=EPOCH,
        catchup=False,
        max_active_runs=1,
        tags={"tributary", "unify"},
        default_args=TASK_DEFAULTS | {"pool": POOL},
        **alerts.watch(minutes=60),
    ) as dag:
        pass_id = task.short_circuit(task_id="build", doc_md=texts.BUILD)(build)()
        steps: list[Any] = [pass_id]
        for function in (check, attribute, check_credits, insights):
            steps.append(_step(function)(pass_id))
        steps.append(_step(publish, outlets=[PUBLISHED])(pass_id))
        chain(*steps)
    return dag


def _step(function: Callable[[str], Any], **options: Any) -> Any:
    return task(task_id=function.__name__, doc_md=texts.STEPS[function.__name__], **options)(
        function
    )


def build() -> str | bool:
    """Build candidate rows; the id of this pass, or False (ends the run) when nothing is pending.

    Clearing the run from build makes a new pass: a published id is never used again. A retry
    keeps its id.
    """
    from tributary.clock import SystemClock
    from tributary.pipeline import unify

    run = get_current_context()["dag_run"]
    pass_id = f"{run.run_id}#{run.clear_number}" if run.clear_number else run.run_id
    with access.warehouse("tributary build") as conn:
        return pass_id if unify.build(conn, pass_id, SystemClock()) else False


def check(pass_id: str) -> None:
    """Contracts and cross-checks on the candidate rows."""
    from tributary.clock import SystemClock
    from tributary.pipeline import unify

    with access.warehouse("tributary check") as conn:
        unify.check(conn, pass_id, SystemClock())


def attribute(pass_id: str) -> None:
    """Identity and credits of the people this pass touches."""
    from tributary.clock import SystemClock
    from tributary.pipeline import unify

    with access.warehouse("tributary attribute") as conn:
        unify.attribute(conn, pass_id, SystemClock())


def check_credits(pass_id: str) -> None:
    """Every credit sums to its conversion."""
    from tributary.clock import SystemClock
    from tributary.pipeline import unify

    with access.warehouse("tributary check_credits") as conn:
        unify.check_credits(conn, pass_id, SystemClock())


def insights(pass_id: str) -> int:
    """What changed and what to do about it; how many findings."""
    from tributary.clock import SystemClock
    from tributary.pipeline import unify

    with access.warehouse("tributary insights") as conn:
        return unify.insights(conn, pass_id, SystemClock())


def publish(pass_id: str) -> dict[str, int]:
    """Move the candidate rows into core, all in one transaction; rows moved per table."""
    from tributary.clock import SystemClock
    from tributary.pipeline import unify

    with access.warehouse("tributary publish") as conn:
        return unify.publish(conn, pass_id, SystemClock())
