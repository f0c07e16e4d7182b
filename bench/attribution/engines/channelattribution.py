"""ChannelAttribution 2.2.5 on a file of collapsed paths: its rules, or its Markov simulation.

python channelattribution.py PATHS.csv rules|markov [ORDER [CONV_PAR]]
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time

import ChannelAttribution
import pandas  # type: ignore[import-untyped,unused-ignore]

COLUMNS = ("path", "total_conversions", "total_conversion_value")


def main(file: str, model: str, order: str = "1", conv_par: str = "0.05") -> None:
    begun = time.perf_counter()
    frame = pandas.read_csv(file)
    with contextlib.redirect_stdout(io.StringIO()):
        if model == "rules":
            found = ChannelAttribution.heuristic_models(frame, *COLUMNS, flg_pro=False)
        else:
            found = ChannelAttribution.markov_model(
                frame,
                *COLUMNS,
                var_null="total_null",
                order=int(order),
                conv_par=float(conv_par),
                verbose=False,
                flg_pro=False,
            )
    seconds = time.perf_counter() - begun
    answer = {}
    names = {"markov": "total_conversions"}
    if model == "rules":
        names = {rule: f"{rule}_touch_conversions" for rule in ("first", "last", "linear")}
    for row in found.to_dict("records"):
        for name, column in names.items():
            answer[f"{name}/{row['channel_name']}"] = row[column]
    sys.stdout.write("\n" + json.dumps({"seconds": seconds, "answer": answer}) + "\n")


main(*sys.argv[1:])
