from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tributary.sandbox import drop, ga4, spend
from tributary.sandbox.catalog import STORES
from tributary.sandbox.world import World

SAMPLE = (
    Path(__file__).resolve().parents[2]
    / "../shared/data/touchpoints/ga4_events_sample_2020-11_2020-12.parquet"
)


def test_event_days_have_the_shape_of_the_vendors_export(world: World) -> None:
    if not SAMPLE.exists():
        pytest.skip("../shared/data is absent")
    real = pq.read_schema(SAMPLE)
    ours = ga4.SCHEMA
    shared = set(real.names) & set(ours.names)
    assert {"event_params", "ecommerce", "traffic_source", "device", "geo"} <= shared
    assert ours.field("event_params").type.value_type.field("value").type == (
        real.field("event_params").type.value_type.field("value").type
    )
    for name in ("traffic_source", "geo", "device"):
        known = {
            real.field(name).type.field(i).name for i in range(real.field(name).type.num_fields)
        }
        kind = ours.field(name).type
        assert {kind.field(i).name for i in range(kind.num_fields)} <= known


def test_an_event_lies_in_the_file_of_its_stores_day(world: World) -> None:
    days = ga4.days(world, STORES["prairie"])
    assert len(days) >= 45
    for day, rows in days.items():
        assert {row["event_date"] for row in rows} == {f"{day:%Y%m%d}"}
    # Chicago is behind UTC: the last day ends at midnight UTC, in the middle of its evening.
    assert max(days) == world.as_of - timedelta(days=1)


def test_purchases_carry_the_shops_order_id_and_some_are_missing_or_repeated(world: World) -> None:
    store = STORES["nordlicht"]
    orders = {str(s.order.id) for s in world.orders(store) if not s.order.is_test}
    sent = Counter(
        row["ecommerce"]["transaction_id"]
        for rows in ga4.days(world, store).values()
        for row in rows
        if row["event_name"] == "purchase"
    )
    lost = sent.pop(None, 0)
    assert lost > 0
    assert set(sent) <= orders
    assert 0.7 < len(sent) / len(orders) < 0.9
    assert max(sent.values()) == 2


def test_spend_is_complete_but_for_the_last_three_days(world: World) -> None:
    later = World(world.seed, world.as_of + timedelta(days=10), world.first_day)
    old, new = (_spend(w) for w in (world, later))
    assert len(old) > 200
    assert set(old) <= set(new)
    grown = {key[0] for key, amount in old.items() if amount != new[key]}
    assert grown == {str(world.as_of - timedelta(days=n)) for n in (1, 2, 3)}


def test_files_are_replaced_only_when_they_differ(world: World, tmp_path: Path) -> None:
    assert drop.write(world, tmp_path) > 45
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert drop.write(world, tmp_path) == 0
    assert stamps == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()}


def test_moving_back_removes_our_files_and_no_other(world: World, tmp_path: Path) -> None:
    drop.write(world, tmp_path)
    note = tmp_path / "nordlicht" / "notes.csv"
    note.write_text("mine")
    earlier = World(world.seed, date(2026, 11, 1), world.first_day)
    drop.write(earlier, tmp_path)
    names = sorted(path.name for path in (tmp_path / "nordlicht").iterdir())
    assert names == sorted([*drop.contents(earlier, STORES["nordlicht"]), "notes.csv"])


def test_an_export_comes_one_way_only(world: World, tmp_path: Path) -> None:
    drop.write(world, tmp_path)
    days = {s.id: len(list((tmp_path / s.id).glob("events_*"))) for s in STORES.values()}
    assert days["nordlicht"] >= 45
    assert days["prairie"] == 0


def _spend(world: World) -> dict[tuple[str, str], str]:
    rows = csv.DictReader(io.StringIO(spend.text(world, STORES["nordlicht"])))
    return {(row["date"], row["campaign_id"]): row["spend"] for row in rows}
