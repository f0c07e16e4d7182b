"""Customer journeys as Shopify tells them: the visits it ties to an order, with their UTM."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote_plus

from tributary.sandbox.orders import Order
from tributary.sandbox.people import Visit
from tributary.sandbox.shopify_parts import Json, gid, instant
from tributary.sandbox.state import OrderState

JOURNEY_WINDOW = timedelta(days=30)


def moments(order: Order, visits: list[Visit]) -> list[Visit]:
    """The visits the shop ties to an order: same browser, up to 30 days, since the last order."""
    last = order.purchase.visit
    found = []
    for visit in visits:
        same_browser = bool(visit.client_id) and visit.client_id == last.client_id
        in_time = order.processed_at - visit.at <= JOURNEY_WINDOW
        if same_browser and in_time and order.purchase.after_visit < visit.number <= last.number:
            found.append(visit)
    return found


def journey_document(state: OrderState, visits: list[Visit]) -> Json | None:
    order = state.order
    if not order.has_journey:
        return None
    if not state.is_ready:
        return {
            "ready": False,
            "customerOrderIndex": None,
            "daysToConversion": None,
            "firstVisit": None,
            "lastVisit": None,
            "momentsCount": None,
            "moments": [],
        }
    seen = [_visit(order, visit) for visit in moments(order, visits)]
    first = moments(order, visits)[:1]
    return {
        "ready": True,
        # Test orders are not counted in a customer's orders.
        "customerOrderIndex": None if order.is_test else order.customer_index,
        "daysToConversion": (order.processed_at - first[0].at).days if first else None,
        "firstVisit": seen[0] if seen else None,
        "lastVisit": seen[-1] if seen else None,
        "momentsCount": {"count": len(seen), "precision": "EXACT"},
        "moments": seen,
    }


_SOURCES = {"google": "Google", "bing": "Bing", "duckduckgo": "DuckDuckGo"}


def _visit(order: Order, visit: Visit) -> Json:
    dress = visit.dress
    tagged = bool(dress.source) and dress.medium not in ("organic", "referral", "(none)")
    tagged = tagged and dress.source != "(not set)"
    utm = {
        "source": dress.source,
        "medium": dress.medium,
        "campaign": dress.campaign or None,
        "content": None,
        "term": None,
    }
    if tagged:
        source, tactic = dress.source, None
    elif dress.gclid:
        source, tactic = "Google", None
    elif dress.medium == "organic":
        source, tactic = _SOURCES[dress.source], "SEO"
    elif dress.referrer:
        source, tactic = dress.source, "LINK"
    else:
        source, tactic = DIRECT_SOURCE, None
    return {
        "__typename": "CustomerVisit",
        "id": gid("CustomerVisit", visit.person.number * 10_000 + visit.number),
        "occurredAt": instant(visit.at),
        "landingPage": landing_page(order.store.host, visit),
        "referrerUrl": dress.referrer or None,
        "referralCode": None,
        "source": source,
        "sourceDescription": None,
        "sourceType": tactic,
        "utmParameters": utm if tagged else None,
    }


DIRECT_SOURCE = "direct"


def landing_page(host: str, visit: Visit) -> str:
    """The address the visit began at: campaign parameters as a link would carry them."""
    dress, query = visit.dress, []
    if dress.source and dress.medium not in ("organic", "referral", "(none)", "(not set)"):
        query += [
            f"utm_source={quote_plus(dress.source)}",
            f"utm_medium={quote_plus(dress.medium)}",
        ]
        if dress.campaign:
            query.append(f"utm_campaign={quote_plus(dress.campaign)}")
    if dress.gclid:
        query.append(f"gclid=Cj0K{visit.session_id:x}{visit.person.number:x}")
    return (
        f"https://{host}/products/{visit.session_id % 7}" + ("?" if query else "") + "&".join(query)
    )
