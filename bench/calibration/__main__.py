"""Each model against a world whose incremental effects are known, and the intervals' coverage.

    python -m bench.calibration [--samples 200] [--people 4000] [--draws 200]

Draws the sandbox's journeys again and again, attributes each sample with its bootstrap, and writes
bench/calibration/README.md. The same figures for the same arguments on any machine.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.calibration.repeated import MODELS, Repeated, repeat

README = Path(__file__).with_name("README.md")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--people", type=int, default=4_000)
    parser.add_argument("--draws", type=int, default=200)
    asked = parser.parse_args()

    def progress(done: int) -> None:
        if done % 20 == 0:
            sys.stderr.write(f"{done} of {asked.samples} samples\n")

    found = repeat(asked.samples, asked.people, asked.draws, progress=progress)
    text = report(found, asked.samples, asked.people, asked.draws)
    README.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def report(found: Repeated, samples: int, people: int, draws: int) -> str:
    """The figures as Markdown."""
    held = sum(int(found.held(model).sum()) for model in MODELS)
    cells = sum(found.held(model).size for model in MODELS)
    lines = [
        "# Calibration",
        "",
        f"Written by `make bench-calibration` (`python -m bench.calibration --samples {samples}"
        f" --people {people} --draws {draws}`).",
        "",
        f"{samples} samples of {people:,} people who follow the sandbox's law"
        " (`bench/calibration/world.py`) up to their first order. What each channel truly adds is"
        " solved from that law: the orders that would be lost if its visits added nothing. All"
        f" channels together add {found.added:.1%} of the orders; the rest would come anyway.",
        "",
        "## Error against the true incremental effects",
        "",
        "Every model gives out all orders, so its shares are compared with each channel's part of"
        " what is added. RMSE is over channels and samples, in points of share; bias is the same of"
        " the mean over the samples, which more journeys do not cure; rank is Spearman's"
        " correlation, the mean over the samples.",
        "",
        "| model | RMSE | bias | rank |",
        "|---|---|---|---|",
    ]
    for model in sorted(MODELS, key=found.rmse):
        rmse, bias = 100 * found.rmse(model), 100 * found.bias(model)
        lines.append(f"| {model} | {rmse:.2f} | {bias:.2f} | {found.rank(model):.3f} |")
    lines += [
        "",
        "Mean share of each channel, in percent:",
        "",
        "| channel | true | " + " | ".join(MODELS) + " |",
        "|---|---|" + "---|" * len(MODELS),
    ]
    for n, channel in enumerate(found.names):
        shares = [f"{100 * found.shares[model][:, n].mean():.1f}" for model in MODELS]
        lines.append(f"| {channel} | {100 * found.true[n]:.1f} | " + " | ".join(shares) + " |")
    lines += [
        "",
        "## Coverage of the intervals",
        "",
        f"**{held:,} of {cells:,} intervals ({held / cells:.2%}) hold the repeated-sample value.**"
        f" An interval is one sample's bootstrap p05 to p95 ({draws} draws); the value is the mean"
        f" share over all {samples} samples. About 90 % should: percentiles of {draws} draws are"
        f" expected to hold {expected(draws):.1%}. Of {samples} per cell:",
        "",
        "| channel | " + " | ".join(MODELS) + " |",
        "|---|" + "---|" * len(MODELS),
    ]
    for n, channel in enumerate(found.names):
        counts = [str(int(found.held(model)[:, n].sum())) for model in MODELS]
        lines.append(f"| {channel} | " + " | ".join(counts) + " |")
    totals = [str(int(found.held(model).sum())) for model in MODELS]
    lines.append(f"| of {samples * len(found.names):,} | " + " | ".join(totals) + " |")
    return "\n".join(lines) + "\n"


def expected(draws: int) -> float:
    """How many intervals from so many draws hold, where the draws are like the samples."""
    return 0.9 * (draws - 1) / (draws + 1)


if __name__ == "__main__":
    sys.exit(main())
