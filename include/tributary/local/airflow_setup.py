"""One process for all of Airflow's setup (each CLI call would cost seconds of imports):

    python -m tributary.local.airflow_setup < plan.json

Migrates the metadata database if asked and makes pools and connections. The plan comes by standard
input, because it holds secrets: {"migrate": true, "connections": [{ConnectionSeed fields}]}; a
connection with `url` is a postgresql:// one. Says MIGRATED in a line of its own once the tables are
there, so that others can start before the connections are made.
"""

from __future__ import annotations

import json
import sys
from typing import Any

MIGRATED = "tributary: migrated"


def main() -> None:
    plan: dict[str, Any] = json.load(sys.stdin)
    if plan["migrate"]:
        from airflow.cli.cli_parser import get_parser

        arguments = get_parser().parse_args(["db", "migrate"])
        arguments.func(arguments)
        sys.stdout.write(f"\n{MIGRATED}\n")
        sys.stdout.flush()
    from tributary.orchestration.setup import ConnectionSeed, ensure

    seeds = [
        ConnectionSeed.postgres(**seed) if "url" in seed else ConnectionSeed(**seed)
        for seed in plan["connections"]
    ]
    sys.stderr.write(f"connections and pools: {ensure(seeds)}\n")


if __name__ == "__main__":
    main()
