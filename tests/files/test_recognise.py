"""What a folder is: its own mapping, a shipped one, or a draft to edit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tributary.connectors.files import CONNECTOR, recognise
from tributary.connectors.files.mapping import shipped
from tributary.errors import ConfigurationError
from tributary.settings import Account

from .support import account_of, extract

SPEND = "date,channel,campaign_id,campaign_name,source,medium,spend,impressions,clicks,currency\n"


def test_every_shipped_mapping_is_valid() -> None:
    assert set(shipped()) >= {"clicks_sales_spend", "ga4_export", "generic_spend", "online_retail"}


def test_spend_is_known_by_its_header_and_gives_its_currency(tmp_path: Path) -> None:
    (tmp_path / "spend.csv").write_text(
        SPEND + "2026-08-01,paid_social,c1,Spring,tiktok,paid,10.50,100,3,CHF\n"
        "2026-08-01,paid_social,c1,Spring,tiktok,paid,,100,3,CHF\n"
    )
    found = recognise(tmp_path)
    assert (found.title, found.currency, found.order_source) == (
        "Spend per day and campaign",
        "CHF",
        "shop",
    )
    rows = extract(account_of(tmp_path), "spend")
    assert [(r["channel"], str(r["spend_amount"]), r["clicks"]) for r in rows.rows] == [
        ("paid_social", "10.50", 3)
    ]
    assert [bad.reason for bad in rows.rejected] == ["spend_amount is empty (column spend)"]


def test_the_real_sets_are_known(shared_data: Path) -> None:
    clicks = recognise(shared_data / "touchpoints/clicks_sales_spend")
    assert (clicks.timezone, clicks.currency, clicks.order_source) == ("UTC", "USD", "shop")
    assert len(clicks.files) == 3  # the channel names are a lookup
    retail = recognise(shared_data / "sales")
    assert (retail.timezone, retail.currency) == ("Europe/London", "GBP")
    sample = shared_data / "touchpoints/ga4_events_sample_2020-11_2020-12.parquet"
    events = recognise(sample)
    assert events.order_source == "event_export"
    assert events.files == (sample.name,)


def test_an_unknown_folder_prints_a_mapping_that_works_once_saved(tmp_path: Path) -> None:
    (tmp_path / "verkauf.csv").write_text(
        "Order Number;Order Date;Total;Customer ID;Qty\n7;2026-03-01;12.50;u9;2\n"
    )
    with pytest.raises(ConfigurationError) as caught:
        recognise(tmp_path)
    message = str(caught.value)
    assert "verkauf.csv: not known by its columns" in message
    draft = message[message.index("name: my_files") :]
    (tmp_path / "mapping.yml").write_text(draft)
    (row,) = extract(account_of(tmp_path), "order_line").rows
    assert (row["order_id"], str(row["gross_amount"]), row["user_key"], row["quantity"]) == (
        "7",
        "12.50",
        "u9",
        2,
    )


def test_what_cannot_be_guessed_is_marked(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ConfigurationError, match="FILL IN, required"):
        recognise(tmp_path)


def test_a_folder_that_is_missing_or_empty_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        recognise(tmp_path / "nowhere")
    with pytest.raises(ConfigurationError, match="holds no data files"):
        recognise(tmp_path)


def test_only_streams_with_files_are_read_and_an_unreadable_folder_says_so_at_its_loads(
    tmp_path: Path,
) -> None:
    (tmp_path / "spend.csv").write_text(
        "date,channel,campaign_id,campaign_name,source,medium,spend,impressions,clicks,currency\n"
        "2026-08-01,,c1,Brand,google,cpc,1.50,10,1,USD\n"
    )
    account = Account("shop", "files", "drop", "UTC", "USD", {"folder": str(tmp_path)})
    missing = Account("shop", "files", "drop", "UTC", "USD", {"folder": str(tmp_path / "no")})
    assert [stream.name for stream in CONNECTOR.streams_of(account)] == ["spend"]
    assert CONNECTOR.streams_of(missing) == list(CONNECTOR.streams)
