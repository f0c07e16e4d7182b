"""An ingest Dag run in real Airflow: two drop folders, one of them broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

RunDag = Callable[..., Any]

CLICKS = "date,channel,campaign_id,campaign_name,source,medium,spend,impressions,clicks,currency\n"
SPEND = CLICKS + "2026-08-01,,c1,Summer,google,cpc,12.50,1000,40,EUR\n"


def _loads(installation: Any) -> list[tuple[Any, ...]]:
    return installation.warehouse.execute(
        "select account_id, stream, status, mode, run_id from ops.load order by 1, 2"
    ).fetchall()


def test_one_broken_account_does_not_stop_the_others_and_the_run_is_red(
    run_dag: RunDag, installation: Any
) -> None:
    installation.drop("north", "spend.csv", SPEND)
    installation.drop("prairie", "what_is_this.csv", "a,b\n1,2\n")
    run = run_dag("ingest_files")

    states = run.states("files.load")
    assert len(states) == len(_loads(installation)) > 0
    assert {s for label, s in states.items() if label.startswith("north /")} == {"success"}
    assert {s for label, s in states.items() if label.startswith("prairie /")} == {"failed"}
    assert "north / north_files / spend" in states
    assert run.states("publish") == {"": "success"}
    assert run.states("report_failures") == {"": "failed"}
    assert run.state == "failed"

    by_status = {(a, s): status for a, s, status, _, _ in _loads(installation)}
    assert {v for (a, _), v in by_status.items() if a == "north_files"} == {"landed"}
    assert {v for (a, _), v in by_status.items() if a == "prairie_files"} == {"failed"}
    spend = installation.warehouse.execute("select sum(spend_amount) from staging.files__spend")
    assert str(spend.fetchone()[0]) == "12.50"  # type: ignore[index]

    [(name, extra)] = run.events()
    assert name == "tributary/files"
    assert extra["days_changed"] == 1
    assert extra["loads"] == len([v for v in by_status.values() if v == "landed"])


def test_nothing_is_told_to_unify_when_nothing_landed(run_dag: RunDag, installation: Any) -> None:
    run = run_dag("ingest_files")  # both folders are empty
    assert set(run.states("files.load").values()) == {"failed"}
    assert run.states("publish") == {"": "skipped"}
    assert run.events() == []
    assert run.state == "failed"


def test_a_good_run_is_green_and_loads_keep_its_name(run_dag: RunDag, installation: Any) -> None:
    for store in installation.folders:
        installation.drop(store, "spend.csv", SPEND)
    run = run_dag("ingest_files")
    assert run.state == "success"
    assert run.states("report_failures") == {"": "skipped"}
    loads = _loads(installation)
    assert {(mode, run_id) for *_, mode, run_id in loads} == {
        ("incremental", f"ingest_files/{run.run_id}")
    }
    window = installation.warehouse.execute(
        "select distinct window_start, window_end from ops.load"
    ).fetchall()
    assert window == [(run.end - timedelta(days=1), run.end)]


def test_start_and_end_are_days_of_the_account_and_read_as_a_backfill(
    run_dag: RunDag, installation: Any
) -> None:
    for store in installation.folders:
        installation.drop(store, "spend.csv", SPEND)
    run = run_dag(
        "ingest_files_hourly", without_interval=True, start="2026-08-01", end="2026-08-03"
    )
    assert run.state == "success"
    windows = installation.warehouse.execute(
        "select distinct account_id, mode, window_start, window_end from ops.load order by 1"
    ).fetchall()
    assert windows == [
        (
            "north_files",
            "backfill",
            datetime(2026, 7, 31, 22, tzinfo=UTC),
            datetime(2026, 8, 2, 22, tzinfo=UTC),
        ),
        (
            "prairie_files",
            "backfill",
            datetime(2026, 8, 1, 5, tzinfo=UTC),
            datetime(2026, 8, 3, 5, tzinfo=UTC),
        ),
    ]


def test_a_run_without_a_window_asks_no_vendor(run_dag: RunDag, installation: Any) -> None:
    installation.drop("north", "spend.csv", SPEND)
    run = run_dag("ingest_files", without_interval=True)
    assert run.states("files.plan") == {"": "failed"}
    assert run.state == "failed"
    assert _loads(installation) == []


def test_a_feed_without_accounts_is_green_and_silent(run_dag: RunDag, installation: Any) -> None:
    run = run_dag("ingest_sales")
    assert run.state == "success"
    assert run.states("publish") == {"": "skipped"}
    assert run.events() == []


SECRET = "shpat_0123456789abcdef"


class _Vendor(BaseHTTPRequestHandler):
    """A shop server that refuses everybody: the path says with which status."""

    def do_POST(self) -> None:
        self.send_response(int(self.path.split("/")[1]))
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def vendor() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Vendor) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_refused_accounts_fail_or_are_skipped_at_once_and_show_no_secret(
    run_dag: RunDag,
    installation: Any,
    warehouse_url: str,
    vendor: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Warehouse and vendors as Airflow's own connections have them; shop `unknown` has none."""
    from tributary.orchestration.setup import ConnectionSeed, ensure

    seeds = [
        ConnectionSeed(f"shopify__shop{status}", "shopify", f"{vendor}/{status}", password=SECRET)
        for status in (401, 403)
    ]
    ensure([ConnectionSeed.postgres("warehouse", warehouse_url), *seeds])
    monkeypatch.delenv("TRIBUTARY_WAREHOUSE_URL")
    ids = ("shop401", "shop403", "unknown")
    accounts = ", ".join(f"{{connector: shopify, id: {name}}}" for name in ids)
    stores = tmp_path / "shops.yml"
    stores.write_text(
        f"stores: [{{id: s, name: S, timezone: UTC, currency: EUR, accounts: [{accounts}]}}]"
    )
    monkeypatch.setenv("TRIBUTARY_CONFIG", str(stores))

    run = run_dag("ingest_sales")
    assert run.states("shopify.load") == {
        "s / shop401 / order": "failed",
        "s / shop403 / order": "skipped",
        "s / unknown / order": "failed",
    }
    assert run.state == "failed"
    errors = dict(
        installation.warehouse.execute("select account_id, error from ops.load").fetchall()
    )
    assert set(errors) == {"shop401", "shop403"}  # without a connection nobody is asked
    assert all(errors.values())
    shown = "".join(capfd.readouterr())
    assert "'shopify__unknown' is missing" in shown
    assert SECRET not in shown + str(errors)
