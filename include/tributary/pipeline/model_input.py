"""All journeys of a store as arrays, with those that did not convert: what models learn from."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

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
from tributary.pipeline.goal import Goal
from tributary.warehouse import candidates, columns
from tributary.warehouse.columns import Array
from tributary.warehouse.connection import Connection

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Learned:
    """Journeys that ended from `first` to `end`, both included."""

    paths: Paths
    first: datetime
    end: datetime


def journeys(conn: Connection, relations: str, goal: Goal) -> Learned | None:
    """All journeys that ended within the days to learn from; None where the store has no conversion
    of the goal's type there. `relations` + a table's name is what is read.

    Those with a conversion are the journeys that credits give out: the same people, touches and
    rules. A journey without one ended at the person's next conversion, or when the lookback had
    passed: before that it may still convert, and of one that ended earlier nothing is learned.
    The days begin when the store's first touch is a lookback old: what ended before was not seen
    whole, and could not have ended without a conversion.
    """
    config = goal.config
    condition, params = credits.admitted(goal.visit_source, config)
    params |= {"store": goal.store_id, "type": goal.conversion_type}
    condition = (
        f"t.store_id = %(store)s and {condition} and t.identifier not in"
        f" (select identifier from {relations}identity_hub where store_id = %(store)s)"
    )
    seen = _seen(conn, relations, condition, params)
    longest = timedelta(days=max(config.lookback_days.values(), default=0))
    if seen.newest is None:
        return None
    first = seen.newest - timedelta(days=config.fit.days)
    if seen.oldest_touch is not None:
        first = max(first, seen.oldest_touch + longest)
    reach = max(longest, timedelta(days=seen.longest_lookback))
    params |= {"from": first - reach, "kinds": list(config.lookback_days)}
    conversions = columns.fetch(
        conn,
        "select hashtextextended(v.person_id, 0), v.converted_at from"
        f" ({candidates.conversion_person(relations)}) as v where v.store_id = %(store)s"
        " and v.conversion_type = %(type)s and v.converted_at >= %(from)s",
        {"person": "int8", "at": "timestamptz"},
        params,
    )
    touches = columns.fetch(
        conn,
        "select hashtextextended(coalesce(i.person_id, t.identifier), 0), t.occurred_at,"
        " t.touch_id, coalesce(t.lookback_days, 0),"
        " (array_position(%(kinds)s::text[], t.evidence_type))::int2,"
        f" (array_position(%(names)s::text[], t.channel))::int2 from {relations}touch as t"
        f" left join {relations}identity as i using (store_id, identifier)"
        f" where {condition} and t.occurred_at >= %(from)s",
        {
            "person": "int8",
            "at": "timestamptz",
            "touch_id": "int8",
            "lookback_days": "int4",
            "kind": "int2",
            "channel": "int2",
        },
        params | {"names": list(seen.channels)},
    )
    sizes = (len(conversions["at"]), len(touches["at"]))
    log.info("models of %s: %d conversions, %d touches", goal.name, *sizes)
    ended = (_microseconds(first), _microseconds(seen.newest))
    if not (conversions["at"] >= ended[0]).any():
        return None
    return Learned(_paths(seen.channels, touches, conversions, config, ended), first, seen.newest)


@dataclass(frozen=True)
class _Seen:
    """What a store has: when its newest conversion and oldest touch are, and its channels."""

    newest: datetime | None
    oldest_touch: datetime | None
    longest_lookback: int
    channels: tuple[str, ...]


def _seen(conn: Connection, relations: str, condition: str, params: Mapping[str, object]) -> _Seen:
    newest = conn.execute(
        f"select max(converted_at) from {relations}conversion where store_id = %(store)s"
        " and conversion_type = %(type)s",
        params,
    ).fetchone()
    rows = conn.execute(
        "select t.channel, min(t.occurred_at), max(coalesce(t.lookback_days, 0))"
        f" from {relations}touch as t where {condition} group by t.channel",
        params,
    ).fetchall()
    return _Seen(
        newest=newest[0] if newest else None,
        oldest_touch=min((row[1] for row in rows), default=None),
        longest_lookback=max((row[2] for row in rows), default=0),
        channels=tuple(sorted(str(row[0]) for row in rows)),
    )


def _microseconds(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _paths(
    names: tuple[str, ...],
    touches: dict[str, Array],
    conversions: dict[str, Array],
    config: AttributionConfig,
    ended: tuple[int, int],
) -> Paths:
    _, person = np.unique(np.r_[touches["person"], conversions["person"]], return_inverse=True)
    touched = len(touches["person"])
    kind, rules = _kinds(touches, config, ended)
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


def _kinds(
    touches: dict[str, Array], config: AttributionConfig, ended: tuple[int, int]
) -> tuple[Array, EventRules]:
    """Touches of one evidence type and lookback are one kind."""
    evidence = list(config.lookback_days)
    days = np.array(list(config.lookback_days.values()), dtype=np.int64)[touches["kind"] - 1]
    days = np.where(touches["lookback_days"] > 0, touches["lookback_days"], days)
    is_view = touches["kind"] == evidence.index("view") + 1 if "view" in evidence else days < 0
    codes, kind = np.unique(days * 2 + is_view, return_inverse=True)
    return kind, EventRules(
        lookback_us=tuple((codes // 2 * DAY_US).tolist()) or (0,),
        views=tuple(np.flatnonzero(codes % 2).tolist()),
        direct=config.direct,
        path_transform=config.path_transform,
        half_life_days=config.half_life_days,
        since_last=config.repeat == "since-last",
        max_touches=config.max_touches,
        ended=ended,
    )
