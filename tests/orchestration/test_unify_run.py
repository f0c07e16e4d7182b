"""The Dag unify in real Airflow: published, stopped by a check, or ended early."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

RunDag = Callable[..., Any]

TOUCHES = (
    "touch_id,occurred_at,user_key,source,medium,campaign,channel,click_id_type\n"
    "t1,2026-08-01T08:00:00+02:00,u1,google,cpc,summer,,\n"
    "t2,2026-08-02T08:00:00+02:00,u1,newsletter,email,weekly,,\n"
)
ORDERS = (
    "order_id,line_id,ordered_at,user_key,sku,title,quantity,gross_amount,discount_amount,"
    "tax_amount,shipping_amount,currency\n"
    "o1,1,2026-08-03T10:00:00+02:00,u1,A,Lamp,1,100.01,0.00,0.00,0.00,EUR\n"
)
SPEND = (
    "date,channel,campaign_id,campaign_name,source,medium,spend,impressions,clicks,currency\n"
    "2026-08-01,,c1,Summer,google,cpc,{spend},1000,40,EUR\n"
)
STEPS = ("check", "attribute", "check_credits", "insights", "publish")


@pytest.fixture
def drop(installation: Any, run_dag: RunDag) -> Callable[[str], None]:
    """Loads a shop with one order after two touches, and its spend, into staging."""

    def drop(spend: str) -> None:
        for store, files in {
            "north": {"touches": TOUCHES, "orders": ORDERS, "spend": SPEND.format(spend=spend)},
            "prairie": {"spend": SPEND.format(spend="1.00")},
        }.items():
            for name, text in files.items():
                installation.drop(store, f"{name}.csv", text)
        assert run_dag("ingest_files").state == "success"

    return drop


def _one(installation: Any, query: str) -> Any:
    return installation.warehouse.execute(query).fetchone()


def test_with_nothing_pending_the_run_is_green_after_build(
    installation: Any, run_dag: RunDag
) -> None:
    run = run_dag("unify")
    assert run.state == "success"
    assert run.states("build") == {"": "success"}
    assert [run.states(step) for step in STEPS] == [{"": "skipped"}] * len(STEPS)
    assert run.events() == []


def test_what_landed_is_published_and_every_model_credits_the_whole_order(
    installation: Any, run_dag: RunDag, drop: Callable[[str], None]
) -> None:
    drop("12.50")
    run = run_dag("unify")
    assert run.state == "success"
    assert [run.states(step) for step in ("build", *STEPS)] == [{"": "success"}] * 6
    assert [name for name, _ in run.events()] == ["tributary/published"]
    assert _one(installation, "select run_id from ops.publication") == (run.run_id,)
    spend = "select sum(spend_amount) from core.channel_daily where store_id = 'north'"
    assert _one(installation, spend) == (Decimal("12.50"),)
    credits = _one(
        installation,
        "select count(*), sum(first_amount), sum(linear_amount), sum(position_based_amount)"
        " from mart.order_credit",
    )
    assert credits == (2, *[Decimal("100.01")] * 3)

    again = run_dag("unify")
    assert again.state == "success"
    assert again.states("check") == {"": "skipped"}


def test_a_failed_check_fails_the_run_without_retry_and_publishes_nothing(
    installation: Any, run_dag: RunDag, drop: Callable[[str], None]
) -> None:
    drop("-12.50")
    run = run_dag("unify")
    assert run.state == "failed"
    assert run.states("check") == {"": "failed"}
    assert run.states("publish") == {"": "upstream_failed"}
    assert run.events() == []
    assert _one(installation, "select count(*) from ops.publication") == (0,)
    assert _one(installation, "select count(*) from core.channel_daily") == (0,)
    status, message = _one(installation, "select status, message from ops.unify_run")
    assert status == "stopped"
    assert "spend_amount" in message
