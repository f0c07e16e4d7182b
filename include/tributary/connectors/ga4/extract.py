"""The streams: daily reports, and users by day, week and month.

A day that came replaces what was landed of it; an answer without rows replaces nothing, for it may
be a bad day of the vendor's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta

from tributary.connectors.ga4.landing import Shape
from tributary.connectors.ga4.reading import ask, not_offered, open_api, records, replies
from tributary.connectors.ga4.reports import USERS_BY_DAY, USERS_OF_PERIOD, Report, UserCount
from tributary.connectors.spec import Page, Request
from tributary.window import day_of

USERS = Shape(UserCount, ("period", "firstDay"), "firstDay", whole_days=False)


def shape(report: Report) -> Shape:
    """The records of a daily report: told apart by all its dimensions."""
    return Shape(report.kind, report.dimensions, "date")


def reader(report: Report) -> Callable[[Request], Iterator[Page]]:
    """The extraction of a daily report."""
    form = shape(report)

    def extract(request: Request) -> Iterator[Page]:
        account = request.account
        with open_api(request) as api:
            if missing := not_offered(api, report, account):
                note = f"the property does not offer {', '.join(missing)}: nothing to read"
                yield Page(drift=frozenset({note}), api_calls=api.calls)
                return
            told, days = 0, list(request.window.days(account.timezone))
            for number, reply in enumerate(replies(api, report, days, account), 1):
                yield form.page(api, account, records(reply), number, told)
                told = api.calls

    return extract


def user_counts(request: Request) -> Iterator[Page]:
    """Users of every day, and of every week and month that is over and has a day in the window.

    Over is what the vendor's own clock has passed: the window may end in the future.
    """
    account = request.account
    days = list(request.window.days(account.timezone))
    with open_api(request) as api:
        not_offered(api, USERS_BY_DAY, account)
        number = told = 0
        for reply in replies(api, USERS_BY_DAY, days, account):
            number += 1
            found = [
                {"period": "day", "firstDay": record.pop("date", ""), **record}
                for record in records(reply)
            ]
            yield USERS.page(api, account, found, number, told)
            told = api.calls
        present = min(request.window.end, api.present or request.window.end)
        today = day_of(present, account.timezone)
        for period, first, end in _periods(days):
            if end > today:
                continue
            number += 1
            reply = ask(api, USERS_OF_PERIOD, (first, end - timedelta(days=1)), account)
            name = {"period": period, "firstDay": f"{first:%Y%m%d}"}
            found = [{**name, **record} for record in records(reply)]
            yield USERS.page(api, account, found, number, told)
            told = api.calls


def _periods(days: Sequence[date]) -> list[tuple[str, date, date]]:
    """Weeks (from Monday) and months that these days touch: name, first day, first day after."""
    weeks = sorted({day - timedelta(days=day.weekday()) for day in days})
    months = sorted({day.replace(day=1) for day in days})
    return [
        *(("week", first, first + timedelta(days=7)) for first in weeks),
        *(("month", first, (first + timedelta(days=32)).replace(day=1)) for first in months),
    ]
