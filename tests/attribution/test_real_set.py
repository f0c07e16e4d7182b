"""The clicks_sales_spend set: 117 of its 200 sales have an earlier click, 83 have none."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from tributary.attribution import MODELS, AttributionConfig, Conversions, Touches, attribute
from tributary.money import to_minor

FOLDER = Path(__file__).resolve().parents[2] / "../shared/data/touchpoints/clicks_sales_spend"


def read(name: str) -> list[dict[str, str]]:
    if not FOLDER.is_dir():
        pytest.skip("../shared/data is absent")
    with (FOLDER / name).open(newline="") as file:
        return list(csv.DictReader(file))


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def test_sales_without_an_earlier_click_are_unattributed_and_no_cent_is_lost() -> None:
    clicks, sales = read("clicks_sample.csv"), read("sales_sample.csv")
    assert (len(clicks), len(sales)) == (2_067, 200)
    touches = Touches(
        np.arange(1, len(clicks) + 1),
        np.array([int(row["user_id"]) for row in clicks]),
        np.array([micros(row["click_datetime"]) for row in clicks]),
        np.full(len(clicks), "click"),
        np.zeros(len(clicks), dtype=np.bool_),
        np.full(len(clicks), 366),
    )
    minor = [to_minor(Decimal(row["revenue"]), "USD") for row in sales]
    credits = attribute(
        touches,
        Conversions(
            np.array([int(row["sale_id"]) for row in sales]),
            np.array([int(row["user_id"]) for row in sales]),
            np.array([micros(row["sale_datetime"]) for row in sales]),
            np.array(minor),
        ),
        AttributionConfig(),
    )
    alone = credits.touch_id == 0
    assert len(np.unique(credits.conversion_id[~alone])) == 117
    assert len(np.unique(credits.conversion_id[alone])) == alone.sum() == 83
    for model in MODELS:
        assert credits.amounts[model].sum() == sum(minor), model
        assert credits.shares[model].sum() == pytest.approx(200, abs=1e-9), model
    last = earlier_clicks(clicks, sales)
    found = dict(
        zip(
            credits.conversion_id[credits.shares["last"] == 1].tolist(),
            credits.touch_id[credits.shares["last"] == 1].tolist(),
            strict=True,
        )
    )
    assert found == last


def earlier_clicks(clicks: list[dict[str, str]], sales: list[dict[str, str]]) -> dict[int, int]:
    """Sale -> line of the person's last click not after it, 0 if none; by plain comparison."""
    return {
        int(sale["sale_id"]): max(
            (
                (click["click_datetime"], line)
                for line, click in enumerate(clicks, 1)
                if click["user_id"] == sale["user_id"]
                and click["click_datetime"] <= sale["sale_datetime"]
            ),
            default=("", 0),
        )[1]
        for sale in sales
    }
