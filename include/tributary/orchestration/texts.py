"""What operators read in Airflow: Dag docs, task docs and the descriptions of params."""

from __future__ import annotations

from tributary.connectors.spec import Connector

PARAM_START = (
    "First day to read, in each account's time zone. Leave start and end empty for the run's own"
    " data interval."
)
PARAM_END = (
    "The day after the last day to read: end is exclusive. start 2026-08-01 and end 2026-09-01"
    " reads August."
)
PARAM_MODE = (
    "incremental reads what changed in the window, backfill what happened in it. Empty: backfill"
    " if start and end are given or the run belongs to a backfill, else incremental."
)
PARAM_STORE = "Only this store's accounts. Empty: all stores."

ERROR_TABLE = """\
| the log ends with | Airflow | you |
|---|---|---|
| `RateLimited`, `VendorUnavailable` | retries by itself, at the vendor's hint if there is one | \
nothing; if it still failed, clear the task later |
| `AuthenticationFailed` | fails at once | renew the secret in the named connection \
(Admin > Connections), then clear the task |
| `ConfigurationError` | fails at once | fix the setting, file or folder it names, then clear |
| `SchemaDrift` | fails at once | the vendor changed a field we need: the connector has to be \
changed first |
| `RequestRejected` | fails at once | a bug in the connector: report it with the log |
| skipped, with a reason | goes on | the account lacks a permission or plan: grant it or take the \
account out of the stores file |
"""


def ingest_description(feed: str, cadence: str) -> str:
    if cadence == "hourly":
        return f"What changed lately in {feed}, into staging."
    return f"Yesterday of {feed}, and the days its vendors may still correct, into staging."


def ingest_doc(feed: str, cadence: str) -> str:
    """The Dag's page: what it does, how to read another range, what to do on failure."""
    other = f"ingest_{feed}_hourly" if cadence == "daily" else f"ingest_{feed}"
    what = (
        "Reads the finished UTC day, widened by each stream's restatement days. **Use this Dag for"
        " backfills.**"
        if cadence == "daily"
        else "Reads what changed in the interval, so that the day is visible before it ends."
    )
    return f"""\
### {feed}: vendors to staging, {cadence}

{what} `{other}` does the other half; both may run at once, loads of one stream wait for each other.
One part per account and stream; a part that fails does not stop the others, but the run ends red.

**Another range:** trigger with `start` and `end` (end is exclusive), for one run over the whole
range, or `airflow backfill create --dag-id ingest_{feed} --from-date ... --to-date ...` for one run
per day. Running twice changes nothing.

**When `load` fails:**

{ERROR_TABLE}
Every load is also a row of `ops.load`: window, pages, rows, API calls, error.
"""


PLAN = """\
Lists the accounts of the stores file (`TRIBUTARY_CONFIG`) and writes them to the warehouse.

Fails when the run has no window (trigger it with `start` and `end`), when the stores file is wrong
(the message names the field) or when the warehouse is not there or not migrated.
"""

INGEST_PUBLISH = """\
Updates the feed's asset, which wakes `unify`. Skipped when not one load landed. Failed accounts do
not hold back the others.
"""

REPORT_FAILURES = """\
Turns the run red when an account failed. Nothing to fix here: open the red boxes of `load`.
"""


def load_doc(connector: Connector) -> str:
    return f"""\
Reads one stream of one account of {connector.title} and lands it: all of it, or nothing. At most
{connector.concurrency} at once unless the pool `{connector.name}` (Admin > Pools) says otherwise.

{ERROR_TABLE}"""


UNIFY = """\
### Staging to core, checked and attributed

Runs after any ingest Dag landed something, after `refit`, and nightly. Takes everything pending in
`ops.load` at once and publishes it in one transaction, or publishes nothing. A run with nothing
pending ends green after `build`.

| failed task | what it means | you |
|---|---|---|
| `build` | the warehouse was not there, or a model is broken | read the log; clear `build` |
| `check` | data broke a contract: **nothing was published**, core is as it was | the log names \
the check and its five worst rows; `ops.check_result` has SQL that shows them. Correct the source \
and ingest again: that starts a new run |
| `attribute` | a fault in identity or credits | report it with the log |
| `check_credits` | credits do not add up to their orders: nothing was published | report it |
| `publish` | the transaction was undone | clear `publish` |
| any, `Superseded` | another run rebuilt the candidates meanwhile | nothing: that run published \
them. To be sure, clear `build` |

Checks are never retried: the same data would fail again.
"""

REFIT = """\
### The data-driven models learn again

Once a day, after the nightly `unify`: Markov and Shapley are fitted to each store's journeys of
the last 365 days, with and without a conversion, and to 200 bootstrap draws of them; purchases,
registrations and leads each have their own. A changed
result is a new version beside the old ones; it wakes `unify`, which credits all conversions of the
store with it and publishes that whole. A store with less than 100 converting and 100 other journeys
is left out: its Markov is linear, and every row says so (`markov_fallback`).

`tributary models list` shows the versions, `tributary models rollback STORE` goes back to the one
before, until the next run of this Dag. Running twice on the same journeys changes nothing.
"""

REFIT_TASK = "Fits store by store; the log counts stores and bootstrap draws."

BUILD = """\
Builds the changed days of all pending loads into schema `work`. When nothing is pending the rest
is skipped and the run is green.
"""

STEPS = {
    "check": (
        "Contracts as Great Expectations suites, and cross-checks, on core as it would be. A failed"
        " check of severity stop publishes nothing; the log shows the five worst rows by key."
    ),
    "attribute": "Joins identifiers to people and credits their conversions, under every model.",
    "check_credits": "Every model's credits must sum exactly to each conversion, to the cent.",
    "insights": (
        "Asks on the checked rows what a person may want to change: channels that moved, spend that"
        " earns nothing, tracking that broke. Final days only; published with the rest."
    ),
    "publish": (
        "Moves the candidate rows into core in one transaction, with every value that moved in"
        " `ops.revision`. Safe to clear: a published pass moves nothing twice."
    ),
}
