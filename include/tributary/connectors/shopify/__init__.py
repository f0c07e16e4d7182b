"""Shopify Admin GraphQL: orders with everything that hangs on them.

Day: processedAt in the account's zone. Campaign: the UTM campaign of a journey's visits.
Restatement: 3 days re-read by the change cursor cover late writes and journeys that become ready
without an update; refunds move an order's net for the length of the return window, about 30 days.
"""

from __future__ import annotations

from tributary.connectors.shopify import queries
from tributary.connectors.shopify.api import Api
from tributary.connectors.shopify.extract import check_scopes, orders, replay
from tributary.connectors.shopify.records import ShopData
from tributary.connectors.spec import ConnectionForm, Connector, Credentials, Stream


def _test(credentials: Credentials) -> str:
    with Api(credentials, "shopify") as api:
        data = api.ask(queries.SHOP, {}, ShopData)
    check_scopes(data, "shopify")
    shop = data.shop
    return (
        f"Connected to {shop.name} ({shop.myshopify_domain}). Its books are in"
        f" {shop.currency_code}, its days in {shop.iana_timezone}: the account in the stores file"
        " should say the same."
    )


CONNECTOR = Connector(
    name="shopify",
    title="Shopify",
    feed="sales",
    streams=(
        Stream(
            name="order",
            kind="document",
            extract=orders,
            restate_days=3,
            finality_days=30,
            backfill="by_business_date",
            replay=replay,
            people={
                "customer.id": "customer",
                "customer.legacyResourceId": "customer",
                "email": "email",
            },
        ),
    ),
    form=ConnectionForm(
        hidden=("login", "port", "schema", "extra"),
        labels={"host": "Shop address", "password": "Admin API access token"},
        placeholders={"host": "https://my-shop.myshopify.com", "password": "shpat_..."},
    ),
    test=_test,
)
