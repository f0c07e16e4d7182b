"""The state of the warehouse in one reading: streams, last unify run, money by channel and model.

Everything is read in one snapshot, so that the numbers of one report fit each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tributary.reports.insights import Insight, read_insights
from tributary.reports.queries import read, read_window
from tributary.warehouse.connection import Connection

MODELS = {
    "first": "First touch",
    "last": "Last touch",
    "last_non_direct": "Last non-direct",
    "linear": "Linear",
    "time_decay": "Time decay",
    "position_based": "Position based",
    "first_paid": "First paid",
    "last_paid": "Last paid",
    "markov_per_order": "Markov",
    "shapley": "Shapley",
}
PHASES = ("build", "check", "attribute", "check_credits", "insights", "publish")
UNATTRIBUTED = "unattributed"


@dataclass(frozen=True)
class StreamState:
    """One stream of one account. `rows_held` are the rows in staging after all landed loads.

    `status` is that of the newest load: landed, failed or running, `error` its message; or not
    read, where the stores file no longer names the account.
    """

    store_id: str
    connector: str
    account_id: str
    stream: str
    feed: str
    status: str
    landed_at: datetime | None
    latest_day: date | None
    rows_held: int
    rows_quarantined: int
    loads_pending: int
    error: str


@dataclass(frozen=True)
class Check:
    """One check of a unify run; `worst_rows` are at most five, by key."""

    check_name: str
    table_name: str
    severity: str
    success: bool
    rows_checked: int
    rows_failed: int
    detail: str
    worst_rows: list[dict[str, Any]]
    reproduce_sql: str


@dataclass(frozen=True)
class UnifyRun:
    """The newest unify run that had something to do."""

    run_id: str
    status: str
    started_at: datetime
    finished_at: datetime | None
    phase_seconds: dict[str, float]
    message: str

    @property
    def phases(self) -> list[tuple[str, float]]:
        """Seconds per phase in the order they run."""
        order = {phase: i for i, phase in enumerate(PHASES)}
        return sorted(self.phase_seconds.items(), key=lambda item: order.get(item[0], len(order)))


@dataclass(frozen=True)
class Period:
    """A store's last final days with data in one currency: first_day <= day < end_day."""

    store_id: str
    store_name: str
    currency_code: str
    first_day: date
    end_day: date


@dataclass(frozen=True)
class ChannelRow:
    """Money of one channel over a period; revenue is net, credited, on the conversion's day.

    `spend_amount` is None where no connector reports spend for the channel.
    """

    store_id: str
    store_name: str
    currency_code: str
    first_day: date
    end_day: date
    channel: str
    spend_amount: Decimal | None
    first_amount: Decimal
    last_amount: Decimal
    last_non_direct_amount: Decimal
    linear_amount: Decimal
    time_decay_amount: Decimal
    position_based_amount: Decimal
    first_paid_amount: Decimal
    last_paid_amount: Decimal
    markov_per_order_amount: Decimal
    shapley_amount: Decimal

    @property
    def period(self) -> Period:
        return Period(
            self.store_id, self.store_name, self.currency_code, self.first_day, self.end_day
        )

    def revenue(self, model: str) -> Decimal:
        """Credited revenue under one of MODELS."""
        amount: Decimal = getattr(self, f"{model}_amount")
        return amount

    def roas(self, model: str) -> Decimal | None:
        """Revenue over spend, or None without spend."""
        return ratio(self.revenue(model), self.spend_amount)


@dataclass(frozen=True)
class Waterfall:
    """From goods as priced to net revenue, counted orders; refunds on their own day."""

    store_id: str
    currency_code: str
    orders: int
    gross_amount: Decimal
    discount_amount: Decimal
    included_tax_amount: Decimal
    returned_amount: Decimal
    adjustment_amount: Decimal
    net_amount: Decimal


@dataclass(frozen=True)
class StoreMoney:
    """One store in one currency; currencies are never added up."""

    period: Period
    channels: tuple[ChannelRow, ...]
    waterfall: Waterfall | None

    def revenue(self, model: str) -> Decimal:
        """Credited revenue of all channels and the unattributed row: the same for every model."""
        return sum((row.revenue(model) for row in self.channels), Decimal(0))

    @property
    def spend(self) -> Decimal | None:
        """Spend of all channels, None if no channel has any reported."""
        known = [row.spend_amount for row in self.channels if row.spend_amount is not None]
        return sum(known, Decimal(0)) if known else None

    def roas(self, model: str) -> Decimal | None:
        """Ratio of the sums, never the mean of the channels' ratios."""
        return ratio(self.revenue(model), self.spend)


@dataclass(frozen=True)
class Summary:
    """What `tributary status`, the end of `make run` and the page show."""

    streams: tuple[StreamState, ...]
    run: UnifyRun | None
    checks: tuple[Check, ...]
    published_at: datetime | None
    money: tuple[StoreMoney, ...]
    insights: tuple[Insight, ...] = ()

    @property
    def checks_passed(self) -> int:
        return sum(check.success for check in self.checks)

    @property
    def failed_checks(self) -> tuple[Check, ...]:
        """Stops before warnings."""
        failed = [check for check in self.checks if not check.success]
        return tuple(sorted(failed, key=lambda check: (check.severity != "stop", check.check_name)))

    @property
    def loads_pending(self) -> int:
        return sum(stream.loads_pending for stream in self.streams)


@dataclass(frozen=True)
class _Published:
    published_at: datetime | None


def ratio(amount: Decimal, base: Decimal | None) -> Decimal | None:
    """amount / base, None where there is no base: a missing ratio is not zero."""
    return amount / base if base else None


def read_summary(conn: Connection, days: int = 30) -> Summary:
    """The whole state, money over each store's last `days` final days.

    Raises psycopg errors (UndefinedTable on a database never migrated).
    """
    with conn.transaction():
        conn.execute("set transaction isolation level repeatable read, read only")
        conn.execute("select set_config('tributary.period_days', %s, true)", (str(days),))
        runs = read(conn, "last_unify_run", UnifyRun)
        return Summary(
            streams=tuple(read(conn, "freshness", StreamState)),
            run=runs[0] if runs else None,
            checks=tuple(read(conn, "last_checks", Check)),
            published_at=read(conn, "last_publication", _Published)[0].published_at,
            money=_money(conn),
            insights=read_insights(conn),
        )


def _money(conn: Connection) -> tuple[StoreMoney, ...]:
    by_period: dict[Period, list[ChannelRow]] = {}
    for row in read(conn, "channel_money", ChannelRow):
        by_period.setdefault(row.period, []).append(row)
    waterfalls = {
        window: {
            (row.store_id, row.currency_code): row
            for row in read_window(conn, "waterfall", Waterfall, *window)
        }
        for window in sorted({(period.first_day, period.end_day) for period in by_period})
    }
    return tuple(
        StoreMoney(
            period,
            tuple(rows),
            waterfalls[period.first_day, period.end_day].get(
                (period.store_id, period.currency_code)
            ),
        )
        for period, rows in by_period.items()
    )
