"""Speaks BigQuery's REST API v2 with one project: table metadata, queries, pages of results.

Sources: cloud.google.com/bigquery/docs/reference/rest/v2 (tables.get, jobs.query,
jobs.getQueryResults), .../docs/error-messages for reasons, .../docs/troubleshoot-quotas for waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from tributary.connectors.bigquery.records import Refused, Reply, Table
from tributary.connectors.spec import Credentials
from tributary.errors import (
    AccountSkipped,
    ConfigurationError,
    RateLimited,
    RequestRejected,
    SchemaDrift,
    TributaryError,
    VendorUnavailable,
)
from tributary.transport.client import Refusal, Service, Speaker
from tributary.transport.google import GoogleServiceAccount
from tributary.transport.pagination import follow
from tributary.transport.wire import current_wire

T = TypeVar("T")

HOST = "https://bigquery.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/bigquery"
ROWS_PER_PAGE = 10_000
_WAIT_MS = 10_000
_MAX_POLLS = 60
_POLL_SECONDS = 1.0


class _NoTable(ConfigurationError):
    """The dataset is there, the table is not."""


# reason -> what to do; a reason not here is judged by its status.
_REASONS: dict[str, type[TributaryError]] = {
    "accessDenied": AccountSkipped,
    "backendError": VendorUnavailable,
    "billingNotEnabled": AccountSkipped,
    "bytesBilledLimitExceeded": ConfigurationError,
    "internalError": VendorUnavailable,
    "invalid": RequestRejected,
    "invalidQuery": RequestRejected,
    "jobBackendError": VendorUnavailable,
    "jobInternalError": VendorUnavailable,
    "jobRateLimitExceeded": RateLimited,
    "notFound": ConfigurationError,
    "quotaExceeded": RateLimited,
    "rateLimitExceeded": RateLimited,
    "stopped": VendorUnavailable,
    "tableUnavailable": VendorUnavailable,
    "timeout": VendorUnavailable,
}
# Seconds: a short-term limit passes soon, a long-term one after ten minutes at the earliest.
_WAITS = {"rateLimitExceeded": 5.0, "jobRateLimitExceeded": 5.0, "quotaExceeded": 600.0}


def _refusal(status: int, body: bytes) -> Refusal | None:
    """What an error body means; None when it is not BigQuery's."""
    try:
        error = msgspec.json.decode(body, type=Refused).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    reason = error.errors[0].reason if error.errors else ""
    kind = _REASONS.get(reason)
    if kind is None:
        return None
    if reason == "notFound" and error.message.startswith("Not found: Table"):
        kind = _NoTable
    return Refusal(kind, f"{reason}: {error.message}", _WAITS.get(reason))


class Api(Speaker):
    """One project. `bytes_processed` grows with the queries that really ran."""

    def __init__(
        self, credentials: Credentials, connection: str, project: str = "", location: str = ""
    ) -> None:
        host = (credentials.host or HOST).rstrip("/")
        plain = host.startswith("http://")
        auth = GoogleServiceAccount(credentials.password, SCOPE, connection, plain=plain)
        self.project = project or auth.project_id
        self.connection, self._location = connection, location
        super().__init__(
            Service(
                "bigquery",
                host,
                connection,
                auth=auth,
                statuses={404: ConfigurationError},
                refusal=_refusal,
            )
        )
        self.bytes_processed = 0

    def table(self, dataset: str, table: str) -> Table | None:
        """A table's schema and state; None when the dataset has no such table."""
        path = f"datasets/{dataset}/tables/{table}"
        try:
            return self._ask("GET", path, Table)
        except _NoTable:
            return None

    def bytes_of(self, query: str) -> int:
        """What the query would read, asked by a dry run: free of charge."""
        return int(self._query(query, {"dryRun": True}).total_bytes_processed)

    def pages(self, query: str, maximum_bytes: int) -> Iterator[Reply]:
        """Every page of a query's result, the first one with the schema.

        BigQuery refuses to run it, without charge, when it would bill more than `maximum_bytes`.
        VendorUnavailable when fewer rows came than the job counted.
        """
        limits = {"maximumBytesBilled": str(maximum_bytes), "maxResults": ROWS_PER_PAGE}
        first = self._complete(self._query(query, {**limits, "timeoutMs": _WAIT_MS}))
        self.bytes_processed += int(first.total_bytes_processed)
        job, rows = first.job_reference, 0

        def fetch(token: str | None) -> Reply:
            return first if token is None else self._results(job.job_id, job.location, token)

        for page in follow(
            fetch, lambda page: page.page_token or None, what=f"a query of {self.connection}"
        ):
            rows += len(page.rows)
            yield page
        if rows != int(first.total_rows or 0):
            raise VendorUnavailable(
                f"bigquery gave connection {self.connection!r} {rows} of {first.total_rows} rows;"
                " nothing was landed. It is tried again."
            )

    def _query(self, query: str, more: dict[str, Any]) -> Reply:
        body = {"query": query, "useLegacySql": False, **more}
        if self._location:
            body["location"] = self._location
        return self._ask("POST", "queries", Reply, json=body)

    def _complete(self, reply: Reply) -> Reply:
        """The first page once the job is done; the vendor itself waits up to ten seconds a call."""
        polls, job = 0, reply.job_reference
        while not reply.job_complete:
            polls += 1
            if polls > _MAX_POLLS:
                raise VendorUnavailable(
                    f"job {job.job_id} of connection {self.connection!r} is not complete after"
                    f" {_MAX_POLLS} questions; nothing was landed. It is tried again."
                )
            if polls > 1:
                current_wire().clock.sleep(_POLL_SECONDS)
            reply = self._results(job.job_id, job.location, None)
        return reply

    def _results(self, job_id: str, location: str, token: str | None) -> Reply:
        params = {"maxResults": str(ROWS_PER_PAGE), "timeoutMs": str(_WAIT_MS)}
        if location or self._location:
            params["location"] = location or self._location
        if token is not None:
            params["pageToken"] = token
        return self._ask("GET", f"queries/{job_id}", Reply, params=params)

    def _ask(
        self,
        method: str,
        path: str,
        kind: type[T],
        *,
        json: Any = None,
        params: dict[str, str] | None = None,
    ) -> T:
        decoder = msgspec.json.Decoder(kind)

        def decode(body: bytes) -> T:
            try:
                return decoder.decode(body)
            except msgspec.ValidationError as error:
                raise SchemaDrift(
                    f"bigquery answered connection {self.connection!r} in another shape than its"
                    f" reference: {error}. The stream stops; compare the vendor's release notes"
                    " with the connector, then clear the task."
                ) from None

        where = f"/bigquery/v2/projects/{self.project}/{path}"
        return self._client.request(method, where, decode=decode, json=json, params=params).value
