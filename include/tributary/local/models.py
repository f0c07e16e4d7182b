"""What `tributary models` does."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from tributary.clock import SystemClock
from tributary.errors import ConfigurationError
from tributary.local import databases
from tributary.local.progress import told
from tributary.local.state import Installation
from tributary.local.tabular import render
from tributary.warehouse.connection import Connection

_VERSIONS = """\
select store_id as store, conversion_type as type, model_state_id as version,
    fitted_at::timestamp(0) as fitted, journeys, conversions, markov_order as "order",
    round(order_likelihood[markov_order]::numeric, 4) as likelihood,
    concat_ws(', ', case when is_published then 'shown' end,
        case when is_chosen and not is_published then 'next run' end,
        nullif(chosen_by, '')) as state
from mart.model_version
order by store_id, conversion_type <> 'purchase', conversion_type, fitted_at, model_state_id"""

_COMPARISON = """\
select channel, round(a.share::numeric, 4) as share_a,
    round(a.p05_share::numeric, 4) as p05_a, round(a.p95_share::numeric, 4) as p95_a,
    round(b.share::numeric, 4) as share_b,
    round((coalesce(b.share, 0) - coalesce(a.share, 0))::numeric, 4) as change,
    case when b.share between a.p05_share and a.p95_share then 'within' else 'outside' end
        as interval
from (select * from core.model_channel where model_state_id = %(a)s and model = %(model)s
    and store_id = %(store)s) as a
full join (select * from core.model_channel where model_state_id = %(b)s and model = %(model)s
    and store_id = %(store)s) as b using (channel)
order by greatest(a.share, b.share) desc, channel"""


def run_list(found: Installation, style: str) -> str:
    """Every version of every store, oldest first."""
    with _open(found) as conn:
        if style == "table" and not conn.execute("select 1 from core.model_state").fetchall():
            return (
                "No store has a model version yet. unify learns one when a store has 100 converting"
                " and 100 other journeys (docs/operations.md).\n"
            )
        return _asked(conn, _VERSIONS, {}, style)


def run_compare(
    found: Installation, store: str, kind: str, a: str, b: str, model: str, style: str
) -> str:
    """Each channel's share under two versions, and whether the second is within the first's
    interval; by default the version shown and the one before of a type of conversion.
    ConfigurationError if one is missing.
    """
    with _open(found) as conn:
        databases.require_store(conn, store)
        rows = conn.execute(
            "select model_state_id from core.model_state where store_id = %s"
            " and conversion_type = %s order by fitted_at, model_state_id",
            (store, kind),
        ).fetchall()
        known = [str(row[0]) for row in rows]
        if not (a or b):
            if len(known) < 2:
                raise ConfigurationError(
                    f"store {store!r} has {len(known) or 'no'} model version of its {kind}s, and"
                    " two are needed."
                    " `tributary models refit` learns another where journeys have changed"
                )
            a, b = known[-2:]
        for version in (a, b):
            if version not in known:
                raise ConfigurationError(
                    f"store {store!r} has no model version {version!r} of its {kind}s:"
                    " `tributary models list`"
                )
        head = f"{model} of {store}: a = {a}, b = {b}\n" if style == "table" else ""
        asked = {"store": store, "a": a, "b": b, "model": model}
        return head + _asked(conn, _COMPARISON, asked, style)


def run_rollback(found: Installation, store: str, kind: str, version: str) -> str:
    """Go back to a version and publish its credits; the sentence that says so."""
    from tributary.pipeline.refit import rollback
    from tributary.pipeline.unify import unify

    clock = SystemClock()
    with _open(found) as conn, told(clock):
        databases.require_store(conn, store)
        state = rollback(conn, store, version, kind)
        unify(conn, f"models-rollback-{secrets.token_hex(4)}", clock)
    return (
        f"The {kind}s of {store} are credited with model version {state} until the next refit"
        " (daily at 03:30 UTC, or `tributary models refit`).\n"
    )


def run_refit(found: Installation) -> str:
    """Learn again now and publish the credits; the sentence that says so."""
    from tributary.pipeline.refit import refit
    from tributary.pipeline.unify import unify

    clock = SystemClock()
    with _open(found) as conn, told(clock):
        moved = refit(conn, clock)
        unify(conn, f"models-refit-{secrets.token_hex(4)}", clock)
    if not moved:
        return "No store's models changed.\n"
    return f"New model versions: {', '.join(moved)}. Their credits are published.\n"


def _asked(conn: Connection, query: str, parameters: dict[str, str], style: str) -> str:
    cursor = conn.execute(query.encode(), parameters)
    names = [column.name for column in cursor.description or []]
    return render(names, cursor.fetchall(), style)


@contextmanager
def _open(found: Installation) -> Iterator[Connection]:
    with (
        databases.available(found, "models", SystemClock()) as known,
        databases.open_warehouse(known) as conn,
    ):
        yield conn
