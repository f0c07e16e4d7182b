"""What GA4's reports must come to in core: facts of the site from the visits and their events.

A visit knows its channel, device and country itself; sources, mediums and report rows are not
looked at. What the vendor folds or withholds on its days (ga4_quality) is true of its reports.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from tributary.sandbox import ga4, ga4_quality
from tributary.sandbox.catalog import DIRECT, Store
from tributary.sandbox.people import Visit
from tributary.sandbox.world import World

# (measure, day, label, amount), as in truth.Fact.
Fact = tuple[str, date, str, int]
COUNTS = frozenset(
    {
        "sessions",
        "claimed_conversions",
        "site_sessions",
        "site_engaged_sessions",
        "site_page_views",
        "site_total_users",
        "site_new_users",
        "site_claimed_conversions",
        "period_total_users",
        "period_new_users",
        "period_sessions",
        "orders_seen",
        "purchases_seen",
    }
)
_GROUPS = {
    "tiktok_paid": "Paid Social",
    "meta_paid": "Paid Social",
    "google_brand": "Paid Search",
    "google_nonbrand": "Paid Search",
    "organic_search": "Organic Search",
    "email": "Email",
    "instagram": "Organic Social",
    "influencer": "Unassigned",
    "affiliate": "Affiliates",
    "referral": "Referral",
    DIRECT: "Direct",
    "untagged": "Direct",
}


@dataclass(frozen=True)
class _Event:
    name: str
    visit: Visit
    page: str
    order: str
    is_first_visit: bool
    cents: int


def facts(world: World, store: Store) -> Iterator[Fact]:
    """Every number of a store that GA4's Data API gives by now."""
    days = _events(world, store)
    engaged = _engaged(days)
    for day, events in days.items():
        yield from _by_channel(day, events)
        yield from _by_dimension(store, day, events, engaged)
        yield from _purchases(day, events)
    yield from _users(world, store, days)


def _events(world: World, store: Store) -> dict[date, list[_Event]]:
    """The day's events with their visits, each once: what is loaded or exported again is not
    again."""
    visits = {(v.client_id, v.session_id): v for v in world.visits(store) if v.client_id}
    found: dict[date, list[_Event]] = {}
    for day, rows in sorted(ga4.days(world, store).items()):
        events: dict[tuple[object, ...], _Event] = {}
        for row in rows:
            if row["user_pseudo_id"] is None:
                continue
            params = {p["key"]: next(iter(p["value"].values())) for p in row["event_params"]}
            order = str(params.get("transaction_id", ""))
            again = order if order not in ("", "(not set)") else row["event_timestamp"]
            event = _Event(
                row["event_name"],
                visits[row["user_pseudo_id"], params["ga_session_id"]],
                urlsplit(params["page_location"]).path,
                order,
                params["ga_session_number"] == 1,
                round((row["ecommerce"] or {}).get("purchase_revenue", 0) * 100),
            )
            events.setdefault((row["user_pseudo_id"], row["event_name"], again), event)
        found[day] = list(events.values())
    return found


def _engaged(days: dict[date, list[_Event]]) -> set[int]:
    """Visits with a second page or a purchase, by identity."""
    pages = Counter(
        id(event.visit) for events in days.values() for event in events if event.name == "page_view"
    )
    bought = {
        id(event.visit) for events in days.values() for event in events if event.name == "purchase"
    }
    return bought | {visit for visit, count in pages.items() if count > 1}


def _by_channel(day: date, events: list[_Event]) -> Iterator[Fact]:
    for event in events:
        channel = event.visit.seen_as
        if event.name == "session_start":
            yield "sessions", day, channel, 1
        if event.name == "purchase":
            yield "claimed_conversions", day, channel, 1
            yield "claimed_value_amount", day, channel, event.cents


def _by_dimension(
    store: Store, day: date, events: list[_Event], engaged: set[int]
) -> Iterator[Fact]:
    for event in events:
        if event.name == "session_start":
            label = f"channel_group {_group(event.visit)}"
            yield "site_sessions", day, label, 1
            yield "site_engaged_sessions", day, label, int(id(event.visit) in engaged)
        if event.name == "purchase":
            label = f"channel_group {_group(event.visit)}"
            yield "site_claimed_conversions", day, label, 1
            yield "site_claimed_value_amount", day, label, event.cents
    yield from _by_page(store, day, events)
    for kind, split in (("device", _devices(events)), ("country", _countries(store, day, events))):
        for value, part in split.items():
            yield from _visitors(day, f"{kind} {value}", part, engaged)


def _group(visit: Visit) -> str:
    return "Unassigned" if visit.dress.source == "(not set)" else _GROUPS[visit.channel]


def _by_page(store: Store, day: date, events: list[_Event]) -> Iterator[Fact]:
    views = Counter({event.page: 0 for event in events})
    views.update(event.page for event in events if event.name == "page_view")
    kept = set(views)
    if ga4_quality.folds_pages(store, day):
        ranked = sorted(views, key=lambda page: (-views[page], page))
        kept = set(ranked[: ga4_quality.KEPT_PAGES])
    users: dict[str, set[str]] = defaultdict(set)
    for event in events:
        page = event.page if event.page in kept else ga4_quality.OTHER
        users[page].add(event.visit.client_id)
        yield "site_page_views", day, f"page {page}", int(event.name == "page_view")
    for page, people in users.items():
        yield "site_total_users", day, f"page {page}", len(people)


def _devices(events: list[_Event]) -> dict[str, list[_Event]]:
    found: dict[str, list[_Event]] = defaultdict(list)
    for event in events:
        found[event.visit.device].append(event)
    return found


def _countries(store: Store, day: date, events: list[_Event]) -> dict[str, list[_Event]]:
    found: dict[str, list[_Event]] = defaultdict(list)
    for event in events:
        found[ga4.COUNTRIES[event.visit.person.country]].append(event)
    least = ga4_quality.LEAST_USERS if ga4_quality.withholds_countries(store, day) else 0
    return {
        country: part
        for country, part in found.items()
        if len({event.visit.client_id for event in part}) >= least
    }


def _visitors(day: date, label: str, events: list[_Event], engaged: set[int]) -> Iterator[Fact]:
    for event in events:
        if event.name == "session_start":
            yield "site_sessions", day, label, 1
            yield "site_engaged_sessions", day, label, int(id(event.visit) in engaged)
            yield "site_new_users", day, label, int(event.is_first_visit)
        if event.name == "page_view":
            yield "site_page_views", day, label, 1
        if event.name == "purchase":
            yield "site_claimed_conversions", day, label, 1
            yield "site_claimed_value_amount", day, label, event.cents
    yield "site_total_users", day, label, len({event.visit.client_id for event in events})


def _purchases(day: date, events: list[_Event]) -> Iterator[Fact]:
    """Purchases that say which order they are of."""
    bought = [e for e in events if e.name == "purchase" and e.order not in ("", "(not set)")]
    yield "orders_seen", day, "", len({event.order for event in bought})
    for event in bought:
        yield "purchases_seen", day, "", 1
        yield "seen_value_amount", day, "", event.cents


def _users(world: World, store: Store, days: dict[date, list[_Event]]) -> Iterator[Fact]:
    """Users of every day, and of every week and month that is over."""
    periods: dict[tuple[str, date, date], list[_Event]] = defaultdict(list)
    for day, events in days.items():
        week, month = day - timedelta(days=day.weekday()), day.replace(day=1)
        for name, first, end in (
            ("day", day, day),
            ("week", week, week + timedelta(days=7)),
            ("month", month, (month + timedelta(days=32)).replace(day=1)),
        ):
            periods[name, first, end] += events
    today = world.moment.astimezone(ZoneInfo(store.timezone)).date()
    for (name, first, end), events in periods.items():
        if end > today and name != "day":
            continue
        started = [event for event in events if event.name == "session_start"]
        yield "period_total_users", first, name, len({event.visit.client_id for event in events})
        yield "period_new_users", first, name, sum(event.is_first_visit for event in started)
        yield "period_sessions", first, name, len(started)
