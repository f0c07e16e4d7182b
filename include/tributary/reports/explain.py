"""Why an order's credit is what it is, for people: its touches, what counted, who wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from psycopg.rows import dict_row

from tributary.reports import numbers
from tributary.reports.queries import read, text
from tributary.reports.text import table
from tributary.warehouse.connection import Connection

_REASONS = {
    "other_visit_source": "no: the store's visits are taken from another source",
    "after_conversion": "no: it came after the order",
    "outside_lookback": "no: older than the {lookback_days} days its kind counts for",
    "excluded_source": "no: a referral from a source that never brings anybody",
    "excluded_channel": "no: the store leaves this channel out",
    "before_previous_order": "no: it came before the buyer's previous order",
    "view_beside_others": "no: only seen, and there are clicks or visits",
    "direct_beside_others": "no: direct, and there are other touches",
    "direct_after_others": "no: direct, and nothing but direct came after",
    "repeated_channel": "no: the channel was met before, and counts once",
    "beyond_max_touches": "no: the journey is too long, only its last touches count",
}
# The column that keeps touches apart from one another in the tables.
_NUMBER = "#"


@dataclass(frozen=True)
class Agreement:
    """How far the models agree on an order: mart.order_confidence."""

    agreement: Decimal
    leading_channel: str
    leading_share: Decimal
    leading_lowest_share: Decimal
    leading_highest_share: Decimal

    def __str__(self) -> str:
        if self.agreement == 1:
            return f"All models give all of it to {self.leading_channel}."
        low, mean, high = (
            f"{100 * share:.0f}"
            for share in (self.leading_lowest_share, self.leading_share, self.leading_highest_share)
        )
        return (
            f"The models agree on {100 * self.agreement:.0f} % of it: most goes to"
            f" {self.leading_channel}, {low} to {high} % ({mean} % on average)."
        )


@dataclass(frozen=True)
class ExplainedOrder:
    """The rows of mart.explain_order of one order, oldest touch first."""

    rows: list[Mapping[str, Any]]
    agreement: Agreement

    @property
    def models(self) -> list[str]:
        return [c.removesuffix("_share") for c in self.rows[0] if c.endswith("_share")]

    @property
    def counted(self) -> list[Mapping[str, Any]]:
        return [row for row in self.rows if row["is_counted"]]


def explain(conn: Connection, order: str, store: str = "") -> list[ExplainedOrder]:
    """Orders of this number or id; more than one where stores share it, none if there is none."""
    with conn.transaction(), conn.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "select set_config('tributary.order', %s, true),"
            " set_config('tributary.store', %s, true)",
            (order, store),
        )
        rows = cursor.execute(text("explain_order")).fetchall()
    return [
        ExplainedOrder(list(found), _agreement(conn, *key))
        for key, found in groupby(rows, key=lambda row: (row["store_id"], row["conversion_id"]))
    ]


def _agreement(conn: Connection, store_id: str, conversion_id: int) -> Agreement:
    with conn.transaction():
        conn.execute(
            "select set_config('tributary.store', %s, true),"
            " set_config('tributary.conversion', %s, true)",
            (store_id, str(conversion_id)),
        )
        (found,) = read(conn, "order_confidence", Agreement)
    return found


def render(order: ExplainedOrder) -> str:
    """Three tables: the touches and why each counts or not, the credit, where they were read."""
    numbered = [
        (str(n), row) for n, row in enumerate((r for r in order.rows if not _is_later(r)), start=1)
    ]
    later = len(order.rows) - len(numbered)
    parts = [_head(order), _touches(numbered)]
    if later:
        parts.append(f"{numbers.count(later)} more after the order (--format json lists them).")
    parts += [_credit(numbered, order.models), str(order.agreement), _sources(numbered)]
    return "\n\n".join(part for part in parts if part) + "\n"


def reason_of(row: Mapping[str, Any]) -> str:
    """Whether a touch counts, in words."""
    if not row["touch_id"]:
        return "no touch counts"
    if row["is_counted"]:
        return "yes"
    reason = str(row["reason"])
    return _REASONS.get(reason, f"no: {reason}").format(**row)


def _is_later(row: Mapping[str, Any]) -> bool:
    return bool(row["reason"] == "after_conversion")


def _head(order: ExplainedOrder) -> str:
    row = order.rows[0]
    written = (order.counted or order.rows)[0]
    name = f"{row['order_name']} " if row["order_name"] else ""
    return (
        f"Order {name}({row['connector']}/{row['account_id']} {row['order_id']}) of"
        f" {row['store_id']}: {numbers.money(row['value_amount'], row['currency_code'])}"
        f" {row['currency_code']} net, placed {numbers.moment(row['converted_at'])}\n"
        f"Credit set {row['credit_set_id']}, written by run {written['run_id'] or numbers.NONE},"
        f" published {numbers.moment(written['published_at'])}"
    )


def _touches(numbered: list[tuple[str, Mapping[str, Any]]]) -> str:
    cells = [
        [
            number,
            numbers.moment(row["touched_at"]),
            numbers.NONE if row["age_days"] is None else f"{row['age_days']:.1f} d",
            row["evidence_type"] or numbers.NONE,
            row["channel"],
            " / ".join(part or "-" for part in (row["source"], row["medium"], row["campaign"])),
            reason_of(row),
        ]
        for number, row in numbered
    ]
    headers = [_NUMBER, "touched at", "before", "evidence", "channel"]
    return table([*headers, "source / medium / campaign", "counts"], cells, 7)


def _credit(numbered: list[tuple[str, Mapping[str, Any]]], models: list[str]) -> str:
    """Money per touch and model; shares in percent where the order is worth nothing."""
    counted = [(number, row) for number, row in numbered if row["is_counted"]]
    if not counted:
        return ""
    value, currency = counted[0][1]["value_amount"], counted[0][1]["currency_code"]
    cells = [
        [number, row["channel"], *(_share(row, model, value, currency) for model in models)]
        for number, row in counted
    ]
    unit = currency if value else "percent of the order"
    return f"Credit, {unit}\n" + table([_NUMBER, "channel", *models], cells, 2)


def _share(row: Mapping[str, Any], model: str, value: Decimal, currency: str) -> str:
    if not value:
        return f"{100 * row[f'{model}_share']:.1f}"
    return numbers.money(row[f"{model}_amount"], currency)


def _sources(numbered: list[tuple[str, Mapping[str, Any]]]) -> str:
    cells = [
        [
            number,
            f"{row['touch_connector']}/{row['touch_account_id']}",
            row["touch_stream"],
            numbers.day(row["touch_source_day"]),
            str(row["touch_load_id"]),
            numbers.moment(row["touch_landed_at"]),
        ]
        for number, row in numbered
        if row["touch_id"]
    ]
    if not cells:
        return ""
    headers = [_NUMBER, "account", "stream", "day in staging", "load", "read at"]
    return "Where the touches were read\n" + table(headers, cells, 6)
