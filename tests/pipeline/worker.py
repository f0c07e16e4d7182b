"""A process that does jobs in forked children, so that a child can be killed and started again
quickly: everything is imported once, here.

One job a line comes by standard input. Written are `pid N`, then by the child `step NAME` before
each step, `at SECONDS STATEMENT` with `statements`, and at the end `exit CODE`.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from datetime import datetime
from pathlib import Path
from typing import Any

import great_expectations  # noqa: F401
import pyarrow.csv
import pyarrow.parquet  # noqa: F401

from tributary.clock import SystemClock
from tributary.connectors.spec import all_connectors
from tributary.local.grade_seed import Served
from tributary.pipeline import unify
from tributary.pipeline.ingest import ingest
from tributary.settings import accounts
from tributary.warehouse.connection import connect
from tributary.window import Window


def main() -> None:
    all_connectors()
    say("ready")
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(work(job))
        say(f"pid {child}")
        _, status = os.waitpid(child, 0)
        say(f"exit {os.waitstatus_to_exitcode(status)}")


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def work(job: dict[str, Any]) -> int:
    try:
        with connect(job["url"]) as conn:
            for step in job["steps"]:
                say(f"step {step}")
                if not do(conn, job, step):
                    break
        return 0
    except BaseException:
        say("error " + json.dumps(traceback.format_exc()))
        return 1


def do(conn: Any, job: dict[str, Any], step: str) -> bool:
    """One step: `load CONNECTOR__ACCOUNT STREAM`, or one of unify's; False when all is done."""
    clock = SystemClock()
    name, *of = step.split()
    if name != "load":
        return getattr(unify, name)(conn, job["run_id"], clock) is not False
    served = Served(job["served"]["url"], Path(job["served"]["folder"]), job["served"]["tokens"])
    account = next(a for a in accounts(served.stores()) if a.connection_id == of[0])
    connector = all_connectors()[account.connector]
    stream = connector.stream(of[1])
    start, end = (datetime.fromisoformat(text) for text in job["window"])
    ingest(
        conn,
        account,
        connector,
        stream,
        served.credentials(account),
        Window(start, end).widened(stream.restate_days),
        job.get("mode", "incremental"),
        job["run_id"],
        clock,
    )
    return True


if __name__ == "__main__":
    main()
