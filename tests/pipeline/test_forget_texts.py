"""Forgetting a person reaches every text of the warehouse, and no text is left out by accident."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.files.support import Loop
from tributary.clock import FixedClock
from tributary.connectors.shared.values import person_key
from tributary.pipeline.forget import Person, forget
from tributary.warehouse import erased_texts, erasure
from tributary.warehouse.connection import Connection

from .test_forget import EMAIL, fill, fill_events, order

CLOCK = FixedClock(datetime(2026, 5, 1, tzinfo=UTC))
CUSTOMER, CLIENT = "7311009900", "rosas.browser"
# Text columns of ops and core.insight that say which, when, how: no prose, and nobody's name.
NO_PROSE = {
    *("account_id", "change", "check_name", "column_name", "connector", "content_hash", "dag_id"),
    *("currency_code", "decided_severity", "decision", "drift", "event", "file_name", "kind"),
    *(
        "mode",
        "rule",
        "run_id",
        "severity",
        "sent_to",
        "status",
        "store_id",
        "stream",
        "table_name",
    ),
    *("unit", "period", "method", "decided_by", "who", "entered_by", "quota", "phase_seconds"),
    *("row_counts", "source", "backfill", "feed", "channel", "source_pattern", "medium_pattern"),
    *(
        "alias",
        "category",
        "identity",
        "attribution",
        "campaign_pattern",
        "subject",
        "version",
        "name",
        "checksum",
        "built",
        "weekday",
    ),
}
# These forget replaces value by value; their words stay equal where people were.
BY_VALUE = {"ops.revision", "ops.identity_change", "ops.forgotten"}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIBUTARY_KEY", "00ff" * 16)


@pytest.fixture
def rosa(warehouse: Connection, tmp_path: Path) -> Loop:
    """She bought twice: by e-mail, and under a customer id that her browser is joined with."""
    fill(tmp_path, order(3, 5, CUSTOMER, "12.00"))
    fill_events(tmp_path)
    loop = Loop(warehouse, tmp_path)
    loop.run()
    return loop


def places(conn: Connection, values: Iterable[str]) -> dict[str, set[str]]:
    """Where each value stands: every column of every table of every schema of ours, as text."""
    columns = conn.execute(
        "select format('%I.%I', table_schema, table_name), column_name"
        " from information_schema.columns join information_schema.tables"
        " using (table_schema, table_name) where table_type = 'BASE TABLE'"
        " and table_schema not in ('pg_catalog', 'information_schema')"
        " and table_schema not like 'pg_t%%' order by 1, 2"
    ).fetchall()
    assert len({table for table, _ in columns}) > 40
    wanted = list(values)
    found: dict[str, set[str]] = {value: set() for value in wanted}
    for table, column in columns:
        rows = conn.execute(
            f"select v from unnest(%s::text[]) as v where exists (select 1 from {table} as t"
            f' where strpos(lower(t."{column}"::text), lower(v)) > 0)'.encode(),
            (wanted,),
        ).fetchall()
        for (value,) in rows:
            found[value].add(f"{table}.{column}")
    return found


def short(value: str) -> str:
    return "hidden-" + hashlib.md5(value.encode()).hexdigest()[:8]


def plant(conn: Connection, values: list[str]) -> None:
    """What older versions, a database's error and people's notes may have written of her."""
    said = f"Key (store_id, identifier)=(shop, client:{CLIENT}): " + ", ".join(values)
    given = {
        "said": said,
        "row": f'{{"identifier": "{values[0]}", "customer_id": {CUSTOMER}, "n": [{CUSTOMER}, 1]}}',
    }
    for statement in (
        "update ops.unify_run set message = %(said)s",
        "update ops.load set error = %(said)s where load_id = (select min(load_id) from ops.load)",
        "update ops.check_result set detail = %(said)s, worst_rows = jsonb_build_array("
        " %(row)s::jsonb) where check_name = (select min(check_name) from ops.check_result)",
        "insert into ops.incident (subject, kind, summary, detail, dag_id, run_id, opened_at,"
        " last_seen_at) values ('unify', 'unify', %(said)s, %(said)s, 'unify', 'r', now(), now())",
        "insert into ops.insight (insight_id, store_id, rule, subject, period, is_present,"
        " found_at, facts, note) values (1, 'shop', 'r', 's', 'p', true, now(), %(row)s, %(said)s)",
        "insert into ops.insight_event (insight_id, event, at, who, note, facts)"
        " values (1, 'found', now(), 'ann', %(said)s, %(row)s)",
    ):
        conn.execute(statement.encode(), given)


def test_no_column_of_any_table_names_who_was_forgotten(rosa: Loop) -> None:
    conn, hashed = rosa.conn, person_key(EMAIL)
    shorts = [short(f"{kind}:{v}") for kind, v in (("user", hashed), ("client", CLIENT))]
    shorts += [short(hashed), short(CLIENT), short(f"user:{CUSTOMER}"), short(CUSTOMER)]
    values = [EMAIL, hashed, CUSTOMER, CLIENT, *shorts]
    plant(conn, [*shorts, EMAIL, hashed, CUSTOMER])
    before = places(conn, values)
    assert all(before.values()), before
    for value in values:
        assert {"ops.unify_run.message", "ops.incident.detail", "ops.load.error"} <= before[value]
    assert {"ops.check_result.worst_rows", "ops.insight_event.facts"} <= before[CUSTOMER]
    assert "core.sales_order.customer_id" in before[CUSTOMER] & before[hashed]

    person = Person(emails=[EMAIL], users=[CUSTOMER])
    told = forget(conn, "shop", person, CLOCK, dry_run=True)
    assert places(conn, values) == before
    done = forget(conn, "shop", person, CLOCK)
    assert (done.unpublished, done.rows) == ("", told.rows)
    assert places(conn, values) == {value: set() for value in values}
    # What was said of nobody stays, and documents are documents.
    assert rosa.one("select message like 'Key (store_id, identifier)=(shop, forgotten%' from"
                    " ops.unify_run order by started_at limit 1") == (True,)  # fmt: skip
    assert rosa.one("select facts from ops.insight_event where insight_id = 1 and who = 'ann'") == (
        {"identifier": "forgotten", "customer_id": None, "n": [None, 1]},
    )
    with pytest.raises(Exception, match="append-only"):
        conn.execute("update ops.insight_event set note = ''")


def test_a_short_id_does_not_eat_the_numbers_and_words_of_a_text(rosa: Loop) -> None:
    rosa.conn.execute("update ops.unify_run set message = '12 of 120 rows: user:12, u12, 12'")
    gone = {("user", "12"): "w1", ("customer", "shop"): "w2"}
    erasure.note_values(rosa.conn, gone)
    values = erased_texts.values_gone(rosa.conn)
    erased_texts.replace_in_texts(rosa.conn, "shop", values)
    assert rosa.one("select min(message) from ops.unify_run") == (
        "12 of 120 rows: forgotten, u12, 12",
    )


def test_every_text_column_is_prose_that_forget_rewrites_or_names_nobody(
    warehouse: Connection,
) -> None:
    rows = warehouse.execute(
        "select table_schema || '.' || table_name, column_name from information_schema.columns"
        " join information_schema.tables using (table_schema, table_name)"
        " where table_type = 'BASE TABLE' and data_type in ('text', 'jsonb', 'ARRAY')"
        " and (table_schema = 'ops' or (table_schema, table_name) = ('core', 'insight'))"
    ).fetchall()
    known = {(table, c) for table, columns in erased_texts.TEXTS.items() for c in columns}
    assert known <= set(rows)
    left = {
        (table, column)
        for table, column in set(rows) - known
        if table not in BY_VALUE and column not in NO_PROSE
    }
    assert left == set(), "prose goes to warehouse/erased_texts.py, other columns to NO_PROSE here"
