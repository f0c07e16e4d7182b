"""What becomes of a finding: found, decided by people, worse, gone, back; nothing is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest

from tributary.warehouse.connection import Connection

DAY = timedelta(days=1)
KEY = "ops.stable_id('insight', 'north', 'channel_moved', 'email visits', '2026-11-12')"


class Shop:
    """A store whose only finding is published, changed and taken away by hand."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.at = datetime(2026, 11, 16, 6, tzinfo=UTC)
        conn.execute("insert into core.store values ('north', 'North', 'UTC', 'EUR', 'auto', '')")
        row = conn.execute(f"select {KEY}").fetchone()  # type: ignore[arg-type]
        assert row is not None
        self.insight_id: int = row[0]

    def publish(
        self, *, severity: str = "medium", money: str | None = "100", there: bool = True
    ) -> None:
        self.at += DAY
        with self.conn.transaction():
            self.conn.execute("truncate work.insight_store")
            self.conn.execute("insert into work.insight_store values ('north')")
            self.conn.execute("delete from core.insight")
            if there:
                self.conn.execute(
                    "insert into core.insight values ('north', 'channel_moved', 'email visits',"
                    " '2026-11-12', %s, %s, '2026-11-12', '2026-11-15', 'Fewer.', '', 'Look.', '',"
                    " %s, 'EUR', 'visits', 31, 330, 200, 400, 24, 'select 1', '')",
                    (self.insight_id, severity, money),
                )
            publication = self.conn.execute(
                "insert into ops.publication (run_id, published_at, row_counts)"
                " values (%s, %s, '{}') returning publication_id",
                (self.at.isoformat(), self.at),
            ).fetchone()
            assert publication is not None
            self.conn.execute("select ops.settle_insights(%s, %s)", (publication[0], self.at))

    def decide(self, function: str, who: str = "mia", note: str = "") -> str:
        self.at += DAY
        row = self.conn.execute(
            f"select ops.{function}_insight(%s, %s, %s, %s)",  # type: ignore[arg-type]
            (self.insight_id, who, note, self.at),
        ).fetchone()
        assert row is not None
        return str(row[0])

    @property
    def status(self) -> str:
        row = self.conn.execute("select status from mart.insight").fetchall()
        assert len(row) == 1
        return str(row[0][0])

    @property
    def events(self) -> list[str]:
        rows = self.conn.execute("select event from ops.insight_event order by event_id").fetchall()
        return [str(row[0]) for row in rows]


@pytest.fixture
def shop(warehouse: Connection) -> Iterator[Shop]:
    yield Shop(warehouse)


def test_a_finding_computed_again_is_the_same_one_and_writes_nothing(shop: Shop) -> None:
    shop.publish()
    before = shop.conn.execute("select xmin::text, found_at from ops.insight").fetchall()
    shop.publish()
    assert shop.conn.execute("select xmin::text, found_at from ops.insight").fetchall() == before
    assert (shop.status, shop.events) == ("active", ["found"])


def test_a_dismissed_finding_stays_dismissed_while_it_is_computed_again(shop: Shop) -> None:
    shop.publish()
    assert shop.decide("dismiss", note="a test campaign") == "dismissed"
    shop.publish(money="149")
    shop.publish(severity="low", money="20")
    assert (shop.status, shop.events) == ("dismissed", ["found", "dismissed"])
    decided = shop.conn.execute(
        "select decided_by, note, money_amount from mart.insight"
    ).fetchone()
    assert decided == ("mia", "a test campaign", Decimal("20"))


@pytest.mark.parametrize("decision", ["dismiss", "action"])
@pytest.mark.parametrize(("severity", "money"), [("high", "100"), ("medium", "151")])
def test_a_decided_finding_that_worsens_is_open_again(
    shop: Shop, decision: str, severity: str, money: str
) -> None:
    shop.publish()
    shop.decide(decision)
    shop.publish(severity=severity, money=money)
    assert (shop.status, shop.events[-1]) == ("active", "worsened")


def test_what_is_gone_is_resolved_and_shown_as_it_was_last_seen(shop: Shop) -> None:
    shop.publish(money="70")
    shop.publish(there=False)
    assert (shop.status, shop.events) == ("resolved", ["found", "resolved"])
    gone = shop.conn.execute(
        "select headline, money_amount, end_day, resolved_at from mart.insight"
    ).fetchone()
    assert gone == ("Fewer.", Decimal("70"), date(2026, 11, 15), shop.at)
    shop.publish(there=False)
    assert shop.events == ["found", "resolved"]


def test_what_comes_back_is_open_unless_it_was_dismissed(shop: Shop) -> None:
    shop.publish()
    shop.decide("action")
    shop.publish(there=False)
    shop.publish()
    assert (shop.status, shop.events[-1]) == ("active", "found_again")
    shop.decide("dismiss")
    shop.publish(there=False)
    assert shop.status == "resolved"
    shop.publish()
    assert (shop.status, shop.events[-1]) == ("dismissed", "found_again")


def test_a_decision_can_be_taken_back_and_taken_twice(shop: Shop) -> None:
    shop.publish()
    assert shop.decide("dismiss") == shop.decide("dismiss") == "dismissed"
    assert shop.decide("restore") == "active"
    assert shop.events == ["found", "dismissed", "restored"]


def test_a_store_that_was_not_looked_at_keeps_its_findings(shop: Shop) -> None:
    shop.publish()
    shop.conn.execute("truncate work.insight_store")
    shop.conn.execute("select ops.settle_insights(null, %s)", (shop.at,))
    assert (shop.status, shop.events) == ("active", ["found"])


def test_decisions_need_a_name_a_finding_and_something_to_decide(shop: Shop) -> None:
    shop.publish()
    with pytest.raises(psycopg.errors.RaiseException, match="say who"):
        shop.decide("dismiss", who=" ")
    shop.publish(there=False)
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="is resolved"):
        shop.decide("dismiss")
    shop.insight_id += 1
    with pytest.raises(psycopg.errors.NoDataFound, match="there is no insight"):
        shop.decide("dismiss")


@pytest.mark.parametrize(
    "statement",
    [
        "update ops.insight_event set who = 'nobody'",
        "delete from ops.insight_event",
        "truncate ops.insight_event",
    ],
)
def test_history_is_append_only(shop: Shop, statement: str) -> None:
    shop.publish()
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        shop.conn.execute(statement)  # type: ignore[arg-type]
