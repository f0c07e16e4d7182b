"""Markov and Shapley in the warehouse: learned from journeys, versioned, spread per order."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.mart.attributed import AT, NOON, add_store
from tributary.attribution import (
    ALL_MODELS,
    CREDIT_MODELS,
    ModelSettings,
    attribute_paths,
    from_lists,
)
from tributary.clock import FixedClock
from tributary.errors import ConfigurationError
from tributary.pipeline import attribute
from tributary.pipeline.refit import refit, rollback
from tributary.quality.credits import check_credits
from tributary.warehouse import candidates, publish
from tributary.warehouse.connection import Connection

from .learning import CHANNELS, CREDITS, Journey, credit, made, put, shown, unify


def test_every_order_is_spread_by_what_its_channels_would_be_missed_for(
    filled: tuple[Connection, list[Journey]],
) -> None:
    conn, journeys = filled
    unify(conn, "first")
    state = conn.execute(
        "select markov_order, journeys, conversions, unattributed, draws, array_length("
        "order_likelihood, 1) from core.model_state"
    ).fetchone()
    assert state is not None
    won = sum(converts for _, converts in journeys)
    assert state[1:] == (500, won, 0, 200, 4)
    paths = from_lists([path for path, _ in journeys], [float(c) for _, c in journeys])
    effects = attribute_paths(paths, ("markov",), ModelSettings(order=state[0])).effects
    assert effects is not None
    weight = dict(zip(effects.names, effects.conversions.tolist(), strict=True))
    checked = 0
    for person, (path, converts) in enumerate(journeys, start=1):
        if not converts:
            continue
        rows = credit(conn, person)
        whole = sum(weight[channel] for channel in set(path))
        distinct = len(set(path))
        assert [row[0] for row in rows] == path
        for channel, markov, shapley, _, _, fallback in rows:
            assert markov == pytest.approx(weight[channel] / whole / path.count(channel), abs=1e-12)
            assert shapley == pytest.approx(1 / distinct / path.count(channel), abs=1e-12)
            assert fallback == ""
        assert sum(row[3] for row in rows) == sum(row[4] for row in rows) == Decimal("10.01")
        checked += 1
    assert checked == won > 150


def test_too_few_journeys_fall_back_to_a_rule_that_every_row_names(
    warehouse: Connection,
) -> None:
    journeys = made(2, 90)
    add_store(warehouse)
    put(warehouse, journeys)
    unify(warehouse, "first")
    assert warehouse.execute("select count(*) from core.model_state").fetchone() == (0,)
    person = next(n for n, (path, won) in enumerate(journeys, 1) if won and len(set(path)) > 2)
    rows = credit(warehouse, person)
    assert {row[1] for row in rows} == {1 / len(rows)}
    assert {row[5] for row in rows} == {"linear"}
    # Shapley needs no learning: it is exact for a single order.
    assert sum(row[2] for row in rows) == pytest.approx(1)


def test_the_same_journeys_are_the_same_state_and_nothing_is_written_again(
    filled: tuple[Connection, list[Journey]],
) -> None:
    conn, _ = filled
    unify(conn, "first")
    before = conn.execute("select ctid, xmin, * from core.credit order by 1").fetchall()
    conn.execute("delete from core.model_pointer")
    unify(conn, "again")
    assert conn.execute("select ctid, xmin, * from core.credit order by 1").fetchall() == before
    assert conn.execute("select count(*) from core.model_state").fetchone() == (1,)
    assert len(before) > 400


def test_a_refit_is_a_new_version_and_a_rollback_shows_the_old_one_again(
    filled: tuple[Connection, list[Journey]],
) -> None:
    conn, _ = filled
    unify(conn, "first")
    first = conn.execute(CREDITS).fetchall()
    (old,) = shown(conn)
    assert refit(conn, FixedClock(AT)) == []  # the same journeys
    put(conn, made(9, 300), first=1001)
    unify(conn, "more")  # not twice as many: credited with the old state
    assert shown(conn) == {old: True}
    assert refit(conn, FixedClock(AT + timedelta(days=1))) == ["kiel"]
    assert shown(conn)[old] is True  # people see the old one until unify has credited all
    assert attribute.outdated_stores(conn) == ["kiel"]
    unify(conn, "refitted")
    assert attribute.outdated_stores(conn) == []
    new = next(version for version, is_shown in shown(conn).items() if is_shown)
    assert new != old
    again = conn.execute(CREDITS).fetchall()
    assert again[: len(first)] != first
    assert rollback(conn, "kiel") == old
    unify(conn, "back")
    assert shown(conn) == {old: True, new: False}
    assert conn.execute(CREDITS).fetchall()[: len(first)] == first
    with pytest.raises(ConfigurationError, match="does not have an earlier model state"):
        rollback(conn, "kiel")
    assert refit(conn, FixedClock(AT + timedelta(days=2))) == ["kiel"]
    unify(conn, "on")
    assert shown(conn) == {old: False, new: True}
    # The shown set and the one before keep their rows.
    assert conn.execute("select count(distinct credit_set_id) from core.credit").fetchone() == (2,)


def test_growth_does_not_take_back_a_rollback(
    filled: tuple[Connection, list[Journey]],
) -> None:
    conn, _ = filled
    unify(conn, "first")
    (old,) = shown(conn)
    put(conn, made(2, 900), first=1001)
    unify(conn, "second")
    assert len(shown(conn)) == 2 and not shown(conn)[old]
    rollback(conn, "kiel", old)
    unify(conn, "third")
    assert shown(conn)[old]


def test_the_confidence_of_every_channel_is_shown_under_every_model(
    filled: tuple[Connection, list[Journey]],
) -> None:
    conn, journeys = filled
    unify(conn, "first")
    rows = conn.execute(
        "select model, count(*), sum(share), sum(conversions), bool_and(p05_share <= p50_share"
        " and p50_share <= p95_share and rank_stability between 0 and 1 and disagreement >= 0),"
        " bool_and(p95_share > p05_share) from mart.channel_confidence group by 1"
    ).fetchall()
    won = sum(converts for _, converts in journeys)
    assert {row[0] for row in rows} == set(ALL_MODELS)
    for _, channels, share, conversions, is_ordered, is_wide in rows:
        assert channels == len(CHANNELS)
        assert share == pytest.approx(1)
        assert conversions == pytest.approx(won)
        assert is_ordered and is_wide
    best = conn.execute(
        "select channel from mart.channel_confidence where model = 'markov' and channel_rank = 1"
    ).fetchone()
    assert best == ("email",)


def test_a_lift_test_stands_beside_what_each_model_credits(
    filled: tuple[Connection, list[Journey]],
) -> None:
    conn, _ = filled
    unify(conn, "first")
    for low, high in ((1, 2), (0, 500)):  # entered, then corrected
        conn.execute(
            "select ops.add_lift_test('kiel', 'email', '2026-08-01', '2026-09-01', 'switch-off',"
            " 'ann', %s, conversions => %s, conversions_low => %s, conversions_high => %s)",
            (AT, low, low, high),
        )
    rows = conn.execute(
        "select t.model, t.model_conversions, t.conversions_agree, t.amount_agrees,"
        " t.model_amount from mart.lift_test as t order by 1"
    ).fetchall()
    assert {row[0] for row in rows} == set(CREDIT_MODELS)
    credited = conn.execute(
        "select sum(shapley_share), sum(shapley_amount) from mart.order_credit"
        " where channel = 'email'"
    ).fetchone()
    assert credited is not None
    (shapley,) = [row for row in rows if row[0] == "shapley"]
    assert shapley[1] == pytest.approx(credited[0])
    assert shapley[2:] == (True, None, credited[1])


def _rows(conn: Connection) -> dict[int, list[tuple[Any, ...]]]:
    """Place and writing transaction of every credit, by conversion."""
    found: dict[int, list[tuple[Any, ...]]] = {}
    for conversion, *row in conn.execute(
        "select conversion_id, ctid::text, xmin::text, touch_id, linear_amount,"
        " markov_per_order_amount from core.credit order by 1, 4"
    ).fetchall():
        found.setdefault(conversion, []).append(tuple(row))
    return found


def test_late_touch_refund_and_edit_move_only_their_own_orders(
    filled: tuple[Connection, list[Journey]],
) -> None:
    """A day's rows are rebuilt whole; of its orders three really changed."""
    conn, journeys = filled
    unify(conn, "first")
    won = [n for n, (_, converts) in enumerate(journeys, start=1) if converts]
    late, refunded, gone = won[0], won[1], won[2]
    before = _rows(conn)
    with conn.transaction():
        candidates.open_run(conn, "second", [])
        # What build would have left in work: the changed day, all of its rows.
        conn.execute("insert into work.scope values ('kiel', 'shopify', 'kiel', %s)", (DAY,))
        conn.execute("insert into work.scope values ('kiel', 'files', 'main', %s)", (DAY,))
        for table in ("conversion", "touch"):
            conn.execute(
                f"insert into work.{table} select * from core.{table}"
                " where source_day = %s".encode(),
                (DAY,),
            )
        conn.execute(
            "insert into work.touch select store_id, 7000000, connector, account_id,"
            " evidence_type, occurred_at - interval '1 minute', touch_day, identifier, source_raw,"
            " medium_raw, campaign_raw, source, medium, campaign, click_id_type, 'affiliate',"
            " device, country, lookback_days, source_day, load_id from core.touch"
            " where touch_id = %s",
            (10 * late,),
        )
        conn.execute(
            "update work.conversion set value_amount = 4.56 where conversion_id = %s", (refunded,)
        )
        conn.execute("delete from work.conversion where conversion_id = %s", (gone,))
        attribute.attribute(conn, AT)
    check_credits(conn, "second", FixedClock(AT))
    publish.publish(conn, "second", AT)
    after = _rows(conn)
    moved = {n for n in before.keys() | after.keys() if before.get(n) != after.get(n)}
    assert moved == {late, refunded, gone}
    assert len(after[late]) == len(before[late]) + 1
    assert sum(row[4] for row in after[refunded]) == Decimal("4.56")
    assert gone not in after
    assert len(before) > 150


DAY = NOON.date()


def test_the_command_lists_and_compares_versions(
    filled: tuple[Connection, list[Journey]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tributary.local import models as command

    conn, _ = filled
    monkeypatch.setattr(command, "_open", lambda found: nullcontext(conn))
    nowhere: Any = None
    assert "No store has a model version yet" in command.run_list(nowhere, "table")
    with pytest.raises(ConfigurationError, match="no store 'elsewhere'; there are kiel"):
        command.run_compare(nowhere, "elsewhere", "purchase", "", "", "markov", "table")
    with pytest.raises(ConfigurationError, match="no store 'elsewhere'; there are kiel"):
        command.run_rollback(nowhere, "elsewhere", "purchase", "")
    unify(conn, "first")
    with pytest.raises(ConfigurationError, match="two are needed"):
        command.run_compare(nowhere, "kiel", "purchase", "", "", "markov", "table")
    put(conn, made(9, 300), first=1001)
    refit(conn, FixedClock(AT + timedelta(days=1)))
    old, new = command.run_list(nowhere, "table").splitlines()[2:4]
    assert old.split()[0] == new.split()[0] == "kiel"
    assert "shown" in old and "next run, refit" in new
    text = command.run_compare(nowhere, "kiel", "purchase", "", "", "markov", "csv")
    assert len(text.splitlines()) == 1 + len(CHANNELS)
    assert {line.split(",")[-1] for line in text.splitlines()[1:]} <= {"within", "outside"}
