"""marketing-attribution-models 2.1.1 (DP6) on a file of collapsed paths: Markov order 1, Shapley.

python dp6.py PATHS.csv markov|shapley
"""

from __future__ import annotations

import json
import sys
import time

import polars
from mam.core import MAM
from mam.models.markov import MarkovModel


def main(file: str, model: str) -> None:
    begun = time.perf_counter()
    frame = polars.read_csv(file)
    parts = [
        frame.select("path", polars.col(column).alias("occurrences"), converts=converts).filter(
            polars.col("occurrences") > 0
        )
        for column, converts in (
            ("total_conversions", polars.lit(value=True)),
            ("total_null", polars.lit(value=False)),
        )
    ]
    mam = MAM(
        polars.concat(parts),
        format_type="grouped_journey",
        channels_colname="path",
        journey_with_conv_colname="converts",
        occurrences_colname="occurrences",
    )
    if model == "markov":
        # Its weights, without run_markov's spreading over touches: that is another number.
        total = frame["total_conversions"].sum()
        weights = MarkovModel()._compute_markov(mam.unified_df)
        found = {name: weight * total for name, weight in weights.items()}
    else:
        found = dict(mam.run_shapley().to_polars().rows())
    seconds = time.perf_counter() - begun
    answer = {f"{model}/{name}": float(credit) for name, credit in found.items() if name}
    sys.stdout.write("\n" + json.dumps({"seconds": seconds, "answer": answer}) + "\n")


main(*sys.argv[1:])
