"""Fetches affected people's touches and conversions, has them attributed, writes work.credit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tributary.attribution import (
    CREDIT_MODELS,
    FALLBACK,
    AttributionConfig,
    Channels,
    Conversions,
    Credits,
    Touches,
)
from tributary.attribution import attribute as attribute_arrays
from tributary.errors import CheckFailed
from tributary.pipeline.goal import Goal
from tributary.warehouse import columns
from tributary.warehouse.columns import Array
from tributary.warehouse.connection import Connection

# Connectors whose visits are the shop's own journey moments; other visits are event exports.
SHOP_MOMENTS = ["shopify"]

# What of a visit counts, by where a store's visits come from; a condition on core.touch as t.
VISITS = {
    "event_export": "(t.evidence_type <> 'visit' or t.connector <> all(%(moments)s))",
    "shop_moments": "(t.evidence_type <> 'visit' or t.connector = any(%(moments)s))",
    "none": "t.evidence_type <> 'visit'",
}
# What a store's lists keep out, on touches as t. A referral may be named without its .com.
_LISTED = (
    "(cardinality(%(include_channels)s::text[]) = 0 or t.channel = any(%(include_channels)s))"
    " and t.channel <> all(%(exclude_channels)s::text[])"
    " and not (t.channel = 'referral' and ('.' || t.source like any(%(exclude_sources)s::text[])"
    "   or '.' || t.source || '.com' like any(%(exclude_sources)s::text[])))"
)
# A day that is none, in the wire format.
_NO_DAY = np.iinfo(np.int32).min


def admitted(visit_source: str, config: AttributionConfig) -> tuple[str, dict[str, object]]:
    """The condition on touches as t that may count for a store, and its parameters."""
    return f"{VISITS[visit_source]} and {_LISTED}", {
        "moments": SHOP_MOMENTS,
        "include_channels": list(config.include_channels),
        "exclude_channels": list(config.exclude_channels),
        "exclude_sources": [f"%.{host}" for host in config.exclude_sources],
    }


def compute(
    conn: Connection, goal: Goal, credit_set_id: str, weights: Mapping[str, float] | None
) -> None:
    """Credits of the conversions that affected.select_touches found, into work.credit.

    `weights` are what Markov learned of each channel, or None where it learned nothing.
    """
    conversions, conversion_days = _conversions(conn)
    touches, channels, touch_days = _touches(conn, goal.config, weights)
    found = attribute_arrays(touches, conversions, goal.config, channels)
    rows: dict[str, Array] = {
        "conversion_id": found.conversion_id,
        "touch_id": found.touch_id,
        "conversion_day": _days_of(found.conversion_id, conversions.conversion_id, conversion_days),
        "touch_day": _days_of(found.touch_id, touches.touch_id, touch_days),
    }
    _write(conn, goal.store_id, credit_set_id, found, rows, FALLBACK if weights is None else "")


def _conversions(conn: Connection) -> tuple[Conversions, Array]:
    """The affected conversions and their days.

    CheckFailed where an amount has too many digits to be split exactly, as 64 bits.
    """
    endless = conn.execute(
        "select conversion_id, value_amount from pg_temp.affected"
        " where abs(value_amount * power(10::numeric, places)) >= power(2::numeric, 63)"
        " order by 1 limit 1"
    ).fetchone()
    if endless:
        raise CheckFailed(
            f"conversion {endless[0]} of core.conversion is worth {endless[1]}: an amount of that"
            " many digits cannot be split exactly, so nothing was published. Correct the lines of"
            " its order at their source and load them again."
        )
    found = columns.fetch(
        conn,
        "select conversion_id, hashtextextended(person_id, 0), converted_at,"
        " (value_amount * power(10::numeric, places))::int8, conversion_day from pg_temp.affected",
        {
            "conversion_id": "int8",
            "person": "int8",
            "converted_at": "timestamptz",
            "value": "int8",
            "day": "date",
        },
    )
    conversions = Conversions(
        conversion_id=found["conversion_id"],
        person=found["person"],
        converted_at_us=found["converted_at"],
        value_minor=found["value"],
    )
    return conversions, found["day"]


def _touches(
    conn: Connection, config: AttributionConfig, weights: Mapping[str, float] | None
) -> tuple[Touches, Channels, Array]:
    """The affected people's touches, the channel of each, and its day."""
    names = channel_names(conn, "pg_temp.affected_touch")
    kinds = list(config.lookback_days)
    found = columns.fetch(
        conn,
        "select touch_id, person, occurred_at, touch_day, lookback_days,"
        " (array_position(%(kinds)s::text[], evidence_type))::int2,"
        " (array_position(%(names)s::text[], channel))::int2 from pg_temp.affected_touch",
        {
            "touch_id": "int8",
            "person": "int8",
            "occurred_at": "timestamptz",
            "day": "date",
            "lookback_days": "int4",
            "kind": "int2",
            "channel": "int2",
        },
        {"kinds": kinds, "names": list(names)},
    )
    code = found["channel"] - 1
    touches = Touches(
        touch_id=found["touch_id"],
        person=found["person"],
        occurred_at_us=found["occurred_at"],
        evidence_type=np.array(kinds, dtype=np.str_)[found["kind"] - 1],
        is_direct=np.array([name == "direct" for name in names], dtype=np.bool_)[code],
        lookback_days=found["lookback_days"].astype(np.int64),
    )
    return touches, Channels(names, code, weights), found["day"]


def channel_names(
    conn: Connection, touches: str, params: Mapping[str, object] | None = None
) -> tuple[str, ...]:
    """The channels of some touches, sorted as Python sorts."""
    rows = conn.execute(f"select distinct channel from {touches}", params).fetchall()
    return tuple(sorted(str(row[0]) for row in rows))


def _days_of(ids: Array, known: Array, days: Array) -> Array:
    """The day of each id, _NO_DAY where the id is not known."""
    if not len(known):
        return np.full(len(ids), _NO_DAY, dtype=np.int32)
    order = np.argsort(known, kind="stable")
    place = order[np.minimum(np.searchsorted(known[order], ids), len(known) - 1)]
    found: Array = np.where(known[place] == ids, days[place], _NO_DAY)
    return found


def _write(
    conn: Connection,
    store_id: str,
    credit_set_id: str,
    credits: Credits,
    rows: Mapping[str, Array],
    fallback: str,
) -> None:
    """Copy the credits in; amounts become numeric with their conversion's decimal places."""
    types = {"conversion_id": "int8", "touch_id": "int8"}
    types |= {"conversion_day": "date", "touch_day": "date"}
    types |= {f"{model}_share": "float8" for model in CREDIT_MODELS}
    types |= {f"{model}_minor": "int8" for model in CREDIT_MODELS}
    given = dict(rows)
    given |= {f"{model}_share": credits.shares[model] for model in CREDIT_MODELS}
    given |= {f"{model}_minor": credits.amounts[model] for model in CREDIT_MODELS}
    conn.execute("drop table if exists pg_temp.new_credit")
    listed = ", ".join(f"{column} {sql_type}" for column, sql_type in types.items())
    conn.execute(f"create temp table new_credit ({listed})")
    columns.write(conn, ("pg_temp", "new_credit"), types, given)
    conn.execute("analyze pg_temp.new_credit")
    shares = ", ".join(f"{model}_share" for model in CREDIT_MODELS)
    amounts = ", ".join(f"{model}_amount" for model in CREDIT_MODELS)
    values = ", ".join(f"n.{model}_minor * u.unit" for model in CREDIT_MODELS)
    conn.execute(
        "insert into work.credit (store_id, credit_set_id, conversion_id, touch_id, conversion_day,"
        f" touch_day, currency_code, {shares}, {amounts}, markov_fallback, publication_id)"
        " select %(store)s, %(set)s, n.conversion_id, n.touch_id, n.conversion_day,"
        f" nullif(n.touch_day, '-infinity'), u.currency_code, {shares}, {values}, %(fallback)s, 0"
        " from pg_temp.new_credit as n join (select conversion_id, currency_code,"
        "   round(power(10::numeric, -places), places) as unit from pg_temp.affected) as u"
        "   using (conversion_id)",
        {"store": store_id, "set": credit_set_id, "fallback": fallback},
    )
