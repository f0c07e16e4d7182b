"""Money is Decimal or numeric with an ISO 4217 currency; this module knows their smallest units."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

# ISO 4217 exponents that are not 2.
_EXPONENTS = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def minor_unit(currency: str) -> int:
    """Decimal places of a currency: USD 2, JPY 0, KWD 3."""
    return _EXPONENTS.get(currency, 2)


def quantum(currency: str) -> Decimal:
    """The smallest amount of a currency: USD 0.01, JPY 1."""
    return Decimal(1).scaleb(-minor_unit(currency))


def to_minor(amount: Decimal, currency: str) -> int:
    """Amount in minor units, rounded half to even: 12.34 USD is 1234."""
    return int(amount.scaleb(minor_unit(currency)).to_integral_value(ROUND_HALF_EVEN))


# Where visitors come back from after paying: never the source of a visit.
PAYMENT_SITES = (
    "paypal.com",
    "klarna.com",
    "stripe.com",
    "adyen.com",
    "mollie.com",
    "sofort.com",
    "giropay.de",
    "shop.app",
    "shopify.com",
    "amazonpay.com",
    "afterpay.com",
    "clearpay.co.uk",
    "affirm.com",
)
