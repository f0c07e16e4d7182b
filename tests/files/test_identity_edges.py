"""What joins people beyond user, browser and order: a click, an e-mail address, a device; and what
a session says of consent.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tributary.clock import FixedClock
from tributary.connectors.shared.values import click_key, person_key
from tributary.pipeline.forget import Person, forget

from .support import Loop
from .test_core import event, write

CLICK, EMAIL = "Cj0KCQiA1234567890", "Rosa.Klein@example.org"
MAPPING = """
name: newsletter
files:
  - match: ["*.parquet"]
    rows: [{kind: ga4_event}]
  - match: ["touches*.csv"]
    rows:
      - kind: touch
        key: [id]
        columns:
          occurred_at: at
          user_key: member
          source: source
          email: mail
          click_key: clicked
          device_id: device
          ads_consent: consent
  - match: ["orders*.csv"]
    rows:
      - kind: order_line
        key: [id]
        columns:
          order_id: id
          ordered_at: at
          user_key: buyer
          gross_amount: total
          click_key: landing_page
"""
TOUCHES = "id,at,member,source,mail,clicked,device,consent\n"
ORDERS = "id,at,buyer,total,landing_page\n"


def agreed(said: str, at: str, **more: Any) -> dict[str, Any]:
    return event(at, **more) | {"privacy_info": {"analytics_storage": "Yes", "ads_storage": said}}


def fill(folder: Path) -> None:
    """Rosa clicks an ad in a browser that never says who it is, opens two newsletters as member m1,
    and orders with her address, from a page that carries the click.
    """
    (folder / "mapping.yml").write_text(MAPPING)
    ad = {"user": "rosas.browser", "collected": {"gclid": CLICK}}
    write(
        folder,
        agreed("No", "2026-03-01T10:00", **ad),
        agreed("Yes", "2026-03-01T10:01", user="rosas.browser", session=1),
        agreed("Yes", "2026-03-02T10:00", user="b2", session=2),
        agreed("No", "2026-03-02T10:01", user="b2", session=2),
        agreed("Unset", "2026-03-03T10:00", user="b3", session=3),
    )
    (folder / "touches.csv").write_text(
        TOUCHES
        + f"1,2026-03-02T08:00,m1,newsletter,{EMAIL},,phone-1,granted\n"
        + "2,2026-03-03T08:00,m2,newsletter,,,phone-1,denied\n"
        + "3,2026-03-03T08:00,m3,newsletter,,{gclid},phone-3,\n"
    )
    landed = f"https://www.shop.example/p?gclid={CLICK}&email=x"
    (folder / "orders.csv").write_text(
        ORDERS + f"o1,2026-03-05T12:00,{EMAIL.lower()},40,{landed}\no2,2026-03-05T12:00,u2,30,\n"
    )


@pytest.fixture
def rosa(tmp_path: Path, loop: Callable[[Path], Loop]) -> Loop:
    fill(tmp_path)
    run = loop(tmp_path)
    run.run()
    return run


def people(run: Loop) -> set[frozenset[str]]:
    rows = run.rows("select array_agg(identifier) from core.identity group by person_id")
    return {frozenset(row[0]) for row in rows}


def credited(run: Loop) -> list[tuple[Any, ...]]:
    return run.rows(
        "select order_id, channel, sum(linear_amount) from mart.order_credit"
        " group by 1, 2 order by 1, 2"
    )


def test_click_address_and_device_join_the_person(rosa: Loop) -> None:
    hashed = person_key(EMAIL)
    assert people(rosa) == {
        frozenset(
            {
                "order:files:o1",
                f"user:{hashed}",
                f"email:{hashed}",
                f"click:{click_key(CLICK)}",
                "client:rosas.browser",
                "user:m1",
                "user:m2",
                "device:phone-1",
            }
        ),
        # A link's unfilled placeholder is no click.
        frozenset({"device:phone-3", "user:m3"}),
        frozenset({"order:files:o2", "user:u2"}),
    }
    # The ad, and two newsletters on the way to the order of 40.
    rows = rosa.rows(
        "select t.identifier, c.linear_share from core.credit as c join core.touch as t"
        " using (store_id, touch_id) join core.conversion as v using (store_id, conversion_id)"
        " where v.order_id = 'o1' order by t.occurred_at"
    )
    assert [who for who, _ in rows] == ["client:rosas.browser", "user:m1", "user:m2"]
    assert sum(share for _, share in rows) == pytest.approx(1)


def test_neither_address_nor_click_id_is_kept(rosa: Loop) -> None:
    for table in ("files__touch", "files__order_line", "files__ga4_event"):
        for value in (EMAIL, CLICK):
            found = rosa.one(
                f"select count(*) from staging.{table} as t where t::text ilike '%{value}%'"
            )
            assert found == (0,), (table, value)


def test_a_session_has_the_consent_it_ended_with(rosa: Loop) -> None:
    assert rosa.rows("select identifier, ads_consent from core.touch order by 1, 2") == [
        ("client:b2", "denied"),
        ("client:b3", ""),
        ("client:rosas.browser", "granted"),
        ("user:m1", "granted"),
        ("user:m2", "denied"),
        ("user:m3", ""),
    ]
    # Without it a touch counts all the same.
    assert rosa.rows(
        "select ads_consent, is_counted from mart.explain_order where order_id = 'o1'"
        " order by touched_at"
    ) == [("granted", True), ("granted", True), ("denied", True)]


def test_a_consent_of_another_word_is_a_line_that_does_not_fit(rosa: Loop, tmp_path: Path) -> None:
    (tmp_path / "touches.csv").write_text(TOUCHES + "9,2026-03-02T08:00,m9,x,,,,maybe\n")
    rosa.run()
    assert rosa.one("select reason from ops.quarantine where resolved_at is null") == (
        "ads_consent 'maybe' is none of granted, denied, yes, no",
    )


def test_who_is_forgotten_stays_one_person_of_nobodys(rosa: Loop, tmp_path: Path) -> None:
    before, sizes = credited(rosa), sorted(map(len, people(rosa)))
    assert before
    clock = FixedClock(datetime(2026, 5, 1, tzinfo=UTC))
    assert forget(rosa.conn, "shop", Person(emails=[EMAIL]), clock).unpublished == ""
    known = [person_key(EMAIL), click_key(CLICK), "rosas.browser", "phone-1"]
    for again in (False, True):
        if again:
            path = tmp_path / "touches.csv"
            path.write_text(path.read_text() + "4,2026-04-03T08:00,m4,newsletter,,,,\n")
            for export in tmp_path.glob("*.parquet"):
                export.unlink()
            fill_again = path.read_text()
            fill(tmp_path)
            path.write_text(fill_again)
            rosa.run()
        for table in ("staging.files__touch", "staging.files__order_line", "core.identity_edge",
                      "staging.files__ga4_event", "core.identity", "core.touch"):  # fmt: skip
            text = str(rosa.rows(f"select t::text from {table} as t"))
            assert [value for value in known if value in text] == [], (table, again)
        assert credited(rosa) == before
        assert sorted(map(len, people(rosa))) == sizes


def everywhere(run: Loop) -> str:
    """What staging, quarantine, core and the ledger hold, as text."""
    tables = run.rows(
        "select format('%I.%I', schemaname, tablename) from pg_tables"
        " where schemaname in ('staging', 'core', 'ops')"
    )
    return "".join(str(run.rows(f"select t::text from {table} as t")) for (table,) in tables)


def test_no_click_of_who_is_forgotten_survives(rosa: Loop, tmp_path: Path) -> None:
    # The link was sent on, and stands in a line that does not fit: by now it joins nobody.
    write(
        tmp_path,
        event("2026-03-04T10:00", user="b2", collected={"gclid": CLICK}),
    )
    path = tmp_path / "touches.csv"
    path.write_text(path.read_text() + f"9,2026-03-02T08:00,m9,x,,{CLICK},,maybe\n")
    rosa.run()
    assert rosa.rows("select identifier, others_met from core.identity_hub") == [
        (f"click:{click_key(CLICK)}", 2)
    ]
    before, sizes = credited(rosa), sorted(map(len, people(rosa)))
    known = [CLICK, click_key(CLICK), "rosas.browser"]
    assert [value for value in known if value in everywhere(rosa)] == known

    clock = FixedClock(datetime(2026, 5, 1, tzinfo=UTC))
    assert forget(rosa.conn, "shop", Person(clients=["rosas.browser"]), clock).unpublished == ""
    later = {"user": "rosas.browser", "collected": {"gclid": "AnotherClick1234567"}}
    write(tmp_path, event("2026-04-01T10:00", **later))
    rosa.run()
    known.append(click_key("AnotherClick1234567"))
    assert [value for value in known if value in everywhere(rosa)] == []
    hubs = "select count(*) from core.identity_hub where identifier ~ '^click:forgotten-'"
    assert rosa.one(hubs) == (1,)
    assert credited(rosa) == before
    assert sorted(map(len, people(rosa))) == sizes


def test_who_is_forgotten_by_another_identifier_does_not_come_back_by_an_address(
    loop: Callable[[Path], Loop], tmp_path: Path
) -> None:
    fill(tmp_path)
    orders = (tmp_path / "orders.csv").read_text()
    (tmp_path / "orders.csv").write_text(ORDERS + "o2,2026-03-05T12:00,u2,30,\n")
    run = loop(tmp_path)
    run.run()
    clock = FixedClock(datetime(2026, 5, 1, tzinfo=UTC))
    assert forget(run.conn, "shop", Person(users=["m1"]), clock).unpublished == ""
    # The first order that names her by her address, as its user.
    (tmp_path / "orders.csv").write_text(orders)
    run.run()
    assert person_key(EMAIL) not in everywhere(run)
    buyer = run.one("select customer_id from core.sales_order where order_id = 'o1'")[0]
    assert buyer.startswith("forgotten-h")
