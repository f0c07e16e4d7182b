"""The answer as CSV, JSON or a table for people. Numbers in CSV and JSON are never rounded."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from tributary.attribution.transitions import Transitions
from tributary.attribution_files.answer import Answer

UNATTRIBUTED = "(unattributed)"
START, CONVERSION, NULL = "(start)", "(conversion)", "(null)"

Row = tuple[str | float | None, ...]
Cells = npt.NDArray[np.float64] | None
CREDIT_COLUMNS = ("model", "channel", "conversions", "value", "share", "p05", "p95")
EFFECT_COLUMNS = ("channel", "removal_effect_conversions", "removal_effect_value")
MATRIX_COLUMNS = ("channel_from", "channel_to", "transition_probability")


def render(answer: Answer) -> str:
    """What goes to standard output, with its last line's end."""
    if answer.asked.style == "json":
        return json.dumps(_document(answer), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    asked = answer.asked
    columns: tuple[str, ...]
    if asked.transition_matrix and answer.result.chain is not None:
        columns, rows = MATRIX_COLUMNS, list(transition_rows(answer.result.chain))
    elif asked.removal_effects:
        columns, rows = EFFECT_COLUMNS, list(effect_rows(answer))
    elif asked.style == "csv":
        columns, rows = CREDIT_COLUMNS, list(credit_rows(answer))
    else:
        return _summary(answer)
    return _csv(columns, rows) if asked.style == "csv" else _table(columns, rows)


def credit_rows(answer: Answer) -> Iterator[Row]:
    """CREDIT_COLUMNS per model and channel; p05 and p95 are of the share."""
    result = answer.result
    for model in answer.models:
        credit, share = result.credits[model], result.shares(model)
        interval = answer.intervals[model] if answer.intervals else None
        for at, name in enumerate(result.names):
            yield (
                model,
                name,
                float(credit.conversions[at]),
                _at(credit.value, at),
                _at(share, at),
                _at(interval.p05, at) if interval else None,
                _at(interval.p95, at) if interval else None,
            )
        if result.unattributed_conversions or result.unattributed_value:
            value = None if result.total_value is None else result.unattributed_value
            part = result.unattributed_conversions / (result.total_conversions or math.nan)
            number = None if math.isnan(part) else part
            alone = result.unattributed_conversions
            yield (model, UNATTRIBUTED, alone, value, number, None, None)


def conservation(answer: Answer) -> dict[str, float]:
    """Per model how far its credits' exact sum is from all conversions, in conversions."""
    result = answer.result
    return {
        model: abs(
            math.fsum([*result.credits[model].conversions, result.unattributed_conversions])
            - result.total_conversions
        )
        for model in answer.models
    }


def effect_rows(answer: Answer) -> Iterator[Row]:
    """EFFECT_COLUMNS per channel."""
    effects = answer.result.effects
    if effects is not None:
        for at, name in enumerate(effects.names):
            yield name, float(effects.conversions[at]), _at(effects.value, at)


def transition_rows(chain: Transitions) -> Iterator[Row]:
    """MATRIX_COLUMNS per counted step; a state of order 2 or more reads `first > second`."""
    labels = [
        " > ".join(chain.names[code] for code in codes if code >= 0) for codes in chain.channels()
    ]
    journeys = float(chain.start.sum())
    for state, count in enumerate(chain.start):
        if count:
            yield START, labels[state], float(count) / journeys
    leaving = chain.leaving
    ends = ((CONVERSION, chain.conversions), (NULL, chain.nulls))
    first = np.searchsorted(chain.source, np.arange(len(labels) + 1))
    for state, label in enumerate(labels):
        for at in range(first[state], first[state + 1]):
            yield label, labels[chain.target[at]], float(chain.count[at] / leaving[state])
        for end, counts in ends:
            if counts[state]:
                yield label, end, float(counts[state] / leaving[state])


def _document(answer: Answer) -> dict[str, Any]:
    result, asked = answer.result, answer.asked
    models = []
    gaps = conservation(answer)
    for model in answer.models:
        interval = answer.intervals[model] if answer.intervals else None
        channels: list[dict[str, Any]] = []
        for row in credit_rows(answer):
            if row[0] == model:
                channels.append(dict(zip(CREDIT_COLUMNS[1:], row[1:], strict=True)))
        for at, channel in enumerate(channels):
            known = interval is not None and at < len(result.names)
            channel["p50"] = _at(interval.p50, at) if known and interval else None
            channel["rank_stability"] = (
                _at(interval.rank_stability, at) if known and interval else None
            )
        models.append({"model": model, "not_given_out": gaps[model], "channels": channels})
    document: dict[str, Any] = {
        "conversions": result.total_conversions,
        "value": result.total_value,
        "non_converting_journeys": float(answer.paths.nulls.sum()),
        "markov_order": result.chain.order if result.chain else None,
        "bootstrap": {"draws": asked.draws, "seed": asked.settings.seed} if asked.draws else None,
        "models": models,
    }
    if asked.removal_effects:
        document["removal_effects"] = _dicts(EFFECT_COLUMNS, effect_rows(answer))
    if asked.transition_matrix and result.chain is not None:
        document["transition_matrix"] = _dicts(MATRIX_COLUMNS, transition_rows(result.chain))
    return document


def _summary(answer: Answer) -> str:
    """Channels down, models across: conversions, and value below where there is any."""
    result = answer.result
    blocks = []
    for kind in ("conversions", "value") if result.total_value is not None else ("conversions",):
        columns = {model: getattr(result.credits[model], kind) for model in answer.models}
        first = columns[answer.models[0]]
        order = np.argsort(-first, kind="stable")
        rows = [
            [result.names[at], *(_pretty(cells[at]) for cells in columns.values())] for at in order
        ]
        alone = getattr(result, f"unattributed_{kind}")
        if alone:
            rows.append([UNATTRIBUTED, *(_pretty(alone) for _ in columns)])
        sums = (math.fsum([*cells, alone]) for cells in columns.values())
        rows.append(["total", *(_pretty(total) for total in sums)])
        blocks.append(_aligned([kind, *columns], rows))
    if answer.intervals:
        blocks.append(_interval_block(answer))
    nulls = _pretty(float(answer.paths.nulls.sum()))
    order_note = f", Markov of order {result.chain.order}" if result.chain else ""
    won = _pretty(result.total_conversions)
    gap = max(conservation(answer).values())
    blocks.append(
        f"{won} conversions, {nulls} journeys without one{order_note}; every model gives out all "
        f"of them, {'exactly' if not gap else f'to {gap:.0e}'}\n"
    )
    return "\n".join(blocks)


def _interval_block(answer: Answer) -> str:
    rows = []
    for at, name in enumerate(answer.result.names):
        cells = [name]
        for model in answer.models:
            one = (answer.intervals or {})[model]
            cells.append(f"{100 * one.p05[at]:.1f} - {100 * one.p95[at]:.1f}")
        rows.append(cells)
    return _aligned(["share %, p05 - p95", *answer.models], rows)


def _table(columns: tuple[str, ...], rows: list[Row]) -> str:
    return _aligned(
        list(columns),
        [[cell if isinstance(cell, str) else _short(cell) for cell in row] for row in rows],
    )


def _aligned(head: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    lines = []
    for row in [head, *rows]:
        cells = [
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def _csv(columns: tuple[str, ...], rows: list[Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([["" if cell is None else cell for cell in row] for row in rows])
    return text.getvalue()


def _dicts(columns: tuple[str, ...], rows: Iterator[Row]) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _at(cells: Cells, at: int) -> float | None:
    if cells is None or math.isnan(cells[at]):
        return None
    return float(cells[at])


def _pretty(number: float) -> str:
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.2f}"


def _short(number: float | None) -> str:
    return "" if number is None else f"{number:.6f}"
