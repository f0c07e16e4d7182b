"""The command itself, with its imports done before the clock starts. Prints its own CSV to a file.

    python tributary_command.py MODEL... -- ARGUMENTS OF tributary attribute

The answer is conversions per channel, under `model/channel`.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sys
import time

import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet  # noqa: F401

from tributary.attribution_files import command, event_files, path_files  # noqa: F401
from tributary.cli import cli


def main() -> None:
    out = io.StringIO()
    begun = time.perf_counter()
    with contextlib.redirect_stdout(out):
        cli(["attribute", *sys.argv[1:], "--format", "csv"], standalone_mode=False)
    seconds = time.perf_counter() - begun
    rows = csv.DictReader(io.StringIO(out.getvalue()))
    answer = {f"{row['model']}/{row['channel']}": float(row["conversions"]) for row in rows}
    sys.stdout.write(json.dumps({"seconds": seconds, "answer": answer}) + "\n")


main()
