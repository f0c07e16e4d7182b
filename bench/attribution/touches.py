"""Made touches and conversions: the same ones for a size, a number of channels and a seed.

Geometric path lengths (mean 4, at most 50), Zipf-like channels, 35 % repeats, exponential gaps, 4 %
of the people convert once, after their last touch. So a person is a journey, for every engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet

_MEAN, _LONGEST, _DAY = 4.0, 50, 86_400_000_000
_BEGIN = 1_735_689_600_000_000  # 2025-01-01 UTC
Int = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Files:
    """What an engine reads."""

    touches: Path
    conversions: Path
    touches_csv: Path
    paths: Path
    rows: int
    people: int
    sales: int


def make(folder: Path, rows: int, channels: int = 10, seed: int = 1) -> Files:
    """Touches in the order of their times, as Parquet and CSV; conversions as Parquet."""
    random = np.random.default_rng(seed)
    sizes = _sizes(random, rows)
    people, total = len(sizes), int(sizes.sum())
    first = np.cumsum(sizes) - sizes
    person = np.repeat(np.arange(people), sizes)
    gaps = random.exponential(1.5 * _DAY, total)
    gaps[first] = random.uniform(0, 60 * _DAY, people)
    ends = np.cumsum(gaps)
    at = (_BEGIN + ends - np.repeat(ends[first] - gaps[first], sizes)).astype(np.int64)
    channel = _channels(random, total, first, channels)
    lift = np.add.reduceat(np.linspace(0.6, -0.4, channels)[channel], first) / np.sqrt(sizes)
    chance = np.exp(lift + 0.25 * np.log(sizes))
    buys = np.flatnonzero(random.random(people) < chance * 0.04 / chance.mean())
    sold = at[first[buys] + sizes[buys] - 1] + random.exponential(0.15 * _DAY, len(buys))
    value = np.round(random.lognormal(4.1, 0.7, len(buys)), 2)
    order = np.argsort(at, kind="stable")
    names = pa.array([f"channel {number:02d}" for number in range(channels)])
    touches = {
        "user_id": pa.array(person[order]),
        "time": _times(at[order]),
        "channel": names.take(pa.array(channel[order])),
    }
    sales = {"user_id": pa.array(buys), "time": _times(sold.astype(np.int64)), "value": value}
    tag = f"{rows}-{channels}"
    files = Files(
        folder / f"touches-{tag}.parquet",
        folder / f"conversions-{tag}.parquet",
        folder / f"touches-{tag}.csv",
        folder / f"paths-{tag}.csv",
        total,
        people,
        len(buys),
    )
    parquet.write_table(pa.table(touches), files.touches)
    parquet.write_table(pa.table(sales), files.conversions)
    arrow_csv.write_csv(pa.table(touches), files.touches_csv)
    return files


def _sizes(random: np.random.Generator, rows: int) -> Int:
    sizes = np.minimum(random.geometric(1 / _MEAN, int(rows / _MEAN * 1.1) + 10), _LONGEST)
    kept: Int = sizes[: int(np.searchsorted(np.cumsum(sizes), rows)) + 1].astype(np.int64)
    return kept


def _channels(random: np.random.Generator, total: int, first: Int, channels: int) -> Int:
    """Later touches come from another mixture than first ones, and often repeat."""
    part = 1 / np.arange(1, channels + 1) ** 0.9
    part /= part.sum()
    later = (part + np.roll(part, 2)) / 2
    channel = random.choice(channels, total, p=later)
    channel[first] = random.choice(channels, len(first), p=part)
    repeats = np.flatnonzero(random.random(total) < 0.35)
    repeats = np.setdiff1d(repeats, first)
    channel[repeats] = channel[repeats - 1]
    found: Int = channel.astype(np.int64)
    return found


def _times(at_us: Int) -> Any:
    return pa.array(at_us, pa.timestamp("us", "UTC"))
