"""The physical limit: the same touches read out of PostgreSQL by COPY, and thrown away."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from bench.attribution.touches import Files
from tributary.local.postgres import Cluster, free_port
from tributary.warehouse.connection import connect

_BLOCK = 1 << 20


def read_by_copy(files: Files) -> float:
    """Seconds of the second reading, with the table in memory; binary, person, time and channel."""
    with tempfile.TemporaryDirectory(prefix="tributary-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        cluster = Cluster(folder, free_port())
        cluster.start()
        try:
            with connect(cluster.url("postgres")) as conn:
                conn.execute(
                    "create table touches (user_id bigint, time timestamptz, channel text)"
                )
                with (
                    files.touches_csv.open("rb") as source,
                    conn.cursor().copy("copy touches from stdin (format csv, header)") as copy,
                ):
                    while block := source.read(_BLOCK):
                        copy.write(block)
                conn.execute("analyze touches")
                for _ in range(2):
                    begun, size = time.perf_counter(), 0
                    with conn.cursor().copy("copy touches to stdout (format binary)") as copy:
                        for piece in copy:
                            size += len(piece)
                    seconds = time.perf_counter() - begun
                if size < files.rows * 20:
                    raise ArithmeticError(f"COPY gave {size} bytes for {files.rows} touches")
        finally:
            cluster.stop()
            cluster.remove()
    return seconds
