"""What to change: the findings people see, with what was decided about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from tributary.reports.queries import read
from tributary.warehouse.connection import Connection

SEVERITIES = {"high": "Important", "medium": "Worth a look", "low": "Good to know"}


@dataclass(frozen=True)
class Insight:
    """One row of mart.insight; its contract says what the fields mean.

    `status` is active, actioned, dismissed or resolved.
    """

    insight_id: int
    store_id: str
    status: str
    severity: str
    rule: str
    subject: str
    period: str
    first_day: date
    end_day: date
    headline: str
    detail: str
    next_step: str
    method: str
    money_amount: Decimal | None
    currency_code: str
    evidence_sql: str
    fix_sql: str
    found_at: datetime
    resolved_at: datetime | None
    decided_by: str
    decided_at: datetime | None
    note: str


def read_insights(conn: Connection) -> tuple[Insight, ...]:
    """Most important first, per store; of the resolved the newest twenty."""
    return tuple(read(conn, "insights", Insight))
