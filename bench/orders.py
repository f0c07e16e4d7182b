"""Orders in Shopify's shape, as many as wanted: what its connector would land, vendor aside."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from tributary.connectors.spec import Document, Page, Request

FIRST = date(2026, 1, 1)
DAYS = 100
PAGE = 250

_ORDER = """{"id":"gid://shopify/Order/%(n)d","legacyResourceId":"%(n)d","name":"#%(n)d",\
"test":false,"edited":false,"createdAt":"%(at)s","processedAt":"%(at)s","updatedAt":"%(at)s",\
"cancelledAt":null,"currencyCode":"EUR","presentmentCurrencyCode":"EUR","taxesIncluded":true,\
"sourceName":"web","discountCodes":[],"displayFinancialStatus":"PAID",\
"displayFulfillmentStatus":"FULFILLED",\
"totalPriceSet":{"shopMoney":{"amount":"%(total)s","currencyCode":"EUR"}},\
"currentTotalPriceSet":{"shopMoney":{"amount":"%(total)s","currencyCode":"EUR"}},\
"totalTaxSet":{"shopMoney":{"amount":"%(tax)s","currencyCode":"EUR"}},\
"totalDiscountsSet":{"shopMoney":{"amount":"0.0","currencyCode":"EUR"}},\
"totalRefundedSet":{"shopMoney":{"amount":"0.0","currencyCode":"EUR"}},\
"refundDiscrepancySet":{"shopMoney":{"amount":"0.0","currencyCode":"EUR"}},\
"customer":{"id":"gid://shopify/Customer/%(customer)d","legacyResourceId":"%(customer)d"},\
"shippingAddress":{"countryCodeV2":"DE","provinceCode":"BE"},\
"lineItems":{"pageInfo":{"hasNextPage":false,"endCursor":"e"},"nodes":[\
{"id":"gid://shopify/LineItem/%(n)d","sku":"SERUM-30","title":"Serum 30 ml","quantity":1,\
"currentQuantity":1,"isGiftCard":false,"product":{"id":"gid://shopify/Product/71"},\
"originalUnitPriceSet":{"shopMoney":{"amount":"%(total)s","currencyCode":"EUR"}},\
"originalTotalSet":{"shopMoney":{"amount":"%(total)s","currencyCode":"EUR"}},\
"discountAllocations":[],"taxLines":[{"title":"VAT 19%%",\
"priceSet":{"shopMoney":{"amount":"%(tax)s","currencyCode":"EUR"}}}]}]},\
"shippingLines":{"pageInfo":{"hasNextPage":false,"endCursor":null},"nodes":[]},"refunds":[],\
"transactions":[{"id":"gid://shopify/OrderTransaction/%(n)d","kind":"SALE","status":"SUCCESS",\
"gateway":"shopify_payments","processedAt":"%(at)s",\
"amountSet":{"shopMoney":{"amount":"%(total)s","currencyCode":"EUR"}}}],\
"transactionsCount":{"count":1,"precision":"EXACT"},\
"customerJourneySummary":{"ready":true,"customerOrderIndex":0,"daysToConversion":1,\
"moments":{"pageInfo":{"hasNextPage":false,"endCursor":"e"},"nodes":[\
{"__typename":"CustomerVisit","occurredAt":"%(seen)s","id":"gid://shopify/CustomerVisit/%(n)d",\
"landingPage":"https://shop.example/products/serum","referrerUrl":null,"source":"%(source)s",\
"sourceType":null,"utmParameters":{"source":"%(source)s","medium":"%(medium)s",\
"campaign":"spring","content":null,"term":null}}]}}}"""

_SOURCES = (("google", "cpc"), ("newsletter", "email"), ("tiktok", "paid"), ("bing", "organic"))


def documents(count: int) -> Iterator[Document]:
    """`count` orders over DAYS days, one line and one visit each, three to a customer. Always the
    same ones.
    """
    for n in range(1, count + 1):
        day = FIRST + timedelta(days=(n - 1) * DAYS // count)
        cents = 1000 + n * 37 % 9000
        tax = round(cents * 19 / 119)
        source, medium = _SOURCES[n % len(_SOURCES)]
        text = _ORDER % {
            "n": n,
            "at": f"{day}T{n % 24:02d}:{n % 60:02d}:00Z",
            "seen": f"{day - timedelta(days=1)}T{n % 24:02d}:{n % 59:02d}:00Z",
            "total": f"{cents // 100}.{cents % 100:02d}",
            "tax": f"{tax // 100}.{tax % 100:02d}",
            "customer": n // 3,
            "source": source,
            "medium": medium,
        }
        yield Document(str(n), day, text.encode())


def pages(count: int, request: Request) -> Iterator[Page]:
    """The orders in pages, as an extraction gives them; the request chooses nothing."""
    batch: list[Document] = []
    for document in documents(count):
        batch.append(document)
        if len(batch) == PAGE:
            yield Page(documents=batch, api_calls=1)
            batch = []
    if batch:
        yield Page(documents=batch, api_calls=1)
