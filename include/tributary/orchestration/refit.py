"""Makes the Dag refit: the data-driven models learn again, then unify credits with them."""

from __future__ import annotations

from airflow.sdk import DAG, CronTriggerTimetable, task

from tributary.orchestration import access, alerts, texts
from tributary.orchestration.assets import MODELS
from tributary.orchestration.ingest import EPOCH, TASK_DEFAULTS
from tributary.orchestration.unify import POOL


def refit_dag(*, daily: str = "30 3 * * *") -> DAG:
    """`refit` at cron `daily` (UTC), after the nightly unify."""
    with DAG(
        "refit",
        description="Markov and Shapley learn from the newest journeys; old versions are kept.",
        doc_md=texts.REFIT,
        schedule=CronTriggerTimetable(daily, timezone="UTC"),
        start_date=EPOCH,
        catchup=False,
        max_active_runs=1,
        tags={"tributary", "refit"},
        default_args=TASK_DEFAULTS | {"pool": POOL},
        **alerts.watch(minutes=60),
    ) as dag:
        task(task_id="refit", doc_md=texts.REFIT_TASK, outlets=[MODELS])(refit)()
    return dag


def refit() -> list[str]:
    """Fit every store's models; the stores with a new state, whose credits unify renews."""
    from tributary.clock import SystemClock
    from tributary.pipeline.refit import refit as learn_again

    with access.warehouse("tributary refit") as conn:
        return learn_again(conn, SystemClock())
