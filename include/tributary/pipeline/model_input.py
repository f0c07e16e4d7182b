"""All journeys of a store as arrays, with those that did not convert: what models learn from."""

from __future__ import annotations

import logging
from datetime import datetime

import numpy as np

from tributary.attribution import (
    AttributionConfig,
    ConversionEvents,
    EventRules,
    TouchEvents,
    journeys_of,
)
from tributary.attribution.journeys import DAY_US
from tributary.attribution.paths import Paths
from tributary.pipeline import credits
from tributary.warehouse import columns
from tributary.warehouse.columns import Array
from tributary.warehouse.connection import Connection

log = logging.getLogger(__name__)

CONVERSION_TYPE = "purchase"


def journeys(
    conn: Connection,
    relations: str,
    store_id: str,
    visit_source: str,
    config: AttributionConfig,
) -> tuple[Paths, datetime, datetime] | None:
    """All journeys of the days to learn from, with the first and last conversion's time; None
    where the store has no conversion. `relations` + a table's name is what is read.
    """
    params = {"store": store_id, "type": CONVERSION_TYPE, "days": config.fit.days}
    row = conn.execute(
        "select min(converted_at), max(converted_at) from"
        f" {relations}conversion where store_id = %(store)s and conversion_type = %(type)s"
        " and converted_at > (select max(converted_at) - make_interval(days => %(days)s)"
        f"   from {relations}conversion"
        "   where store_id = %(store)s and conversion_type = %(type)s)",
        params,
    ).fetchone()
    if row is None or row[0] is None:
        return None
    first, end = row
    condition, lists = credits.admitted(visit_source, config)
    params |= {"first": first, **lists}
    params |= {"longest": max(config.lookback_days.values(), default=0)}
    people = f"left join {relations}identity as i using (store_id, identifier)"
    person = "hashtextextended(coalesce(i.person_id, t.identifier), 0)"
    conversions = columns.fetch(
        conn,
        f"select {person}, t.converted_at from {relations}conversion as t {people}"
        " where t.store_id = %(store)s and t.conversion_type = %(type)s"
        " and t.converted_at >= %(first)s",
        {"person": "int8", "at": "timestamptz"},
        params,
    )
    names = credits.channel_names(conn, f"{relations}touch where store_id = %(store)s", params)
    touches = columns.fetch(
        conn,
        f"select {person}, t.occurred_at, t.touch_id, coalesce(t.lookback_days, 0),"
        " (array_position(%(kinds)s::text[], t.evidence_type))::int2,"
        " (array_position(%(names)s::text[], t.channel))::int2"
        f" from {relations}touch as t {people}"
        f" where t.store_id = %(store)s and {condition}"
        " and t.occurred_at >= %(first)s - make_interval(days => %(longest)s)",
        {
            "person": "int8",
            "at": "timestamptz",
            "touch_id": "int8",
            "lookback_days": "int4",
            "kind": "int2",
            "channel": "int2",
        },
        params | {"kinds": list(config.lookback_days), "names": list(names)},
    )
    sizes = (len(conversions["at"]), len(touches["at"]))
    log.info("models of %s: %d conversions, %d touches", store_id, *sizes)
    return _paths(names, touches, conversions, config), first, end


def _paths(
    names: tuple[str, ...],
    touches: dict[str, Array],
    conversions: dict[str, Array],
    config: AttributionConfig,
) -> Paths:
    _, person = np.unique(np.r_[touches["person"], conversions["person"]], return_inverse=True)
    touched = len(touches["person"])
    kind, rules = _kinds(touches, config)
    return journeys_of(
        names,
        np.array([channel == "direct" for channel in names], dtype=np.bool_),
        TouchEvents(
            person[:touched],
            touches["at"],
            touches["channel"] - 1,
            kind,
            touches["touch_id"],
        ),
        ConversionEvents(person[touched:], conversions["at"]),
        rules,
    ).paths


def _kinds(touches: dict[str, Array], config: AttributionConfig) -> tuple[Array, EventRules]:
    """Touches of one evidence type and lookback are one kind. Views are one kind, with the longest
    lookback that any of them has.
    """
    evidence = list(config.lookback_days)
    days = np.array(list(config.lookback_days.values()), dtype=np.int64)[touches["kind"] - 1]
    days = np.where(touches["lookback_days"] > 0, touches["lookback_days"], days)
    is_view = touches["kind"] == evidence.index("view") + 1 if "view" in evidence else days < 0
    code = days * 2 + is_view
    if is_view.any():
        code[is_view] = code[is_view].max()
    codes, kind = np.unique(code, return_inverse=True)
    views = np.flatnonzero(codes % 2)
    return kind, EventRules(
        lookback_us=tuple((codes // 2 * DAY_US).tolist()) or (0,),
        view=int(views[0]) if len(views) else -1,
        ignore_direct=config.direct == "ignore-if-other",
        half_life_days=config.half_life_days,
    )
