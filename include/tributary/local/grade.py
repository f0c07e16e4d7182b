"""Compares core with the sandbox world's truth, cell by cell, in both directions.

A cell is a number of a (connector, measure, store, day, channel, currency); absent and zero are
the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType

import msgspec

from tributary.local import grade_queries
from tributary.sandbox.truth import MARKOV, Cells, Key
from tributary.warehouse.connection import Connection

_SHOWN_MISMATCHES = 20


@dataclass(frozen=True)
class Measure:
    """How one measure of a store did; totals are exact sums over its cells."""

    connector: str
    measure: str
    store: str
    currency: str
    cells: int
    exact_cells: int
    expected_total: Decimal
    found_total: Decimal


@dataclass(frozen=True)
class Mismatch:
    connector: str
    measure: str
    store: str
    day: date
    channel: str
    currency: str
    expected: Decimal
    found: Decimal


@dataclass(frozen=True)
class GradeReport:
    """Exact only when there is something to compare and every cell of it is equal.

    `notes` say what could not be compared.
    """

    seed: int
    measures: tuple[Measure, ...]
    mismatches: tuple[Mismatch, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_exact(self) -> bool:
        return bool(self.measures) and not self.mismatches

    @property
    def exit_code(self) -> int:
        return 0 if self.is_exact else 1

    def to_json(self) -> str:
        """{"seed", "measures": [...], "mismatches": [...], "notes": [...]}; exact numbers."""
        content = {
            "seed": self.seed,
            "measures": [asdict(measure) for measure in self.measures],
            "mismatches": [asdict(mismatch) for mismatch in self.mismatches],
            "notes": self.notes,
        }
        encoder = msgspec.json.Encoder(decimal_format="number")
        return msgspec.json.format(encoder.encode(content), indent=1).decode()

    def to_text(self) -> str:
        """A table per connector, then the first mismatches and a verdict."""
        lines: list[str] = []
        for connector in sorted({m.connector for m in self.measures}):
            lines += [*_table(connector, self.measures), ""]
        for wrong in self.mismatches[:_SHOWN_MISMATCHES]:
            where = " ".join(filter(None, (wrong.channel, wrong.currency)))
            lines.append(
                f"{wrong.connector} {wrong.measure} {wrong.store} {wrong.day} {where}:"
                f" expected {wrong.expected}, found {wrong.found}"
            )
        more = len(self.mismatches) - _SHOWN_MISMATCHES
        if more > 0:
            lines.append(f"... and {more} more; --json lists all of them")
        lines += self.notes
        cells = sum(m.cells for m in self.measures)
        all_of_them = "every cell that could be compared" if self.notes else "every cell"
        verdict = f"{all_of_them} is exact" if self.is_exact else "NOT exact"
        wrong_cells = f"{len(self.mismatches)} wrong"
        lines.append(f"seed {self.seed}: {cells} cells, {wrong_cells}: {verdict}")
        return "\n".join(lines)


def grade(
    conn: Connection, expected: Cells, seed: int, more: Mapping[Key, Decimal] = MappingProxyType({})
) -> GradeReport:
    """Compare what core holds, and `more` that was found, with `expected`
    (tributary.sandbox.truth.cells). Markov is compared where it is expected."""
    graded = {key.store for key in expected if key.measure == MARKOV}
    stated = {
        key: value
        for key, value in {**found(conn), **more}.items()
        if key.measure != MARKOV or key.store in graded
    }
    groups: dict[tuple[str, str, str, str], list[Key]] = {}
    for key in sorted(expected.keys() | stated.keys()):
        group = (key.connector, key.measure, key.store, key.currency)
        groups.setdefault(group, []).append(key)
    measures, mismatches = [], []
    for group, keys in sorted(groups.items()):
        wrong = [
            Mismatch(
                key.connector,
                key.measure,
                key.store,
                key.day,
                key.channel,
                key.currency,
                _of(expected, key),
                _of(stated, key),
            )
            for key in keys
            if _of(expected, key) != _of(stated, key)
        ]
        connector, measure, store, currency = group
        measures.append(
            Measure(
                connector,
                measure,
                store,
                currency,
                cells=len(keys),
                exact_cells=len(keys) - len(wrong),
                expected_total=sum((_of(expected, key) for key in keys), Decimal(0)),
                found_total=sum((_of(stated, key) for key in keys), Decimal(0)),
            )
        )
        mismatches += wrong
    return GradeReport(seed, tuple(measures), tuple(mismatches))


def found(conn: Connection) -> Cells:
    """The graded cells as core has them; zeros left out."""
    cells: Cells = {}
    for measure, query in grade_queries.measures().items():
        for connector, store, day, channel, currency, value in conn.execute(query).fetchall():
            if value:
                key = Key(connector, measure, store, day, channel, currency)
                cells[key] = Decimal(value)
    return cells


def _of(cells: Mapping[Key, Decimal], key: Key) -> Decimal:
    return cells.get(key, Decimal(0))


def _table(connector: str, measures: Iterable[Measure]) -> list[str]:
    head = ("store", "measure", "currency", "cells", "exact", "expected", "found", "")
    rows = [
        (
            m.store,
            m.measure,
            m.currency,
            str(m.cells),
            str(m.exact_cells),
            f"{m.expected_total:,}",
            f"{m.found_total:,}",
            "" if m.cells == m.exact_cells else "<-",
        )
        for m in measures
        if m.connector == connector
    ]
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = [connector]
    for row in (head, *rows):
        cells = (
            text.rjust(width) if 3 <= i <= 6 else text.ljust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append(("  " + "  ".join(cells)).rstrip())
    return lines
