"""Every core table is judged: its contract is a suite of Great Expectations, asked in a run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tributary.local.postgres import bindirs
from tributary.quality.credits import check_credits
from tributary.quality.expectations import validate
from tributary.quality.rules import rules
from tributary.quality.run import check, check_insights
from tributary.warehouse import candidates, contracts
from tributary.warehouse.connection import Connection

from .conftest import CLOCK, RUN

_FINDING = Path(__file__).with_name("good_rest.sql")


def test_no_core_table_is_without_a_suite_and_every_suite_can_be_asked(
    warehouse: Connection, warehouse_url: str
) -> None:
    tables = candidates.core_tables(warehouse)
    assert len(tables) >= 15
    suites = {table: rules(contracts.load_all()[f"core.{table}"]) for table in tables}
    assert all(len(suite) >= 3 for suite in suites.values())
    verdicts = validate(warehouse_url, suites)
    assert {name: v.error for name, v in verdicts.items() if v.error or not v.success} == {}
    assert len(verdicts) == sum(map(len, suites.values()))


def test_a_run_asks_every_table_that_has_rows(good_credits: Connection, warehouse_url: str) -> None:
    good_credits.execute(_FINDING.read_bytes())
    check(good_credits, warehouse_url, RUN, CLOCK)
    check_credits(good_credits, RUN, CLOCK)
    check_insights(good_credits, RUN, CLOCK)
    asked = good_credits.execute(
        "select distinct table_name from ops.check_result where table_name <> 'core' and success"
    ).fetchall()
    filled = [
        f"core.{table}"
        for table in candidates.core_tables(good_credits)
        if table in ("store", "account")
        or good_credits.execute(f"select 1 from work.{table} limit 1").fetchone()
    ]
    assert len(filled) >= 15 and sorted(name for (name,) in asked) == sorted(filled)
    bad = good_credits.execute("select check_name from ops.check_result where not success")
    assert bad.fetchall() == []


@pytest.fixture
def psql() -> Path:
    found = [folder / "psql" for folder in bindirs() if (folder / "psql").is_file()]
    if not found:
        pytest.skip("no psql")
    return found[0]


def test_the_sql_of_a_result_pastes_into_psql_and_gives_its_rows(
    good_credits: Connection, warehouse_url: str, psql: Path
) -> None:
    """Every check of a run, the failing ones with exactly as many rows as they say."""
    good_credits.execute(_FINDING.read_bytes())
    for change in (
        "update work.sales_order set net_amount = net_amount + 1, gross_amount = -1",
        "update work.channel_daily set spend_amount = -1, clicks = 2000, source = '50% {off}'",
        "update work.touch set evidence_type = 'hear''say'",
        "update work.conversion set identifier = 'mail:ada'",
        "delete from work.refund_line",
        "insert into work.identity select * from work.identity",
        "update core.account set currency_code = 'euro'",
        "update work.credit set linear_share = -1",
        "update work.insight set headline = ''",
    ):
        good_credits.execute(change.encode())
    for step in (
        lambda: check(good_credits, warehouse_url, RUN, CLOCK),
        lambda: check_credits(good_credits, RUN, CLOCK),
        lambda: check_insights(good_credits, RUN, CLOCK),
    ):
        with pytest.raises(Exception, match="nothing was published"):
            step()
    kept = good_credits.execute(
        "select check_name, reproduce_sql, rows_failed from ops.check_result order by 1"
    ).fetchall()
    assert len(kept) > 120 and sum(failed > 0 for _, _, failed in kept) >= 15
    script = "".join(f"\\echo @{name}\n{sql};\n" for name, sql, _ in kept)
    answer = subprocess.run(
        [str(psql), "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", warehouse_url],
        input=script,
        capture_output=True,
        text=True,
        check=True,
        env={"LD_LIBRARY_PATH": str(psql.parent.parent / "lib")},
    ).stdout
    shown = {part.split("\n", 1)[0]: part.count("\n") - 1 for part in answer.split("@")[1:]}
    assert shown == {name: failed for name, _, failed in kept}
