"""What the template shows: the summary cut to one store and one model, everything already text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from tributary.reports import numbers
from tributary.reports.insights import SEVERITIES, Insight
from tributary.reports.summary import (
    MODELS,
    UNATTRIBUTED,
    ChannelRow,
    StoreMoney,
    StreamState,
    Summary,
)
from tributary.web import chart

DEFAULT_MODEL = "last_non_direct"
# Every feed runs at least daily; two hours are left for the run itself.
LATE_AFTER = timedelta(hours=26)
# Letters of a channel's name that fit beside its amounts on a phone; the table has the whole name.
CHART_LABEL = 20


@dataclass(frozen=True)
class Line:
    """One row of the money table."""

    label: str
    kind: str
    revenue: str
    share: str
    spend: str
    roas: str
    by_model: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """One store in one currency under the chosen model."""

    currency: str
    days: str
    revenue: str
    spend: str
    roas: str
    unattributed: str
    lines: tuple[Line, ...]
    chart: chart.Chart
    chart_text: str
    waterfall: tuple[tuple[str, str], ...]
    orders: str


@dataclass(frozen=True)
class StreamLine:
    """Freshness of one stream; `state` is ok, late, running or failed."""

    store: str
    account: str
    stream: str
    state: str
    landed: str
    age: str
    latest_day: str
    rows: str
    quarantined: str
    error: str


@dataclass(frozen=True)
class InsightCard:
    """One finding; `token` is '' for users who may not decide."""

    id: str
    status: str
    severity: str
    weight: str
    headline: str
    detail: str
    next_step: str
    method: str
    evidence_sql: str
    fix_sql: str
    since: str
    decided: str
    note: str
    token: str


@dataclass(frozen=True)
class Insights:
    """What to change now, and what was decided or went away."""

    active: tuple[InsightCard, ...]
    past: tuple[InsightCard, ...]


def insight_cards(summary: Summary, store: str, token: Callable[[int], str] | None) -> Insights:
    """The store's findings, most important first; `token` signs forms where the user may decide."""
    cards = [
        _card(insight, token(insight.insight_id) if token else "")
        for insight in summary.insights
        if insight.store_id == store
    ]
    return Insights(
        tuple(card for card in cards if card.status == "active"),
        tuple(card for card in cards if card.status != "active"),
    )


def _card(insight: Insight, token: str) -> InsightCard:
    done = {"dismissed": "Dismissed", "actioned": "Done"}.get(insight.status, "")
    decided = (
        f"{done} by {insight.decided_by}, {numbers.moment(insight.decided_at)}" if done else ""
    )
    if insight.status == "resolved":
        decided = f"Gone since {numbers.moment(insight.resolved_at)}"
    return InsightCard(
        id=str(insight.insight_id),
        status=insight.status,
        severity=insight.severity,
        weight=SEVERITIES[insight.severity],
        headline=insight.headline,
        detail=insight.detail,
        next_step=insight.next_step,
        method=insight.method,
        evidence_sql=insight.evidence_sql,
        fix_sql=insight.fix_sql,
        since=numbers.moment(insight.found_at),
        decided=decided,
        note=insight.note,
        token=token if insight.status != "resolved" else "",
    )


def store_ids(summary: Summary) -> list[str]:
    """Stores with money or at least a load, by id."""
    return sorted(
        {money.period.store_id for money in summary.money}
        | {stream.store_id for stream in summary.streams}
    )


def store_names(summary: Summary) -> dict[str, str]:
    """Display name by store id; a store without published money is shown by its id."""
    names = {money.period.store_id: money.period.store_name for money in summary.money}
    return {store: names.get(store) or store for store in store_ids(summary)}


def sections(summary: Summary, store: str, model: str) -> list[Section]:
    """One section per currency of the store."""
    return [_section(m, model) for m in summary.money if m.period.store_id == store]


def stream_lines(summary: Summary, store: str, now: datetime) -> list[StreamLine]:
    return [_stream_line(s, now) for s in summary.streams if s.store_id == store]


def channel_label(channel: str) -> str:
    """paid_search is Paid search."""
    words = channel.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _section(money: StoreMoney, model: str) -> Section:
    period, currency = money.period, money.period.currency_code
    total = money.revenue(model)
    rows = sorted(
        money.channels,
        key=lambda row: (row.channel == UNATTRIBUTED, -row.revenue(model), row.channel),
    )
    unattributed = sum(
        (row.revenue(model) for row in rows if row.channel == UNATTRIBUTED), Decimal(0)
    )
    return Section(
        currency=currency,
        days=numbers.days(period.first_day, period.end_day),
        revenue=numbers.money(total, currency),
        spend=numbers.money(money.spend, currency),
        roas=numbers.ratio(money.roas(model)),
        unattributed=numbers.percent(unattributed, total),
        lines=(*[_line(row, model, total) for row in rows], _total_line(money, model)),
        chart=chart.bars([_bar(row, model) for row in rows]),
        chart_text="; ".join(f"{channel_label(row.channel)} {_note(row, model)}" for row in rows),
        waterfall=_waterfall(money),
        orders=numbers.count(money.waterfall.orders) if money.waterfall else numbers.NONE,
    )


def _line(row: ChannelRow, model: str, total: Decimal) -> Line:
    currency = row.currency_code
    return Line(
        label=channel_label(row.channel),
        kind="unattributed" if row.channel == UNATTRIBUTED else "channel",
        revenue=numbers.money(row.revenue(model), currency),
        share=numbers.percent(row.revenue(model), total),
        spend=numbers.money(row.spend_amount, currency),
        roas=numbers.ratio(row.roas(model)),
        by_model=tuple(numbers.money(row.revenue(name), currency) for name in MODELS),
    )


def _total_line(money: StoreMoney, model: str) -> Line:
    currency, total = money.period.currency_code, money.revenue(model)
    return Line(
        label="Total",
        kind="total",
        revenue=numbers.money(total, currency),
        share=numbers.percent(total, total),
        spend=numbers.money(money.spend, currency),
        roas=numbers.ratio(money.roas(model)),
        by_model=tuple(numbers.money(money.revenue(name), currency) for name in MODELS),
    )


def _note(row: ChannelRow, model: str) -> str:
    revenue = numbers.money(row.revenue(model), row.currency_code)
    if row.spend_amount is None:
        return revenue
    return f"{revenue} from {numbers.money(row.spend_amount, row.currency_code)} spend"


def _bar(row: ChannelRow, model: str) -> tuple[str, str, Decimal, Decimal | None, bool]:
    is_unattributed = row.channel == UNATTRIBUTED
    label = channel_label(row.channel)
    if len(label) > CHART_LABEL:
        label = f"{label[: CHART_LABEL - 1]}…"
    return label, _note(row, model), row.revenue(model), row.spend_amount, is_unattributed


def _waterfall(money: StoreMoney) -> tuple[tuple[str, str], ...]:
    steps, currency = money.waterfall, money.period.currency_code
    if steps is None:
        return ()
    return (
        ("Goods as priced", numbers.money(steps.gross_amount, currency)),
        ("Discounts", numbers.money(-steps.discount_amount, currency)),
        ("Tax contained in prices", numbers.money(-steps.included_tax_amount, currency)),
        ("Returned goods", numbers.money(-steps.returned_amount, currency)),
        ("Refund adjustments", numbers.money(-steps.adjustment_amount, currency)),
        ("Net revenue", numbers.money(steps.net_amount, currency)),
    )


def _stream_line(stream: StreamState, now: datetime) -> StreamLine:
    late = stream.landed_at is None or now - stream.landed_at > LATE_AFTER
    state = stream.status if stream.status != "landed" else ("late" if late else "ok")
    return StreamLine(
        store=stream.store_id,
        account=f"{stream.connector} / {stream.account_id}",
        stream=stream.stream,
        state=state,
        landed=numbers.moment(stream.landed_at),
        age="never" if stream.landed_at is None else numbers.age(stream.landed_at, now),
        latest_day=numbers.day(stream.latest_day),
        rows=numbers.count(stream.rows_held),
        quarantined=numbers.count(stream.rows_quarantined),
        error=stream.error,
    )
