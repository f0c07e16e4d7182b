"""Shares per touch as a Parquet file: one column per model, each path's shares sum to 1.

At a touch there is one Markov number: the path's conversion spread by its channels' effects.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tributary.attribution import Paths, touch_shares
from tributary.attribution_files import arrow
from tributary.attribution_files.answer import Answer
from tributary.attribution_files.output import UNATTRIBUTED
from tributary.errors import ConfigurationError

if TYPE_CHECKING:
    from tributary.attribution_files.event_files import Events, Part

_TIME = pa.timestamp("us", "UTC")


def write_paths(file: Path, answer: Answer) -> None:
    """One row per touch of each distinct converting path."""
    paths = answer.paths.converting()
    row = paths.path_of
    names = arrow.texts(paths.names)
    step = np.arange(len(row)) - np.repeat(paths.offsets[:-1], paths.sizes) + 1
    columns: dict[str, Any] = {
        "path": arrow.texts(_texts(paths)).take(arrow.numbers(row)),
        "step": step,
        "channel": names.take(arrow.numbers(paths.channel)),
        "conversions": paths.conversions[row],
    }
    if paths.value is not None:
        columns["value"] = paths.value[row]
    _write(file, [arrow.table({**columns, **_shares(paths, answer)})])


def write_events(file: Path, answer: Answer, events: Events, parts: Iterable[Part]) -> None:
    """One row per conversion and touch that counts for it; one for a conversion without any."""
    _write(file, (_event_table(part, answer, events) for part in parts))


def _event_table(part: Part, answer: Answer, events: Events) -> Any:
    won = part.journeys.paths.take(np.arange(len(part.journeys.conversion)))
    touch = arrow.numbers(part.journeys.touch[: len(won.channel)])
    alone = part.journeys.without
    none = len(alone)
    sale = np.concatenate([part.journeys.conversion[won.path_of], alone])
    sales = part.conversions.take(arrow.numbers(sale))
    names = arrow.texts(won.names).take(arrow.numbers(won.channel))
    columns: dict[str, Any] = {
        "conversion_id": sales.column("id") if events.has_id else pa.nulls(len(sale), pa.string()),
        "user_id": sales.column("user_id"),
        "converted_at": pc.cast(sales.column("at_us"), _TIME),
        "value": sales.column("value") if events.has_value else pa.nulls(len(sale), pa.float64()),
        "touch_at": _then_null(pc.cast(part.touches.column("at_us").take(touch), _TIME), none),
        "channel": pa.chunked_array([names, arrow.texts([UNATTRIBUTED] * none)]),
    }
    if events.has_campaign:
        words = arrow.texts(events.campaigns.words)
        campaign = words.take(part.touches.column("campaign").combine_chunks().take(touch))
        columns["campaign"] = _then_null(campaign, none)
    shares = {
        model: np.concatenate([share, np.ones(none)])
        for model, share in _shares(won, answer).items()
    }
    table = arrow.table({**columns, **shares})
    order = ["converted_at", "user_id", "conversion_id", "value"]
    place = arrow.numbers(np.arange(len(sale)))
    keys = [(name, "ascending") for name in (*order, "place")]
    ranked = pc.sort_indices(table.select(order).append_column("place", place), sort_keys=keys)
    return table.take(ranked)


def _shares(paths: Paths, answer: Answer) -> dict[str, npt.NDArray[np.float64]]:
    settings, effects = answer.asked.settings, answer.result.effects
    return {model: touch_shares(paths, model, settings, effects) for model in answer.models}


def _then_null(column: Any, rows: int) -> Any:
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    return pa.chunked_array([*chunks, pa.nulls(rows, column.type)], column.type)


def _texts(paths: Paths) -> list[str]:
    names = [paths.names[code] for code in paths.channel]
    ends = paths.offsets.tolist()
    return [" > ".join(names[a:b]) for a, b in pairwise(ends)]


def _write(file: Path, tables: Iterable[Any]) -> None:
    import pyarrow.parquet as parquet

    writer = None
    try:
        for table in tables:
            if writer is None:
                writer = parquet.ParquetWriter(file, table.schema)
            writer.write_table(table)
    except OSError as error:
        raise ConfigurationError(f"--per-touch {file} cannot be written: {error}") from error
    finally:
        if writer is not None:
            writer.close()
