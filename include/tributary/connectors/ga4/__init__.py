"""GA4 Data API v1beta: what web analytics counted, by day.

Day: the property's zone, which must be the account's. Campaign: sessionCampaignName of a session's
source and medium; GA4 has no campaign id here. Restatement: three days are read again by every run,
and settle within them; key-event credit may move for 12 more days and is read by a backfill.

Users are unique per report: they are asked for at each grain (day, week, month, dimension) and are
never added up. keyEvents and purchaseRevenue are GA4's claims; orders are the truth of sales.

Account option: `property`, the number of the GA4 property. The service account's address must be a
Viewer of the property. Sources: discovery document analyticsdata v1beta, revision 20261006.
"""

from __future__ import annotations

from tributary.connectors.ga4 import extract
from tributary.connectors.ga4.api import Api
from tributary.connectors.ga4.reports import CHANNEL, DEVICE, GEO, PAGE, PURCHASE, Report
from tributary.connectors.spec import ConnectionForm, Connector, Credentials, Stream

COMMON = "0"  # the vendor's own number for "every property"


def _test(credentials: Credentials) -> str:
    number = str(credentials.extra.get("property", "") or "") or COMMON
    with Api(credentials, "ga4", number) as api:
        offered = len(api.fields())
    if number == COMMON:
        return "Connected: the key is good. Name a property to see whether it may be read."
    return f"Connected: property {number} may be read; it offers {offered} fields."


def _stream(report: Report) -> Stream:
    return Stream(
        name=report.stream,
        kind="document",
        extract=extract.reader(report),
        restate_days=3,
        finality_days=3,
        backfill="by_business_date",
        replay=extract.shape(report).replay,
    )


CONNECTOR = Connector(
    name="ga4",
    title="Google Analytics 4 (Data API)",
    feed="website",
    streams=(
        *(_stream(report) for report in (CHANNEL, PAGE, DEVICE, GEO, PURCHASE)),
        Stream(
            name="user_count",
            kind="document",
            extract=extract.user_counts,
            restate_days=3,
            finality_days=3,
            backfill="by_business_date",
            replay=extract.USERS.replay,
        ),
    ),
    form=ConnectionForm(
        hidden=("login", "port", "schema"),
        labels={"host": "API address", "password": "Service account key (JSON)"},
        placeholders={"host": "https://analyticsdata.googleapis.com"},
        extra_fields={
            "property": {
                "type": "string",
                "title": "Property",
                "description": "Only for the Test button: the number of the GA4 property",
            }
        },
    ),
    test=_test,
)
