"""GA4's event export in BigQuery: the day tables analytics_<property>.events_YYYYMMDD, by REST.

Day: event_date, the property's own; the account's zone says which tables a window touches.
Campaign: what collected_traffic_source, event_params or the address say, as in connector files.
Restatement: Google rewrites a day's table for up to three days; the new table is read whole.

Account options: `property` (number of the GA4 property), and if wanted `project` (default: the
service account's), `location` (of the dataset, such as EU), `maximum_bytes_billed` (of one day's
query, default 10 GiB), `lookback_days`, `ignored_referrers` (besides payment pages).

The service account needs roles/bigquery.jobUser in the project and roles/bigquery.dataViewer on the
dataset. Sources: see api.py; the export's schema is support.google.com/analytics/answer/7029846.
"""

from __future__ import annotations

from tributary.connectors.bigquery.api import Api
from tributary.connectors.bigquery.extract import events
from tributary.connectors.bigquery.queries import NOTHING
from tributary.connectors.shared.ga4_event import PEOPLE, STAGING_COLUMNS
from tributary.connectors.spec import ConnectionForm, Connector, Credentials, Stream


def _test(credentials: Credentials) -> str:
    """May the service account run queries? Asked by a dry run, which costs nothing."""
    project = str(credentials.extra.get("project", "") or "")
    with Api(credentials, "bigquery", project) as api:
        api.bytes_of(NOTHING)
        return f"Connected: queries may run in project {api.project}."


CONNECTOR = Connector(
    name="bigquery",
    title="GA4 event export (BigQuery)",
    feed="website",
    streams=(
        Stream(
            name="ga4_event",
            kind="table",
            extract=events,
            restate_days=0,  # the extraction looks back itself: asking costs nothing
            finality_days=4,
            backfill="by_business_date",
            columns=STAGING_COLUMNS,
            spill_days=1,
            people=PEOPLE,
        ),
    ),
    form=ConnectionForm(
        hidden=("login", "port", "schema"),
        labels={"host": "API address", "password": "Service account key (JSON)"},
        placeholders={"host": "https://bigquery.googleapis.com"},
        extra_fields={
            "project": {
                "type": "string",
                "title": "Project",
                "description": "Only for the Test button; default: the service account's project",
            }
        },
    ),
    test=_test,
)
