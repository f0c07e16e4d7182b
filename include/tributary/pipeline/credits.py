"""Fetches affected people's touches and conversions, has them attributed, writes work.credit."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import numpy.typing as npt

from tributary.attribution import MODELS, AttributionConfig, Conversions, Credits, Touches
from tributary.attribution import attribute as attribute_arrays
from tributary.money import minor_unit
from tributary.warehouse.connection import Connection

# Connectors whose visits are the shop's own journey moments; other visits are event exports.
SHOP_MOMENTS = ["shopify"]

_EPOCH_MICROSECONDS = "(extract(epoch from {}) * 1000000)::bigint"


def compute(
    conn: Connection,
    store_id: str,
    credit_set_id: str,
    visit_source: str,
    config: AttributionConfig,
) -> None:
    """Credits of the conversions in work.credit_scope for one store, into work.credit."""
    _number_people(conn, store_id)
    conversions, exponents = _conversions(conn, store_id)
    touches = _touches(conn, store_id, visit_source)
    _write(conn, store_id, credit_set_id, attribute_arrays(touches, conversions, config), exponents)


def _number_people(conn: Connection, store_id: str) -> None:
    """pg_temp.affected: every affected conversion with a small number for its person."""
    conn.execute("drop table if exists pg_temp.affected")
    conn.execute(
        "create temp table affected as"
        " select v.conversion_id, v.converted_at, v.value_amount, v.currency_code,"
        "   coalesce(i.person_id, v.identifier) as person_id,"
        "   dense_rank() over (order by coalesce(i.person_id, v.identifier)) as person"
        " from work.candidate_conversion as v"
        " join work.credit_scope as s using (store_id, conversion_id)"
        " left join work.candidate_identity as i using (store_id, identifier)"
        " where v.store_id = %s",
        (store_id,),
    )
    conn.execute("analyze pg_temp.affected")


def _conversions(conn: Connection, store_id: str) -> tuple[Conversions, dict[int, tuple[str, int]]]:
    """The affected conversions, and per conversion its currency and decimal places."""
    rows = conn.execute(
        "select conversion_id, person, "
        + _EPOCH_MICROSECONDS.format("converted_at")
        + ", value_amount, currency_code from pg_temp.affected order by conversion_id"
    ).fetchall()
    places = {row[0]: _places(row[3], row[4]) for row in rows}
    values = [int(row[3].scaleb(places[row[0]])) for row in rows]
    conversions = Conversions(
        conversion_id=_int64([row[0] for row in rows]),
        person=_int64([row[1] for row in rows]),
        converted_at_us=_int64([row[2] for row in rows]),
        value_minor=_int64(values),
    )
    return conversions, {row[0]: (row[4], places[row[0]]) for row in rows}


def _touches(conn: Connection, store_id: str, visit_source: str) -> Touches:
    """Touches of the affected people that the visit source admits, up to their last conversion."""
    visits = {
        "event_export": "t.connector <> all(%(moments)s)",
        "shop_moments": "t.connector = any(%(moments)s)",
        "none": "false",
    }[visit_source]
    rows = conn.execute(
        "select t.touch_id, p.person, "
        + _EPOCH_MICROSECONDS.format("t.occurred_at")
        + ", t.evidence_type, t.channel = 'direct', coalesce(t.lookback_days, 0)"
        " from work.candidate_touch as t"
        " left join work.candidate_identity as i using (store_id, identifier)"
        " join (select person_id, person, max(converted_at) as last_at"
        "   from pg_temp.affected group by 1, 2) as p"
        "   on p.person_id = coalesce(i.person_id, t.identifier) and t.occurred_at <= p.last_at"
        f" where t.store_id = %(store)s and (t.evidence_type <> 'visit' or {visits})",
        {"store": store_id, "moments": SHOP_MOMENTS},
    ).fetchall()
    columns = list(zip(*rows, strict=True)) if rows else [()] * 6
    return Touches(
        touch_id=_int64(columns[0]),
        person=_int64(columns[1]),
        occurred_at_us=_int64(columns[2]),
        evidence_type=np.array(columns[3], dtype=np.str_),
        is_direct=np.array(columns[4], dtype=np.bool_),
        lookback_days=_int64(columns[5]),
    )


def _write(
    conn: Connection,
    store_id: str,
    credit_set_id: str,
    credits: Credits,
    exponents: dict[int, tuple[str, int]],
) -> None:
    """Copy the credits in and give them their days and currency."""
    shares = ", ".join(f"{model}_share float8" for model in MODELS)
    amounts = ", ".join(f"{model}_amount numeric" for model in MODELS)
    conn.execute("drop table if exists pg_temp.new_credit")
    conn.execute(
        f"create temp table new_credit (conversion_id bigint, touch_id bigint, {shares}, {amounts})"
    )
    with (
        conn.cursor() as cursor,
        cursor.copy("copy pg_temp.new_credit from stdin (format binary)") as copy,
    ):
        copy.set_types(["int8", "int8", *["float8"] * len(MODELS), *["numeric"] * len(MODELS)])
        for row in zip(
            credits.conversion_id.tolist(),
            credits.touch_id.tolist(),
            *(credits.shares[model].tolist() for model in MODELS),
            *(credits.amounts[model].tolist() for model in MODELS),
            strict=True,
        ):
            places = exponents[row[0]][1]
            minor = row[2 + len(MODELS) :]
            copy.write_row(
                (*row[: 2 + len(MODELS)], *(Decimal(units).scaleb(-places) for units in minor))
            )
    listed = ", ".join([*(f"{m}_share" for m in MODELS), *(f"{m}_amount" for m in MODELS)])
    conn.execute(
        "insert into work.credit (store_id, credit_set_id, conversion_id, touch_id, conversion_day,"
        f" touch_day, currency_code, {listed}, publication_id)"
        " select %(store)s, %(set)s, n.conversion_id, n.touch_id, v.conversion_day, t.touch_day,"
        f" v.currency_code, {listed}, 0 from pg_temp.new_credit as n"
        " join work.candidate_conversion as v"
        "   on v.store_id = %(store)s and v.conversion_id = n.conversion_id"
        " left join work.candidate_touch as t"
        "   on t.store_id = %(store)s and t.touch_id = n.touch_id",
        {"store": store_id, "set": credit_set_id},
    )


def _places(value: Decimal, currency: str) -> int:
    """Decimal places the value is split in: its currency's, or more where the value has more."""
    exponent = value.normalize().as_tuple().exponent
    return max(minor_unit(currency), -exponent if isinstance(exponent, int) else 0)


def _int64(values: object) -> npt.NDArray[np.int64]:
    return np.array(values, dtype=np.int64)
