"""Attribution against the best others, in one run.

    python -m bench.attribution [--touches 1e5,1e6,1e7] [--folder DIR]

Makes touches, installs the others into environments of their own, runs every engine as a process of
its own, one after the other, and writes bench/attribution/README.md. A run of more than 300 s or
8 GB did not finish. Seconds are from the first byte read to the answer, imports aside.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.attribution import peers
from bench.attribution.limit import read_by_copy
from bench.attribution.measured import Measured, measure
from bench.attribution.touches import Files, make

README = Path(__file__).with_name("README.md")
RULES = "first,last,linear,time_decay,position_based"
PATH_RULES = "first,last,linear"
EIGHT = "first,last,last_non_direct,linear,time_decay,position_based,markov,shapley"
GROWTH_CHANNELS, GROWTH_ROWS = (5, 10, 20, 50), 1_000_000
ACCURACY_ROWS = 40_000


@dataclass(frozen=True)
class Case:
    """An engine on a task; its answer is compared with `exact`, the one of ours on that task."""

    task: str
    engine: str
    command: list[str]


class Bench:
    """Runs cases and keeps their lines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pythons = {name: peers.install(folder / "peers", name) for name in peers.PACKAGES}
        self.lines: list[str] = []

    def say(self, text: str = "") -> None:
        self.lines.append(text)
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def write(self) -> None:
        """What is measured so far."""
        README.write_text("\n".join(self.lines) + "\n", encoding="utf-8")

    def scale(self, rows: int) -> None:
        """All tasks at a number of touches."""
        files = make(self.folder, rows)
        limit = read_by_copy(files)
        self.say(
            f"\n## {files.rows:,} touches, {files.people:,} journeys, {files.sales:,} convert\n"
        )
        self.say(f"Reading the touches by COPY takes {limit:.2f} s.\n")
        heads = ("task", "engine", "seconds", "of COPY", "whole process", "its CPU", "peak MB")
        self.say(f"| {' | '.join(heads)} | largest error |")
        self.say("|---|---|---|---|---|---|---|---|")
        exact: dict[str, dict[str, float]] = {}
        for case in self._cases(files):
            found = measure(case.command, self.folder)
            if case.engine == "tributary":
                exact[case.task] = found.answer
            self.say(_line(case, found, limit, exact.get(case.task, {})))
        for file in self.folder.glob(f"*-{rows}-*"):
            file.unlink()

    def _cases(self, files: Files) -> Iterator[Case]:
        yield from self._from_touches(files)
        path = str(files.paths)
        python = self.pythons["channelattribution"]
        task = "path file → 3 rules"
        yield Case(task, "tributary", peers.ours(path, "--models", PATH_RULES))
        command = peers.package(python, "channelattribution", files, "rules")
        yield Case(task, "ChannelAttribution", command)
        for order in ("1", "2", "3"):
            task = f"path file → Markov, order {order}"
            yield Case(task, "tributary", peers.ours(path, "--models", "markov", "--order", order))
            command = peers.package(python, "channelattribution", files, "markov", order)
            yield Case(task, "ChannelAttribution", command)
            if order == "1":
                command = peers.package(self.pythons["dp6"], "dp6", files, "markov")
                yield Case(task, "DP6", command)
        task = "path file → Shapley"
        yield Case(task, "tributary", peers.ours(path, "--models", "shapley"))
        command = peers.package(self.pythons["dp6"], "dp6", files, "shapley")
        yield Case(task, "DP6 (another game)", command)
        task = "path file → 7 models, 200 bootstrap draws"
        yield Case(task, "tributary", peers.ours(path, "--bootstrap", "200"))

    def _from_touches(self, files: Files) -> Iterator[Case]:
        frames = self.pythons["frames"]
        task = "touches → 5 rules"
        yield Case(task, "tributary", peers.from_touches(files, "--models", RULES))
        for engine in ("polars", "duckdb"):
            yield Case(task, engine, peers.frames(frames, engine, files))
        task = "touches → all 8 models"
        command = peers.from_touches(files, "--models", EIGHT)
        yield Case(task, "tributary", command)
        csv = [str(files.touches_csv) if word == str(files.touches) else word for word in command]
        yield Case(task, "tributary, touches in CSV", csv)
        for order in ("1", "2", "3"):
            task = f"touches → Markov, order {order}"
            command = peers.from_touches(files, "--models", "markov", "--order", order)
            yield Case(task, "tributary", command)
        yield Case("touches → path file", "duckdb", peers.frames(frames, "paths", files))

    def accuracy(self) -> None:
        """What ChannelAttribution's simulation costs for one percent."""
        files = make(self.folder, ACCURACY_ROWS)
        measure(peers.frames(self.pythons["frames"], "paths", files), self.folder)
        self.say(f"\n## Equal accuracy: {files.people:,} journeys, Markov of order 1\n")
        self.say("| engine | seconds | largest error |")
        self.say("|---|---|---|")
        exact = measure(peers.ours(str(files.paths), "--models", "markov"), self.folder)
        self.say(f"| tributary | {exact.inside:.3f} | exact |")
        for conv_par in ("0.05", "0.02", "0.01", "0.005"):
            python = self.pythons["channelattribution"]
            command = peers.package(python, "channelattribution", files, "markov", "1", conv_par)
            found = measure(command, self.folder)
            error = found.failure or f"{100 * _error(found.answer, exact.answer):.2f} %"
            self.say(f"| ChannelAttribution, conv_par {conv_par} | {found.inside:.2f} | {error} |")

    def growth(self) -> None:
        """Ours over channels and order."""
        self.say(f"\n## Growth: {GROWTH_ROWS:,} touches → Markov, seconds (peak MB)\n")
        self.say("| channels | order 1 | order 2 | order 3 | order 4 |")
        self.say("|---|---|---|---|---|")
        for channels in GROWTH_CHANNELS:
            files = make(self.folder, GROWTH_ROWS, channels)
            cells = []
            for order in ("1", "2", "3", "4"):
                command = peers.from_touches(files, "--models", "markov", "--order", order)
                found = measure(command, self.folder)
                cells.append(found.failure or f"{found.inside:.2f} ({found.peak_mb:.0f})")
            self.say(f"| {channels} | " + " | ".join(cells) + " |")


def _line(case: Case, found: Measured, limit: float, exact: dict[str, float]) -> str:
    if found.failure:
        told = f"{found.failure} | | | {found.cpu:.2f} | {found.peak_mb:.0f}"
        return f"| {case.task} | {case.engine} | {told} | |"
    error = ""
    if not case.engine.startswith("tributary") and found.answer:
        error = f"{100 * _error(found.answer, exact):.2g} %"
    return (
        f"| {case.task} | {case.engine} | {found.inside:.2f} | {found.inside / limit:.2f} "
        f"| {found.wall:.2f} | {found.cpu:.2f} | {found.peak_mb:.0f} | {error} |"
    )


def _error(found: dict[str, float], exact: dict[str, float]) -> float:
    """The largest relative difference of a channel's conversions under a model."""
    pairs = [(found[key], exact[key]) for key in sorted(set(found) & set(exact))]
    if not pairs or len(pairs) < len([key for key in exact if exact[key]]):
        raise ArithmeticError("the engines do not answer for the same channels")
    return max(abs(one - two) / abs(two) for one, two in pairs if two)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--touches", default="1e5,1e6,1e7", help="comma list of sizes")
    parser.add_argument("--folder", type=Path, help="for the data and the others' environments")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tributary-bench-") as name:
        bench = Bench(given.folder or Path(name))
        bench.say("# Attribution, measured")
        bench.say()
        bench.say(
            "Written by `make bench-attribution` (`python -m bench.attribution`). Ratios travel "
            "between machines, seconds do not: from the first byte read to the answer, imports "
            "aside; the whole process and its CPU seconds have them. One run, one process at a "
            "time."
        )
        bench.say()
        bench.say(
            f"{os.cpu_count()} cores ({platform.machine()}), load {os.getloadavg()[0]:.1f} at the "
            f"start, Python {platform.python_version()}; "
            + ", ".join(names[0] for names in peers.PACKAGES.values())
            + "."
        )
        for size in given.touches.split(","):
            bench.scale(int(float(size)))
            bench.write()
        bench.accuracy()
        bench.growth()
        bench.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
