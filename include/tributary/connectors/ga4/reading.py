"""Reads a report for a range of days, whole or not at all.

A range is asked for at once. Where the vendor says that the answer is sampled, withheld in part or
folded into "(other)", the range is halved, down to single days: shorter ranges are sampled less,
and the flag then stands at the days it concerns. So the rows of a day do not depend on the range
it was read with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import msgspec

from tributary.connectors.ga4.api import ROWS_PER_PAGE, Api
from tributary.connectors.ga4.records import ReportReply
from tributary.connectors.ga4.reports import Quality, Report
from tributary.connectors.spec import Request
from tributary.errors import ConfigurationError, SchemaDrift, VendorUnavailable
from tributary.settings import Account

Record = dict[str, Any]


def open_api(request: Request) -> Api:
    """The API of the account's property."""
    account = request.account
    number = account.options.get("property", "")
    if not number.isdecimal():
        raise ConfigurationError(
            f"account {account.connection_id}: option property is {number!r}; it must be the number"
            " of the GA4 property (Admin > Property details). Correct it in the stores file."
        )
    return Api(request.credentials, account.connection_id, number)


def not_offered(api: Api, report: Report, account: Account) -> list[str]:
    """The report's optional fields that the property does not offer; SchemaDrift for any other."""
    missing = {*report.dimensions, *report.metrics} - api.fields()
    if needed := missing - set(report.optional):
        raise SchemaDrift(
            f"the GA4 property of account {account.connection_id} does not offer"
            f" {', '.join(sorted(needed))}, which report {report.stream} asks for. The stream"
            " stops; compare the vendor's API schema with the connector, then clear the task."
        )
    return sorted(missing)


def replies(
    api: Api, report: Report, days: Sequence[date], account: Account, limit: int = ROWS_PER_PAGE
) -> Iterator[ReportReply]:
    """Every page for these days; VendorUnavailable when they do not make up the whole report."""
    first = ask(api, report, days, account, 0, limit)
    if len(days) > 1 and first.metadata.depends_on_range:
        half = len(days) // 2
        yield from replies(api, report, days[:half], account, limit)
        yield from replies(api, report, days[half:], account, limit)
        return
    seen: set[tuple[str, ...]] = set()
    reply, offset = first, 0
    while True:
        seen.update(tuple(v.value for v in row.dimension_values) for row in reply.rows)
        yield reply
        offset += min(len(reply.rows), limit)
        if offset >= first.row_count or not reply.rows:
            break
        reply = ask(api, report, days, account, offset, limit)
    if len(seen) != first.row_count:
        raise VendorUnavailable(
            f"ga4 gave connection {account.connection_id!r} {len(seen)} of {first.row_count} rows"
            f" of report {report.stream}; nothing was landed. It is tried again."
        )


def ask(
    api: Api,
    report: Report,
    days: Sequence[date],
    account: Account,
    offset: int = 0,
    limit: int = ROWS_PER_PAGE,
) -> ReportReply:
    """One page, from row `offset` (0 is the first), in the account's own currency and zone."""
    reply = api.report(report, days[0], days[-1], offset, limit)
    _compare_settings(reply, account)
    _compare_headers(report, reply, account)
    return reply


def records(reply: ReportReply) -> list[Record]:
    """Every row by name, with the answer's quality."""
    names = _columns(reply)
    quality = msgspec.to_builtins(Quality.of(reply.metadata))
    found = []
    for row in reply.rows:
        values = (value.value for value in (*row.dimension_values, *row.metric_values))
        found.append({**dict(zip(names, values, strict=False)), "quality": quality})
    return found


def _compare_settings(reply: ReportReply, account: Account) -> None:
    """ConfigurationError where the property counts in another currency or zone than the account:
    its days and amounts would silently mean something else."""
    meta = reply.metadata
    for name, said, expected in (
        ("currency", meta.currency_code, account.currency),
        ("timezone", meta.time_zone, account.timezone),
    ):
        if said and said != expected:
            raise ConfigurationError(
                f"account {account.connection_id} is configured with {name} {expected}, but its GA4"
                f" property reports in {said}. Nothing was landed. Set {name}: {said} for the"
                " account in the stores file, or change the property (Admin > Property details)."
            )


def _compare_headers(report: Report, reply: ReportReply, account: Account) -> None:
    """SchemaDrift when rows have other columns than were asked for."""
    given = _columns(reply)
    wanted = [*report.dimensions, *report.metrics]
    if reply.rows and given != wanted:
        raise SchemaDrift(
            f"ga4 answered connection {account.connection_id!r} with the columns"
            f" {', '.join(given) or 'of no header'} for report {report.stream}, not with those"
            f" asked for: {', '.join(wanted)}. The stream stops; compare the vendor's change log"
            " with the connector, then clear the task."
        )


def _columns(reply: ReportReply) -> list[str]:
    metrics = [header.name for header in reply.metric_headers]
    return [header.name for header in reply.dimension_headers] + metrics
