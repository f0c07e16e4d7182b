"""ops.channel: one grouping for spend and touches, after GA4's default channel grouping."""

from __future__ import annotations

import psycopg
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
    # A click id outranks the referrer, and says paid where the medium is missing.
    ("", "", "", "fbclid", "organic_social"),
    ("facebook.com", "paid", "", "fbclid", "paid_social"),
    ("www.google.com", "referral", "", "gbraid", "paid_search"),
    ("", "", "", "msclkid", "paid_search"),
    ("google", "display", "", "gclid", "display"),
    ("google", "cpc", "x_cross-network_y", "gclid", "paid_other"),
    ("", "", "", "dclid", "display"),
    ("google", "organic", "", "srsltid", "organic_shopping"),
    ("google", "cpc", "", "srsltid", "paid_search"),
    # A link with another campaign's click id in a newsletter is still the newsletter's.
    ("klaviyo", "email", "news", "gclid", "email"),
    ("newsletter", "cpc", "sponsored", "", "paid_other"),
    ("facebook", "social", "shop the look", "", "organic_social"),
    ("partner", "organic_social", "", "", "organic_social"),
    ("https://www.facebook.com/somewhere?x=1", "", "", "", "organic_social"),
    ("www.google.de", "referral", "", "", "organic_search"),
    ("amazon.co.uk", "referral", "", "", "organic_shopping"),
    # What GA4 withholds is unknown, not direct.
    ("<Other>", "<Other>", "<Other>", "", "other"),
    ("(data deleted)", "(data deleted)", "(data deleted)", "", "other"),
    ("<Other>", "referral", "(referral)", "", "referral"),
    ("google", "organic", "(organic)", "", "organic_search"),
    ("(direct)", "(none)", "(direct)", "", "direct"),
]

SPELLINGS = [
    ("FB", "facebook"),
    (" Facebook.com ", "facebook"),
    ("m.facebook.com", "facebook"),
    ("lm.facebook.com", "facebook"),
    ("ig", "instagram"),
    ("l.instagram.com", "instagram"),
    ("Tik+Tok", "tiktok"),
    ("google.co.uk", "google"),
    ("https://www.google.com/search?q=x", "google"),
    ("(direct)", "direct"),
    ("NULL", ""),
    ("undefined", ""),
    ("blog.example.com", "blog.example.com"),
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


@pytest.mark.parametrize(("received", "expected"), SPELLINGS)
def test_a_source_has_one_spelling(warehouse: Connection, received: str, expected: str) -> None:
    row = warehouse.execute("select ops.normalise_source(%s)", (received,)).fetchone()
    assert row == (expected,)


def test_terms_are_decoded_and_placeholders_emptied(warehouse: Connection) -> None:
    received = ["Spring+Sale", " spring%20%20SALE ", "(not set)", "(Organic)", None, "100%"]
    rows = warehouse.execute(
        "select ops.normalise_term(t) from unnest(%s::text[]) with ordinality as u (t, n)"
        " order by n",
        (received,),
    ).fetchall()
    assert [row[0] for row in rows] == ["spring sale", "spring sale", "", "", "", "100%"]


def test_a_rule_that_is_no_regular_expression_is_refused_when_entered(
    warehouse: Connection,
) -> None:
    with pytest.raises(psycopg.errors.InvalidRegularExpression):
        warehouse.execute(
            "insert into ops.channel_rule (store_id, priority, source_pattern, channel)"
            " values ('', 1, '(', 'broken')"
        )


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
