"""ops.channel: one grouping for spend and touches, after GA4's default channel grouping."""

from __future__ import annotations

import pytest
from tributary.warehouse.connection import Connection

CASES = [
    ("google", "cpc", "", "", "paid_search"),
    ("Google", "organic", "", "", "organic_search"),
    ("FB", "paid+social", "", "", "paid_social"),
    ("m.facebook.com", "referral", "", "", "organic_social"),
    ("l.instagram.com", "referral", "", "", "organic_social"),
    ("www.google.com", "referral", "", "", "organic_search"),
    ("youtube.com", "referral", "", "", "organic_video"),
    ("youtube", "cpc", "", "", "paid_video"),
    ("tiktok", "paid", "us_serum", "", "paid_social"),
    ("amazon.com", "referral", "", "", "organic_shopping"),
    ("google", "cpc", "shopping_brand", "", "paid_shopping"),
    ("(direct)", "(none)", "(not set)", "", "direct"),
    ("", "", "", "", "direct"),
    ("null", "undefined", "", "", "direct"),
    ("klaviyo", "Email", "welcome", "", "email"),
    ("newsletter", "", "", "", "email"),
    ("", "", "", "gclid", "paid_search"),
    ("google", "organic", "", "gclid", "paid_search"),
    ("", "", "", "ttclid", "paid_social"),
    ("facebook", "", "", "fbclid", "organic_social"),
    ("blog.example.com", "referral", "", "", "referral"),
    ("shopmate", "affiliate", "", "", "affiliate"),
    ("lena", "influencer", "", "", "influencer"),
    ("acme", "cpm", "", "", "display"),
    ("acme", "cpc", "", "", "paid_other"),
    ("acme", "odd", "", "", "other"),
]


def channel(
    conn: Connection, source: str, medium: str, campaign: str, click: str, hint: str = ""
) -> str:
    row = conn.execute(
        "select ops.channel('shop', ops.normalise_source(%s), ops.normalise_term(%s),"
        " ops.normalise_term(%s), %s, %s)",
        (source, medium, campaign, click, hint),
    ).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize(("source", "medium", "campaign", "click", "expected"), CASES)
def test_traffic_is_grouped_as_the_default_channel_grouping_does(
    warehouse: Connection, source: str, medium: str, campaign: str, click: str, expected: str
) -> None:
    assert channel(warehouse, source, medium, campaign, click) == expected


def test_a_channel_that_a_file_states_is_taken_as_it_is(warehouse: Connection) -> None:
    assert channel(warehouse, "google", "cpc", "", "", " Search-Brand ") == "Search-Brand"


def test_a_stores_own_rule_outranks_everybodys_and_the_defaults(warehouse: Connection) -> None:
    warehouse.execute(
        "insert into ops.channel_rule (store_id, priority, source_pattern, channel) values"
        " ('', 1, '^google$', 'everybody'), ('shop', 9, '^google$', 'ours')"
    )
    assert channel(warehouse, "Google", "cpc", "", "") == "ours"
    assert channel(warehouse, "bing", "cpc", "", "") == "paid_search"


def test_every_category_of_the_source_list_is_there(warehouse: Connection) -> None:
    rows = warehouse.execute("select category, count(*) from ops.source_category group by 1")
    counts = dict(rows.fetchall())
    assert {k: v >= 45 for k, v in counts.items()} == dict.fromkeys(
        ["search", "shopping", "social", "video"], True
    )
