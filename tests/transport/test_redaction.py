"""Secrets and e-mail addresses are hidden in whatever shape they come; prose stays."""

from __future__ import annotations

import io
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tributary.transport.redaction import RedactingFilter, redact, remember_secret

TOKEN = "shpat_0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (f"X-Shopify-Access-Token: {TOKEN}", TOKEN),
        (f"token is {TOKEN}.", TOKEN),
        ("Authorization: Bearer abcDEF123456.ghi", "abcDEF123456.ghi"),
        ("headers=[(b'X-Shopify-Access-Token', b'plain-secret')]", "plain-secret"),
        ("{'password': 'p w', 'host': 'x'}", "p w"),
        ('{"client_secret": "q\\"uote", "a": 1}', 'q\\"uote'),
        ("https://x.example/?access_token=abc&page=2", "abc"),
        ("postgresql://loader:s3cret@127.0.0.1:5432/w", "s3cret"),
        ("Set-Cookie: session=abcdef0123456789; Path=/", "abcdef0123456789"),
        ("api_key=pk_0123456789abcdef0123456789abcdef", "pk_0123"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "eyJhbGci"),
        ("order of ada.lovelace+shop@mail.example.co.uk failed", "lovelace"),
        ("/?email=ada%40example.com", "ada%40example"),
    ],
)
def test_it_is_hidden(text: str, hidden: str) -> None:
    assert hidden in text
    assert hidden not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "shopify rejected the token: renew it",
        "page=2&first=10 took 3.5 s",
        "status:any AND updated_at:>='2026-11-01T00:00:00Z'",
        "https://shop.example/products/serum?utm_source=tiktok",
        "the secret of success @ work",
    ],
)
def test_prose_stays(text: str) -> None:
    assert redact(text) == text


@given(st.text(max_size=200))
def test_redacting_twice_is_redacting_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)


def test_a_known_secret_is_hidden_whatever_its_shape() -> None:
    remember_secret("correct horse battery")
    assert redact("it said correct horse battery!") == "it said [hidden]!"


def test_the_filter_cleans_arguments_and_tracebacks() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactingFilter())
    logger = logging.getLogger("tests.redaction")
    logger.propagate = False
    logger.addHandler(handler)
    try:
        raise ValueError(f"bad {TOKEN}")
    except ValueError:
        logger.exception("asked with %s for %s", TOKEN, "ada@example.com")
    logger.removeHandler(handler)
    text = stream.getvalue()
    assert "ValueError" in text and "[hidden]" in text
    assert TOKEN not in text and "ada@example.com" not in text
