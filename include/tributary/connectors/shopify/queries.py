"""The questions asked of the Admin GraphQL API. Tests check them against the vendor's schema.

Costs (objects count 1, a list its `first` times what is inside; one query may cost 1000 points):
page 6 orders x about 140. Lists an order seldom fills are short here and completed by the
queries below, so that a usual order costs one answer. No personal data is asked for: no name,
phone or address line, and an e-mail address only where the account wants it (it becomes a keyed
hash before it is landed).
"""

from __future__ import annotations

VERSION = "2026-10"
ORDERS_PER_PAGE = 6
REFUNDS_IN_PAGE = 2
TRANSACTIONS_IN_PAGE = 3
REFUND_IDS = 250  # the vendor's maximum for a plain list
TRANSACTIONS = 250

_MONEY = "{ shopMoney { amount currencyCode } }"
_BOTH = "{ shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }"
_PAGE_INFO = "pageInfo { hasNextPage endCursor }"
_TAX = f"taxLines {{ title priceSet {_MONEY} }}"
_ALLOCATION = f"discountAllocations {{ allocatedAmountSet {_MONEY} }}"

_LINE = f"""fragment Line on LineItem {{
  id sku title quantity currentQuantity isGiftCard product {{ id }}
  originalUnitPriceSet {_MONEY} originalTotalSet {_MONEY} {_ALLOCATION} {_TAX} }}"""
_SHIPPING = f"""fragment Shipping on ShippingLine {{
  id title originalPriceSet {_MONEY} discountedPriceSet {_MONEY} {_TAX} }}"""
_TRANSACTION = f"""fragment Payment on OrderTransaction {{
  id kind status gateway processedAt amountSet {_MONEY} }}"""
_MOMENT = """fragment Moment on CustomerMoment { __typename occurredAt
  ... on CustomerVisit { id landingPage referrerUrl source sourceType
    utmParameters { source medium campaign content term } } }"""
_REFUND_LINE = f"""fragment RefundLine on RefundLineItem {{
  id quantity restockType lineItem {{ id sku isGiftCard }}
  subtotalSet {_MONEY} totalTaxSet {_MONEY} }}"""
_REFUND_SHIPPING = f"""fragment RefundShipping on RefundShippingLine {{
  id subtotalAmountSet {_MONEY} taxAmountSet {_MONEY} }}"""


def _refund(lines: int, shipping: int) -> str:
    return f"""id legacyResourceId createdAt processedAt totalRefundedSet {_MONEY}
  refundLineItems(first: {lines}) {{ {_PAGE_INFO} nodes {{ ...RefundLine }} }}
  refundShippingLines(first: {shipping}) {{ {_PAGE_INFO} nodes {{ ...RefundShipping }} }}"""


_ORDER = f"""fragment OrderFields on Order {{
  id legacyResourceId name test edited createdAt processedAt updatedAt cancelledAt
  currencyCode presentmentCurrencyCode taxesIncluded sourceName discountCodes
  displayFinancialStatus displayFulfillmentStatus
  totalPriceSet {_BOTH} currentTotalPriceSet {_MONEY} totalTaxSet {_MONEY}
  totalDiscountsSet {_MONEY} totalRefundedSet {_MONEY} refundDiscrepancySet {_MONEY}
  customer {{ id legacyResourceId }}
  shippingAddress {{ countryCodeV2 provinceCode }}
  lineItems(first: 4) {{ {_PAGE_INFO} nodes {{ ...Line }} }}
  shippingLines(first: 1) {{ {_PAGE_INFO} nodes {{ ...Shipping }} }}
  refunds(first: {REFUNDS_IN_PAGE}) {{ {_refund(2, 1)} }}
  transactions(first: {TRANSACTIONS_IN_PAGE}) {{ ...Payment }}
  transactionsCount {{ count precision }}
  customerJourneySummary {{ ready customerOrderIndex daysToConversion
    moments(first: 4) {{ {_PAGE_INFO} nodes {{ ...Moment }} }} }} }}"""
_ORDER_PARTS = "\n".join(
    (_ORDER, _LINE, _SHIPPING, _TRANSACTION, _MOMENT, _REFUND_LINE, _REFUND_SHIPPING)
)


def orders(sort_key: str, *, emails: bool = False) -> str:
    """A page of orders; sort_key UPDATED_AT or PROCESSED_AT."""
    email = "email" if emails else ""
    return f"""query Orders($first: Int!, $after: String, $query: String!) {{
  orders(first: $first, after: $after, query: $query, sortKey: {sort_key}) {{
    {_PAGE_INFO} nodes {{ ...OrderFields {email} }} }} }}
{_ORDER_PARTS}"""


LINES = f"""query Lines($id: ID!, $after: String) {{ order(id: $id) {{
  lineItems(first: 50, after: $after) {{ {_PAGE_INFO} nodes {{ ...Line }} }} }} }}
{_LINE}"""
SHIPPING_LINES = f"""query ShippingLines($id: ID!, $after: String) {{ order(id: $id) {{
  shippingLines(first: 50, after: $after) {{ {_PAGE_INFO} nodes {{ ...Shipping }} }} }} }}
{_SHIPPING}"""
MOMENTS = f"""query Moments($id: ID!, $after: String) {{ order(id: $id) {{ customerJourneySummary {{
  moments(first: 100, after: $after) {{ {_PAGE_INFO} nodes {{ ...Moment }} }} }} }} }}
{_MOMENT}"""
PAYMENTS = f"""query Payments($id: ID!) {{ order(id: $id) {{
  transactions(first: {TRANSACTIONS}) {{ ...Payment }} }} }}
{_TRANSACTION}"""
REFUNDS = f"""query Refunds($id: ID!) {{ order(id: $id) {{
  refunds(first: {REFUND_IDS}) {{ id }} }} }}"""
REFUND = f"""query Refund($id: ID!) {{ node(id: $id) {{ ... on Refund {{
  {_refund(50, 10)} }} }} }}
{_REFUND_LINE}
{_REFUND_SHIPPING}"""
REFUND_LINES = f"""query RefundLines($id: ID!, $after: String) {{ node(id: $id) {{ ... on Refund {{
  refundLineItems(first: 100, after: $after) {{ {_PAGE_INFO} nodes {{ ...RefundLine }} }} }} }} }}
{_REFUND_LINE}"""
REFUND_SHIPPING = f"""query RefundShipping($id: ID!, $after: String) {{
  node(id: $id) {{ ... on Refund {{
    refundShippingLines(first: 100, after: $after) {{
      {_PAGE_INFO} nodes {{ ...RefundShipping }} }} }} }} }}
{_REFUND_SHIPPING}"""
SHOP = """query Shop { shop { name currencyCode ianaTimezone myshopifyDomain }
  currentAppInstallation { accessScopes { handle } } }"""

ALL = {
    "orders by update": orders("UPDATED_AT"),
    "orders with e-mail": orders("UPDATED_AT", emails=True),
    "orders by processing": orders("PROCESSED_AT"),
    "lines": LINES,
    "shipping lines": SHIPPING_LINES,
    "moments": MOMENTS,
    "payments": PAYMENTS,
    "refund ids": REFUNDS,
    "refund": REFUND,
    "refund lines": REFUND_LINES,
    "refund shipping lines": REFUND_SHIPPING,
    "shop": SHOP,
}
