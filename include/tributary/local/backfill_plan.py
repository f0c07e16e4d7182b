"""What a backfill would read: its days, the streams of its feeds, and the cheaper way to do it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from tributary.errors import ConfigurationError
from tributary.reports.text import table
from tributary.warehouse.connection import Connection

KINDS = {
    "by_business_date": "what happened on these days, as the vendor tells it now",
    "full": "files that are new or changed, whole, whatever their days",
    "none": "skipped: lifetime counters, the vendor cannot say what they were",
}


@dataclass(frozen=True)
class Days:
    """First and last day, both read; days are each account's own."""

    first: date
    last: date

    @property
    def end(self) -> date:
        """The day after the last."""
        return self.last + timedelta(days=1)

    @property
    def count(self) -> int:
        return (self.end - self.first).days

    def __str__(self) -> str:
        return f"{self.first}" if self.count == 1 else f"{self.first} to {self.last}"


@dataclass(frozen=True)
class StreamPart:
    """One stream of the accounts of its connector. `calls_per_day`: API calls that its landed loads
    of a day or more took per day, over all accounts; None before the first one.
    """

    feed: str
    connector: str
    stream: str
    backfill: str
    accounts: int
    calls_per_day: float | None

    @property
    def is_readable(self) -> bool:
        return self.backfill != "none"


@dataclass(frozen=True)
class Plan:
    """A backfill that may start."""

    days: Days
    parts: tuple[StreamPart, ...]
    day_by_day: bool = False
    store: str = ""

    @property
    def feeds(self) -> list[str]:
        """The feeds with something to read."""
        return sorted({part.feed for part in self.parts if part.is_readable})

    @property
    def loads(self) -> int:
        """Loads of one run over the whole range."""
        return sum(part.accounts for part in self.parts if part.is_readable)

    @property
    def runs(self) -> int:
        return len(self.feeds) * (self.days.count if self.day_by_day else 1)


def days_of(first: str, last: str, today: date, *, day_by_day: bool = False) -> Days:
    """The days of --from and --to; ConfigurationError for what is no date, reversed or to come."""
    start, end = _day("--from", first), _day("--to", last)
    if end < start:
        raise ConfigurationError(
            f"--from {start} is after --to {end}: turn them round. Both days are read."
        )
    if end > today:
        raise ConfigurationError(
            f"--to {end} is in the future: the last day there can be data for is {today}"
        )
    if day_by_day and end >= today:
        raise ConfigurationError(
            f"--day-by-day reads days that are over, and --to {end} is not. Leave it out, or read"
            f" to {today - timedelta(days=1)}."
        )
    return Days(start, end)


def plan(
    conn: Connection,
    days: Days,
    feeds: Sequence[str],
    known: Iterable[str],
    *,
    store: str = "",
    day_by_day: bool = False,
) -> Plan:
    """What is there to read; ConfigurationError for what is not known or has no past."""
    if unknown := sorted(set(feeds) - set(known)):
        raise ConfigurationError(
            f"no feed {', '.join(unknown)}; there are {', '.join(sorted(known))}"
        )
    stores = [str(row[0]) for row in conn.execute("select store_id from core.store order by 1")]
    if store and store not in stores:
        raise ConfigurationError(f"no store {store!r}; there are {', '.join(stores) or 'none yet'}")
    found = Plan(days, tuple(_parts(conn, feeds, store)), day_by_day, store)
    wanted = " of " + ", ".join([*sorted(feeds), *([store] if store else [])])
    wanted = wanted if feeds or store else ""
    if not found.parts:
        raise ConfigurationError(
            f"no account{wanted} is known to the warehouse: add one to the stores file, then run"
            " `tributary refresh`"
        )
    if not found.feeds:
        raise ConfigurationError(
            f"no stream{wanted} has a past: their vendors only know lifetime counters. Nothing"
            " can be read for these days."
        )
    return found


def explain(found: Plan) -> str:
    """The table of streams, and why it is done the way it is done."""
    rows = [
        [p.feed, f"{p.connector} {p.stream}", str(p.accounts), p.backfill, _reads(p, found.days)]
        for p in found.parts
    ]
    head = ["feed", "stream", "accounts", "backfill", "reads"]
    days = counted(found.days.count, "day")
    return (
        f"{found.days} ({days}, as each account counts them)\n\n"
        f"{table(head, rows, len(head))}\n\n{_way(found)}\n{_calls(found)}\n"
    )


def intervals(days: Days) -> tuple[datetime, datetime]:
    """Start of the first and of the last daily data interval: what Airflow's backfill asks for."""
    return _midnight(days.first), _midnight(days.last)


def counted(number: int, what: str) -> str:
    """`1 load`, `2 loads`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _reads(part: StreamPart, days: Days) -> str:
    text = KINDS[part.backfill]
    if part.calls_per_day is None or part.backfill != "by_business_date":
        return text
    return f"{text} (about {max(1, round(part.calls_per_day * days.count))} API calls)"


def _way(found: Plan) -> str:
    once = counted(found.loads, "load")
    daily = counted(found.loads * found.days.count, "load")
    runs = counted(found.runs, "run")
    if found.day_by_day:
        return (
            f"One run per feed and day through Airflow's backfill, as asked: {runs}, {daily}."
            f" One run per feed would be {once}."
        )
    if found.days.count == 1:
        return f"One run per feed: {runs}, {once}."
    return (
        f"One run per feed over the whole range is cheaper: {once} instead of {daily}, and full"
        " pages instead of one call or more per day. --day-by-day gives every day a run of its"
        " own in the grid."
    )


def _calls(found: Plan) -> str:
    readable = [p for p in found.parts if p.backfill == "by_business_date"]
    asked = [p for p in readable if p.calls_per_day is not None]
    if not readable:
        return "No vendor is called."
    calls = sum(max(1.0, (p.calls_per_day or 0) * found.days.count) for p in asked)
    if found.day_by_day:
        calls = max(calls, sum(p.accounts for p in asked) * found.days.count)
    unknown = [f"{p.connector} {p.stream}" for p in readable if p.calls_per_day is None]
    text = f"About {round(calls)} API calls, after what earlier loads needed."
    return text if not unknown else f"{text} Never loaded yet: {', '.join(unknown)}."


def _parts(conn: Connection, feeds: Sequence[str], store: str) -> list[StreamPart]:
    """Streams of accounts that are there; where loads landed already, only accounts that had some
    count, as a drop folder is asked only for the kinds of file it holds.
    """
    rows = conn.execute(
        "select s.feed, s.connector, s.stream, s.backfill, count(*), sum(l.calls / l.days)"
        " from ops.stream as s join core.account as a using (connector)"
        " left join lateral (select count(*) as loads,"
        "   sum(api_calls) filter (where window_end - window_start >= '1 day')::float8 as calls,"
        "   sum(extract(epoch from window_end - window_start)::float8 / 86400)"
        "     filter (where window_end - window_start >= '1 day') as days"
        "   from ops.load as o where (o.store_id, o.connector, o.account_id, o.stream)"
        "   = (a.store_id, a.connector, a.account_id, s.stream) and o.status = 'landed') as l"
        "   on true"
        " where (%(feeds)s::text[] = '{}' or s.feed = any(%(feeds)s))"
        " and %(store)s in ('', a.store_id)"
        " and (l.loads > 0 or not exists (select 1 from ops.load as o"
        "   where o.connector = s.connector and o.status = 'landed'))"
        " group by 1, 2, 3, 4 order by 1, 2, 3",
        {"feeds": list(feeds), "store": store},
    ).fetchall()
    return [
        StreamPart(str(f), str(c), str(s), str(b), int(n), None if calls is None else float(calls))
        for f, c, s, b, n, calls in rows
    ]


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"{option} {text} is not a date like 2026-08-31") from None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
