"""What `tributary explain` does."""

from __future__ import annotations

from tributary.clock import SystemClock
from tributary.errors import ConfigurationError
from tributary.local import databases
from tributary.local.state import Installation
from tributary.local.tabular import render as render_rows
from tributary.reports.explain import explain, render


def run_explain_order(found: Installation, order: str, store: str, style: str) -> str:
    """The order's touches and credit; ConfigurationError if there is no such order."""
    with (
        databases.available(found, "explain", SystemClock()) as known,
        databases.open_warehouse(known) as conn,
    ):
        if store:
            databases.require_store(conn, store)
        orders = explain(conn, order, store)
    if not orders:
        raise ConfigurationError(
            f"no credited order {order!r}" + (f" in store {store!r}" if store else "") + ": give"
            " its number (#1001) or the shop's id. Test and cancelled orders have no credit."
        )
    if style == "json":
        rows = [list(row.values()) for one in orders for row in one.rows]
        return render_rows(list(orders[0].rows[0]), rows, "json")
    return "\n".join(render(one) for one in orders)
