"""What `up` ends with: the numbers, and where to go from here."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import msgspec

from tributary.local import airflow, databases
from tributary.local.databases import Databases
from tributary.local.postgres import bindirs
from tributary.local.state import Installation
from tributary.reports.summary import Summary, read_summary
from tributary.reports.text import render_summary

if TYPE_CHECKING:
    from tributary.local.supervisor import Outcome

# A first start loads history, and wants to see all of it.
_ALL_DAYS = 1_000_000


def as_text(installation: Installation, outcome: Outcome, known: Databases, url: str) -> str:
    """The summary for people."""
    failed = [f"{dag} {run}" for dag, run, state in outcome.runs if state != "success"]
    count = len(outcome.runs)
    verdict = "NOT everything succeeded"
    if outcome.is_success:
        verdict = f"All {count} runs succeeded" if count else "Nothing was due"
    lines = [
        "",
        render_summary(_read(known)),
        f"{verdict}, {outcome.seconds:.0f} s after the start.",
        *[f"Failed: {run}" for run in failed],
    ]
    if outcome.pending:
        lines.append(f"{outcome.pending} loads landed and are not published: see the Dag unify.")
    lines += [
        "",
        f"Airflow   {url}",
        f"Page      {url}/plugin/tributary",
        f"Login     {airflow.USER}, password in {installation.passwords_file}",
        f"SQL       {psql_line(known)}",
        "",
    ]
    return "\n".join(lines)


def as_json(installation: Installation, outcome: Outcome, known: Databases, url: str) -> str:
    """The summary for scripts; amounts are exact numbers."""
    content: dict[str, Any] = {
        "success": outcome.is_success,
        "seconds": round(outcome.seconds, 1),
        "runs": [{"dag_id": d, "run_id": r, "state": s} for d, r, s in outcome.runs],
        "loads_pending": outcome.pending,
        "airflow_url": url,
        "user": airflow.USER,
        "password_file": str(installation.passwords_file),
        "analyst_url": known.analyst_url(),
        "summary": _read(known),
    }
    encoder = msgspec.json.Encoder(decimal_format="number")
    return msgspec.json.format(encoder.encode(content), indent=1).decode() + "\n"


def psql_line(known: Databases) -> str:
    """How to get to the warehouse's prompt; the password stays in its file."""
    if known.is_own_warehouse:
        return 'psql "$TRIBUTARY_WAREHOUSE_URL"'
    psql = shutil.which("psql")
    found = [folder / "psql" for folder in bindirs() if (folder / "psql").is_file()]
    return f'{psql or (found[0] if found else "psql")} "{known.analyst_url()}"'


def _read(known: Databases) -> Summary:
    with databases.open_warehouse(known) as conn:
        return read_summary(conn, _ALL_DAYS)
