"""Writes the files a store finds in its drop folder: spend, and event-export days where they come
so.

Each file is replaced in one step and only when its bytes differ; files of days that are no longer
there (the clock moved back) are removed. Nothing else in the folder is touched.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tributary.sandbox import ga4, spend
from tributary.sandbox.catalog import STORES, Store
from tributary.sandbox.world import World

_OURS = re.compile(r"events_\d{8}\.parquet")


def write(world: World, folder: Path) -> int:
    """Bring the folders of all stores to the world's moment; returns how many files changed."""
    changed = 0
    for store in STORES.values():
        target = folder / store.id
        target.mkdir(parents=True, exist_ok=True)
        files = contents(world, store)
        for name, data in files.items():
            changed += _replace(target / name, data)
        for path in target.iterdir():
            if _OURS.fullmatch(path.name) and path.name not in files:
                path.unlink()
                changed += 1
    return changed


def contents(world: World, store: Store) -> dict[str, bytes]:
    """File name -> bytes. The same world gives the same bytes."""
    files = {"spend.csv": spend.text(world, store).encode()}
    if store.event_export != "files":
        return files
    for day, events in sorted(ga4.days(world, store).items()):
        files[f"events_{day:%Y%m%d}.parquet"] = _parquet(events)
    return files


def _parquet(rows: list[ga4.Row]) -> bytes:
    out = io.BytesIO()
    table = pa.Table.from_pylist(rows, schema=ga4.SCHEMA)
    # Every option that shapes the bytes is said, so that a new default changes nothing.
    pq.write_table(
        table,
        out,
        version="2.6",
        compression="snappy",
        use_dictionary=True,
        write_statistics=False,
        data_page_version="1.0",
        row_group_size=100_000,
    )
    return out.getvalue()


def _replace(path: Path, data: bytes) -> int:
    """Write atomically; 0 when the file holds these bytes already."""
    if path.exists() and _digest(path.read_bytes()) == _digest(data):
        return 0
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(data)
    os.replace(partial, path)
    return 1


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
