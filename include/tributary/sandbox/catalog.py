"""What does not move in the sandbox world: stores, goods, channels and their true lift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# Chance that a visit ends in an order whatever brought the visitor: the baseline demand.
BASE_CONVERSION = 0.13
DIRECT = "direct"


@dataclass(frozen=True)
class Dress:
    """How one visit of a channel may look from outside. '' is absent; `weight` says how often."""

    weight: float
    source: str = ""
    medium: str = ""
    campaign: str = ""
    gclid: bool = False
    referrer: str = ""


@dataclass(frozen=True)
class Channel:
    """One way people really come. `seen_as` is the channel name that evidence can show.

    `arrivals`: new people a day at normal spend. `returns`: weight among the ways back.
    `lift`: what a visit by this channel truly adds to the chance of an order.
    """

    name: str
    seen_as: str
    arrivals: float
    returns: float
    lift: float
    dresses: tuple[Dress, ...]


@dataclass(frozen=True)
class Campaign:
    """Something money is spent on. Spend moves the arrivals of its `channel`.

    `weekday`: 0-6 when the whole week's money is booked on that day, None for every day.
    """

    id: str
    name: str
    channel: str
    source: str
    medium: str
    daily_spend: int  # minor units of the store's currency
    cost_per_click: int
    click_rate: float
    weekday: int | None = None


@dataclass(frozen=True)
class Product:
    id: int
    sku: str
    title: str
    price: int  # minor units, as shown to the customer


@dataclass(frozen=True)
class Store:
    """One shop. `tax_rate` is contained in prices where `taxes_included`, else added on top.

    `event_export`: the connector that reads GA4's event export, which comes one way only: as day
    files in the drop folder, or in BigQuery. `sends_emails_as_users`: its user ids are the
    visitors' e-mail addresses.
    """

    id: str
    name: str
    number: int
    timezone: str
    currency: str
    taxes_included: bool
    tax_rate: tuple[int, int]  # numerator, denominator
    home: str
    provinces: tuple[str, ...]
    foreign: Mapping[str, tuple[str, tuple[int, int]]]  # country -> currency, rate
    products: tuple[Product, ...]
    shipping: int
    free_shipping_from: int
    size: float
    event_export: Literal["files", "bigquery"] = "files"
    sends_emails_as_users: bool = False

    @property
    def host(self) -> str:
        return f"www.{self.id}.example"

    @property
    def ga4_property(self) -> str:
        """The number of the store's GA4 property."""
        return str(310_000_000 + self.number)

    @property
    def google_project(self) -> str:
        """The Google Cloud project that holds the event export."""
        return f"{self.id}-analytics"

    @property
    def google_location(self) -> str:
        """Where that project keeps its data."""
        return "EU" if self.timezone.startswith("Europe/") else "US"


def _products(number: int, *goods: tuple[str, int]) -> tuple[Product, ...]:
    return tuple(
        Product(
            8_000_000_000_000 + number * 1_000_000 + i, f"{number}{i:03d}-{t[:3].upper()}", t, p
        )
        for i, (t, p) in enumerate(goods, 1)
    )


NORDLICHT = Store(
    id="nordlicht",
    name="Nordlicht Kosmetik",
    number=1,
    timezone="Europe/Berlin",
    currency="EUR",
    taxes_included=True,
    tax_rate=(19, 100),
    home="DE",
    provinces=("BE", "HH", "BY", "NW", "SN"),
    foreign={"CH": ("CHF", (94, 100)), "DK": ("DKK", (746, 100)), "AT": ("EUR", (1, 1))},
    products=_products(
        1,
        ("Serum Polarnacht", 3490),
        ("Creme Mitternacht", 2750),
        ("Seife Fichte", 890),
        ("Öl Sanddorn", 1995),
        ("Balsam Heide", 1249),
        ("Maske Moor", 1599),
        ("Set Winter", 6900),
    ),
    shipping=490,
    free_shipping_from=5000,
    size=1.0,
)
PRAIRIE = Store(
    id="prairie",
    name="Prairie Outfitters",
    number=2,
    timezone="America/Chicago",
    currency="USD",
    taxes_included=False,
    tax_rate=(825, 10_000),
    home="US",
    provinces=("TX", "IL", "MN", "CO", "MO"),
    foreign={"CA": ("CAD", (137, 100)), "JP": ("JPY", (15_231, 100))},
    products=_products(
        2,
        ("Bandana Bluestem", 1400),
        ("Cap Meadowlark", 2895),
        ("Mug Bison", 1850),
        ("Socks Switchgrass", 1299),
        ("Shirt Homestead", 4450),
        ("Blanket Big Sky", 8900),
        ("Balm Coneflower", 799),
    ),
    shipping=695,
    free_shipping_from=7500,
    size=0.9,
    event_export="bigquery",
    sends_emails_as_users=True,
)
STORES: dict[str, Store] = {store.id: store for store in (NORDLICHT, PRAIRIE)}

CHANNELS: dict[str, Channel] = {
    channel.name: channel
    for channel in (
        Channel(
            "tiktok_paid",
            "paid_social",
            7.0,
            4,
            0.01,
            (
                Dress(6, "tiktok", "paid_social", "spring_serum"),
                Dress(2, "TikTok", "Paid_Social", "Spring_Serum"),
                Dress(1, "tiktok", "cpc", "retargeting 7d", referrer="https://www.tiktok.com/"),
            ),
        ),
        Channel(
            "meta_paid",
            "paid_social",
            2.5,
            3,
            0.02,
            (
                Dress(3, "fb", "paid_social", "lookalike+1%"),
                Dress(2, "ig", "paid", "stories%20video"),
                Dress(2, "Facebook", "cpc", "lookalike 1%", referrer="https://l.facebook.com/"),
            ),
        ),
        Channel(
            "google_brand",
            "paid_search",
            3.0,
            18,
            0.04,
            (
                Dress(5, "google", "cpc", "brand", gclid=True),
                Dress(2, "Google", "CPC", "Brand+Exact", gclid=True),
                Dress(2, gclid=True, referrer="https://www.google.com/"),
            ),
        ),
        Channel(
            "google_nonbrand",
            "paid_search",
            6.0,
            5,
            0.05,
            (
                Dress(5, "google", "cpc", "generic", gclid=True),
                Dress(1, "google", "cpc", "(not set)", gclid=True),
                Dress(2, gclid=True, referrer="https://www.google.com/"),
            ),
        ),
        Channel(
            "organic_search",
            "organic_search",
            8.0,
            14,
            0.03,
            (
                Dress(7, "google", "organic", referrer="https://www.google.com/"),
                Dress(2, "bing", "organic", referrer="https://www.bing.com/"),
                Dress(1, "duckduckgo", "organic", referrer="https://duckduckgo.com/"),
            ),
        ),
        Channel(
            "email",
            "email",
            0.5,
            16,
            0.07,
            (
                Dress(5, "Klaviyo", "email", "weekly news"),
                Dress(3, "klaviyo", "email", "weekly+news"),
                Dress(1, "KLAVIYO", "Email", "winback%20flow"),
            ),
        ),
        Channel(
            "instagram",
            "organic_social",
            4.0,
            6,
            0.015,
            (
                Dress(3, "ig", "social", "link_in_bio"),
                Dress(2, "Instagram", "Social", "link in bio", referrer="https://l.instagram.com/"),
                Dress(1, "facebook", "organic_social", "page+post"),
                Dress(1, "instagram.com", "social", "", referrer="https://www.instagram.com/"),
            ),
        ),
        Channel(
            "influencer",
            "influencer",
            2.5,
            2,
            0.05,
            (
                Dress(2, "mia.lindt", "influencer", "MIA15"),
                Dress(1, "Jonas_Run", "Influencer", "J10"),
            ),
        ),
        Channel(
            "affiliate",
            "affiliate",
            2.0,
            5,
            0.08,
            (
                Dress(3, "awin", "affiliate", "cashback"),
                Dress(1, "Awin", "Affiliate", "codes+deals"),
            ),
        ),
        Channel(
            "referral",
            "referral",
            2.0,
            2,
            0.02,
            (
                Dress(
                    2, "beautyblog.example", "referral", referrer="https://beautyblog.example/top"
                ),
                Dress(1, "news.example", "referral", referrer="https://news.example/a/1"),
            ),
        ),
        Channel(
            DIRECT,
            DIRECT,
            6.0,
            28,
            0.04,
            (
                Dress(8),
                Dress(1, "(direct)", "(none)"),
                Dress(1, "(not set)", "(not set)"),
            ),
        ),
        # A link in a chat or a PDF: it brought the visitor, but no evidence says so.
        Channel("untagged", DIRECT, 2.5, 3, 0.03, (Dress(1),)),
    )
}

CAMPAIGNS: tuple[Campaign, ...] = (
    Campaign("1790001", "Spring Serum", "tiktok_paid", "tiktok", "paid_social", 2400, 190, 0.012),
    Campaign("2380001", "Lookalike 1%", "meta_paid", "facebook", "paid_social", 1100, 240, 0.014),
    Campaign("991001", "Brand", "google_brand", "google", "cpc", 550, 45, 0.18),
    Campaign("991002", "Generic", "google_nonbrand", "google", "cpc", 2600, 250, 0.045),
    Campaign(
        "inf-mia", "Mia, weekly fee", "influencer", "mia.lindt", "influencer", 1500, 300, 0.03, 0
    ),
    Campaign("aff-awin", "Awin commission", "affiliate", "awin", "affiliate", 900, 160, 0.05),
)
