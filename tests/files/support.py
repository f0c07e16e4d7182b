"""A drop folder, its account, and the loop from files to core."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from tributary.clock import FixedClock
from tributary.connectors.files import CONNECTOR, recognise
from tributary.connectors.spec import Credentials, Page, Request
from tributary.pipeline import ingest, unify
from tributary.settings import Account, AccountConfig, StoreConfig
from tributary.warehouse import stores
from tributary.warehouse.connection import Connection
from tributary.window import Window

DATA = Path(__file__).resolve().parents[2] / "../shared/data"
WINDOW = Window.of_days(date(2026, 1, 1), date(2026, 1, 2))


@dataclass
class Extracted:
    """All pages of one stream put together, one dict per row."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[Any] = field(default_factory=list)
    files: list[Any] = field(default_factory=list)

    @property
    def lines(self) -> int:
        return sum(file.lines for file in self.files)

    @property
    def duplicates(self) -> int:
        return sum(file.duplicates for file in self.files)


def account_of(folder: Path, **options: str) -> Account:
    return Account(
        "shop", "files", "main", "Europe/Berlin", "EUR", {"folder": str(folder), **options}
    )


def extract(account: Account, stream: str, known: dict[str, str] | None = None) -> Extracted:
    """Run one stream's extraction and check what holds for every file."""
    spec, out = CONNECTOR.stream(stream), Extracted()
    request = Request(account, Credentials(), WINDOW, "incremental", known or {})
    pages: list[Page] = list(spec.extract(request))
    for page in pages:
        out.rows += [dict(zip(spec.columns, row, strict=True)) for row in page.rows]
        out.rejected += page.rejected
        assert page.file is not None
        if page.file.complete:
            out.files.append(page.file)
    assert len(out.rows) + len(out.rejected) == out.lines
    return out


class Loop:
    """Ingest and unify for one store whose only account is a drop folder."""

    def __init__(self, conn: Connection, folder: Path) -> None:
        self.conn = conn
        found = recognise(folder)
        self.store = StoreConfig(
            "shop",
            "Shop",
            found.timezone,
            found.currency,
            [AccountConfig("files", "main", options=found.options)],
            order_source=found.order_source,
        )
        self.account = Account(
            "shop", "files", "main", found.timezone, found.currency, found.options
        )
        self._runs = 0

    def ingest(self) -> dict[str, Any]:
        """Load every stream; counts by stream."""
        stores.sync(self.conn, [self.store], [CONNECTOR])
        self._runs += 1
        clock = FixedClock(datetime(2026, 1, 2, tzinfo=UTC) + timedelta(hours=self._runs))
        return {
            stream.name: ingest.ingest(
                self.conn,
                self.account,
                CONNECTOR,
                stream,
                Credentials(),
                WINDOW,
                "incremental",
                f"run {self._runs}",
                clock,
            ).counts
            for stream in CONNECTOR.streams
        }

    def unify(self) -> bool:
        clock = FixedClock(datetime(2026, 1, 3, tzinfo=UTC) + timedelta(hours=self._runs))
        return unify.unify(self.conn, f"run {self._runs}", clock)

    def run(self) -> dict[str, Any]:
        counts = self.ingest()
        self.unify()
        return counts

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.conn.execute(query).fetchall()

    def one(self, query: str) -> tuple[Any, ...]:
        (row,) = self.rows(query)
        return row
