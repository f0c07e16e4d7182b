"""Models of registrations and leads beside those of purchases."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.mart.attributed import AT
from tributary.attribution import CREDIT_MODELS
from tributary.cli.versions import TYPES
from tributary.clock import FixedClock
from tributary.errors import ConfigurationError
from tributary.pipeline.goal import CONVERSION_TYPES
from tributary.pipeline.refit import refit, rollback
from tributary.warehouse.connection import Connection

from .learning import CREDITS, Journey, shown, unify


def add_leads(conn: Connection, condition: str) -> int:
    """A lead worth 1.00 with every purchase that is so."""
    return conn.execute(
        "insert into core.conversion select store_id, 'lead', conversion_id + 100000, connector,"
        " account_id, 'lead ' || order_id, converted_at, conversion_day, identifier, 1.00,"
        " currency_code, null, source_day, load_id from core.conversion as v"
        f" where conversion_type = 'purchase' and {condition}".encode()
    ).rowcount


def test_each_type_of_conversion_has_models_of_its_own(
    filled: tuple[Connection, list[Journey]],
) -> None:
    conn, _ = filled
    unify(conn, "purchases")
    confidence = conn.execute("select * from mart.channel_confidence order by 2, 3").fetchall()
    shown_before = shown(conn)
    credits = conn.execute(CREDITS).fetchall()
    leads = add_leads(conn, "conversion_id % 3 > 0")
    unify(conn, "leads")
    learned = dict(
        conn.execute("select model_state_id, conversions from core.model_state").fetchall()
    )
    (lead,) = learned.keys() - shown_before.keys()
    assert lead.startswith("lead-") and learned[lead] == leads > 100
    assert conn.execute("select * from mart.channel_confidence order by 2, 3").fetchall() == (
        confidence
    )
    assert conn.execute(CREDITS).fetchall() == credits
    assert refit(conn, FixedClock(AT)) == []
    more = add_leads(conn, "conversion_id % 3 = 0 and conversion_id % 2 = 0")
    assert refit(conn, FixedClock(AT + timedelta(days=1))) == ["kiel (lead)"]
    unify(conn, "more leads")
    totals = conn.execute(
        "select conversion_type, model, round(sum(credited_conversions)::numeric, 6),"
        " sum(credited_amount) from mart.channel_conversions group by 1, 2"
    ).fetchall()
    sold = len({row[0] for row in credits})
    assert len(totals) == 2 * len(CREDIT_MODELS)
    for kind, _, count, value in totals:
        expected = (
            (leads + more, leads + more) if kind == "lead" else (sold, sold * Decimal("10.01"))
        )
        assert (count, value) == expected
    assert rollback(conn, "kiel", conversion_type="lead") == lead
    unify(conn, "back")
    assert {version for version, is_shown in shown(conn).items() if is_shown} == {
        lead,
        *shown_before,
    }
    with pytest.raises(ConfigurationError, match="earlier model state of its purchases"):
        rollback(conn, "kiel")
    assert TYPES == CONVERSION_TYPES  # of the command and of the pipeline
