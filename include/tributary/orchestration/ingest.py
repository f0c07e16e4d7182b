"""Makes the ingest Dags of a feed: plan the accounts, load each, tell unify, report failures."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import (
    DAG,
    CronDataIntervalTimetable,
    Param,
    TaskGroup,
    get_current_context,
    task,
)
from airflow.sdk.exceptions import AirflowSkipException

from tributary.connectors.spec import (
    Connector,
    Mode,
    Stream,
    all_connectors,
    feed_connectors,
)
from tributary.errors import AccountSkipped, ConfigurationError, TributaryError
from tributary.orchestration import access, alerts, texts, windows
from tributary.orchestration.assets import feed_asset
from tributary.orchestration.retries import RETRIES, ByErrorClass
from tributary.settings import Account
from tributary.window import Window

if TYPE_CHECKING:
    from tributary.warehouse.connection import Connection

log = logging.getLogger(__name__)

# Before any order a shop can have: catchup is off, so this only bounds `airflow backfill create`.
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

TASK_DEFAULTS: dict[str, Any] = {
    "owner": "tributary",
    "retries": RETRIES,
    "retry_delay": timedelta(seconds=2),  # of a killed task; an error waits as the policy says
    "retry_policy": ByErrorClass(),
}

_PART = "task.op_kwargs['part']"
LABEL = f"{{{{ {_PART}.store }}}} / {{{{ {_PART}.account }}}} / {{{{ {_PART}.stream }}}}"


def ingest_dag(feed: str, *, hourly: str = "0 * * * *") -> tuple[DAG, DAG]:
    """`ingest_<feed>` (daily, re-reads each stream's restatement window; the one to backfill) and
    `ingest_<feed>_hourly` (cron `hourly`, UTC).
    """
    connectors = feed_connectors(feed)
    if not connectors:
        raise ConfigurationError(
            f"no connector declares the feed {feed!r}: set feed in its CONNECTOR, or remove the"
            " Dag file"
        )
    return _dag(feed, "daily", "0 0 * * *", connectors), _dag(feed, "hourly", hourly, connectors)


def _dag(feed: str, cadence: windows.Cadence, cron: str, connectors: Iterable[Connector]) -> DAG:
    dag_id = f"ingest_{feed}" if cadence == "daily" else f"ingest_{feed}_hourly"
    with DAG(
        dag_id,
        description=texts.ingest_description(feed, cadence),
        doc_md=texts.ingest_doc(feed, cadence),
        schedule=CronDataIntervalTimetable(cron, timezone="UTC"),
        start_date=EPOCH,
        catchup=False,
        max_active_runs=1,
        params=_params(),
        tags={"tributary", "ingest", feed},
        default_args=TASK_DEFAULTS,
        **alerts.watch(minutes=180 if cadence == "daily" else 55),
    ) as dag:
        loads = [_connector_tasks(connector, cadence) for connector in connectors]
        results = [result for _, result in loads]
        task(
            task_id="publish",
            outlets=[feed_asset(feed)],
            trigger_rule="all_done",
            doc_md=texts.INGEST_PUBLISH,
        )(publish)(feed=feed, results=results)
        failures = task(
            task_id="report_failures",
            trigger_rule="one_failed",
            retries=0,
            doc_md=texts.REPORT_FAILURES,
        )(report_failures)()
        for result in results:
            result >> failures
    return dag


def _connector_tasks(connector: Connector, cadence: windows.Cadence) -> tuple[Any, Any]:
    """Task group `<connector>`: plan, then load mapped over its accounts and streams."""
    with TaskGroup(connector.name, tooltip=connector.title):
        parts = task(task_id="plan", doc_md=texts.PLAN)(plan)(connector_name=connector.name)
        result = (
            task(
                task_id="load",
                pool=connector.name,
                map_index_template=LABEL,
                doc_md=texts.load_doc(connector),
            )(load)
            .partial(cadence=cadence)
            .expand(part=parts)
        )
    return parts, result


def _params() -> dict[str, Param]:
    day: dict[str, Any] = {"type": ["null", "string"], "format": "date"}
    return {
        "start": Param(None, title="First day", description=texts.PARAM_START, **day),
        "end": Param(None, title="End (exclusive)", description=texts.PARAM_END, **day),
        "mode": Param(
            None,
            type=["null", "string"],
            enum=[None, "incremental", "backfill"],
            title="Mode",
            description=texts.PARAM_MODE,
        ),
        "store": Param(None, type=["null", "string"], title="Store", description=texts.PARAM_STORE),
    }


def plan(connector_name: str) -> list[dict[str, str]]:
    """One part per account and stream of the stores file, which is first synced to the warehouse.

    Raises ConfigurationError when the run has no window, before any vendor is asked.
    """
    from tributary.settings import accounts, load_stores, stores_file
    from tributary.warehouse import stores
    from tributary.warehouse.connection import locked

    context = get_current_context()
    asked = windows.Asked.of(context["params"], context["dag_run"])
    windows.choose(asked, "daily", restate_days=0, zone="UTC")
    connector = all_connectors()[connector_name]
    configured = load_stores(stores_file())
    store = context["params"].get("store") or ""
    if store and store not in {known.id for known in configured}:
        raise ConfigurationError(f"param store is {store!r}, which the stores file does not have")
    with access.warehouse("tributary plan") as conn, locked(conn, "sync"):
        stores.sync(conn, configured, [connector])
    parts = [
        {
            "store": account.store_id,
            "connector": connector_name,
            "account": account.account_id,
            "stream": stream.name,
        }
        for account in accounts(configured, connector_name)
        if store in ("", account.store_id)
        for stream in connector.streams_of(account)
    ]
    if not parts:
        log.info("The stores file has no account of %s: nothing to load.", connector.title)
    return parts


def load(part: Mapping[str, str], cadence: windows.Cadence) -> dict[str, Any]:
    """Load one stream of one account; counts for people in the result, no rows and no secrets."""
    from tributary.clock import SystemClock
    from tributary.pipeline.ingest import ingest

    context = get_current_context()
    run = context["dag_run"]
    connector = all_connectors()[part["connector"]]
    stream = connector.stream(part["stream"])
    account = access.find_account(part["connector"], part["account"])
    asked = windows.Asked.of(context["params"], run)
    credentials = access.credentials(connector, account)
    try:
        with access.warehouse("tributary load") as conn:
            window, mode = _window(conn, asked, cadence, account, stream)
            log.info("Loading %s %s for %s, %s.", account.connection_id, stream.name, window, mode)
            result = ingest(
                conn=conn,
                account=account,
                connector=connector,
                stream=stream,
                credentials=credentials,
                window=window,
                mode=mode,
                run_id=f"{run.dag_id}/{run.run_id}",
                clock=SystemClock(),
            )
    except AccountSkipped as error:
        raise AirflowSkipException(str(error)) from None
    counts = {name: count for name, count in vars(result.counts).items() if count}
    log.info("Landed load %s: %s days changed, %s.", result.load_id, result.days_changed, counts)
    if result.drift:
        log.warning("Fields we do not know were kept: %s.", ", ".join(result.drift))
    return {"load_id": result.load_id, "days_changed": result.days_changed, **counts}


def _window(
    conn: Connection,
    asked: windows.Asked,
    cadence: windows.Cadence,
    account: Account,
    stream: Stream,
) -> tuple[Window, Mode]:
    from tributary.warehouse.loads import Target, covered_until

    target = Target(account.store_id, account.connector, account.account_id, stream.name)
    window, mode = windows.choose(
        asked,
        cadence,
        restate_days=stream.restate_days,
        zone=account.timezone,
        covered_until=covered_until(conn, target),
    )
    if mode == "backfill" and stream.backfill == "none":
        raise AirflowSkipException(f"{target} has no backfill: its vendor cannot say what was")
    return window, mode


def publish(feed: str, results: Iterable[Sequence[Mapping[str, Any]] | None]) -> None:
    """Tell unify that `feed` has news; skipped, and no event, when not one load landed."""
    # [:] fetches a mapped task's results at once; parts that failed or were skipped have none.
    landed = [result for group in results if group is not None for result in group[:]]
    if not landed:
        raise AirflowSkipException(f"Nothing of {feed} landed, so unify is not woken.")
    extra = {
        "loads": len(landed),
        "days_changed": sum(int(result["days_changed"]) for result in landed),
    }
    get_current_context()["outlet_events"][feed_asset(feed)].extra = dict(extra)
    log.info("Woke unify: %s loads landed, %s days changed.", *extra.values())


def report_failures() -> None:
    """Fails the run when an account failed, so that it is seen; what landed stays landed."""
    raise TributaryError(
        "At least one account was not loaded. Open the red boxes of `load` in the grid: each log"
        " ends with what happened and the next step. Clear them when that is done; accounts that"
        " landed are published all the same."
    )
