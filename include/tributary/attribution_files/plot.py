"""The answer as one SVG: converting paths as a Sankey, and each model's shares with intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import numpy as np

from tributary.attribution import Paths
from tributary.attribution_files.answer import Answer

_WIDTH, _MARGIN = 1120, 24
_SANKEY_TOP, _SANKEY_HEIGHT = 70, 380
_STEPS, _CHANNELS, _GAP, _NODE = 5, 8, 6, 14
_BAR, _GROUP_GAP = 11, 14
_NAME_WIDTH = 170
_COLOURS = (
    "#3b6fb6",
    "#d9822b",
    "#4f9d69",
    "#b8493f",
    "#7a5ea8",
    "#8a6d4b",
    "#c76aa0",
    "#6b7785",
    "#a9a13c",
    "#3f9aa8",
)
_OTHER, _END = "other channels", "conversion"


@dataclass(frozen=True)
class _Node:
    x: float
    y: float
    height: float


def draw(answer: Answer) -> str:
    """The whole picture."""
    paths = answer.paths.converting()
    colour = _colours(answer)
    bars_top = _SANKEY_TOP + _SANKEY_HEIGHT + 70
    height = bars_top + _bars_height(answer) + 40
    body = [
        _text(_MARGIN, 32, "Paths that convert", size=18, weight=600),
        _text(
            _MARGIN,
            52,
            f"the first {_STEPS} touches, then the conversion; width is conversions",
            colour="#667",
        ),
        *_sankey(paths, colour),
        _text(_MARGIN, bars_top - 24, "Shares of conversions by model", size=18, weight=600),
        *_bars(answer, colour, bars_top),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height:.0f}" '
        f'viewBox="0 0 {_WIDTH} {height:.0f}" font-family="system-ui, sans-serif" font-size="12">'
    )
    return "\n".join(
        [head, f'<rect width="{_WIDTH}" height="{height:.0f}" fill="#fff"/>', *body, "</svg>\n"]
    )


def _colours(answer: Answer) -> dict[str, str]:
    """The largest channels have a colour of their own."""
    credit = answer.result.credits[answer.models[0]].conversions
    largest = np.argsort(-credit, kind="stable")[: len(_COLOURS)]
    return {answer.result.names[at]: _COLOURS[place] for place, at in enumerate(largest)}


def _flows(paths: Paths, kept: dict[str, str]) -> dict[tuple[int, str, int, str], float]:
    """Conversions that go from a channel at one step to a channel, or the end, at the next."""
    flows: dict[tuple[int, str, int, str], float] = {}
    names = [name if name in kept else _OTHER for name in paths.names]
    for step in range(_STEPS):
        here = np.flatnonzero(paths.sizes > step)
        goes_on = paths.sizes[here] > step + 1
        if step + 1 == _STEPS:
            goes_on[:] = False
        source = paths.channel[paths.offsets[here] + step]
        target = np.full(len(here), len(names))
        target[goes_on] = paths.channel[paths.offsets[here[goes_on]] + step + 1]
        pairs, place = np.unique(source * (len(names) + 1) + target, return_inverse=True)
        totals = np.bincount(place, weights=paths.conversions[here], minlength=len(pairs))
        for pair, total in zip(pairs.tolist(), totals.tolist(), strict=True):
            one, other = divmod(pair, len(names) + 1)
            ends = other == len(names)
            key = (
                step,
                names[one],
                _STEPS if ends else step + 1,
                _END if ends else names[other],
            )
            flows[key] = flows.get(key, 0.0) + total
    return flows


def _sankey(paths: Paths, colour: dict[str, str]) -> Iterator[str]:
    kept = dict(list(colour.items())[:_CHANNELS])
    flows = _flows(paths, kept)
    whole = float(paths.conversions.sum())
    if not whole:
        yield _text(_MARGIN, _SANKEY_TOP + 20, "no path converts", colour="#667")
        return
    scale = (_SANKEY_HEIGHT - _GAP * (_CHANNELS + 1)) / whole
    nodes = _nodes(flows, [*kept, _OTHER, _END], scale)
    left = {key: node.y for key, node in nodes.items()}
    right = dict(left)
    rank = {name: place for place, name in enumerate([*kept, _OTHER, _END])}
    for (step, name, to, other), total in sorted(
        flows.items(), key=lambda item: (item[0][0], rank[item[0][1]], item[0][2], rank[item[0][3]])
    ):
        width = total * scale
        one, two = (step, name), (to, other)
        yield _ribbon(
            nodes[one].x + _NODE,
            left[one],
            nodes[two].x,
            right[two],
            width,
            colour.get(name, "#b8bec6"),
            f"{name} → {other}: {total:,.0f}",
        )
        left[one] += width
        right[two] += width
    for (_, name), node in nodes.items():
        fill = "#222" if name == _END else colour.get(name, "#b8bec6")
        yield (
            f'<rect x="{node.x:.1f}" y="{node.y:.1f}" width="{_NODE}" '
            f'height="{max(node.height, 0.5):.1f}" fill="{fill}"/>'
        )
        if node.height >= 9:
            yield _text(node.x + _NODE + 4, node.y + node.height / 2 + 4, name)


def _nodes(
    flows: dict[tuple[int, str, int, str], float], names: list[str], scale: float
) -> dict[tuple[int, str], _Node]:
    out: dict[tuple[int, str], float] = {}
    into: dict[tuple[int, str], float] = {}
    for (step, name, to, other), total in flows.items():
        out[step, name] = out.get((step, name), 0.0) + total
        into[to, other] = into.get((to, other), 0.0) + total
    span = (_WIDTH - 2 * _MARGIN - 110) / _STEPS
    nodes: dict[tuple[int, str], _Node] = {}
    for step in range(_STEPS + 1):
        y = float(_SANKEY_TOP)
        for name in names:
            total = max(out.get((step, name), 0.0), into.get((step, name), 0.0))
            if total:
                nodes[step, name] = _Node(_MARGIN + step * span, y, total * scale)
                y += total * scale + _GAP
    return nodes


def _ribbon(
    x: float, y: float, to_x: float, to_y: float, width: float, colour: str, title: str
) -> str:
    middle, thick = (x + to_x) / 2, max(width, 0.3)
    curve = (
        f"M{x:.1f},{y:.1f} C{middle:.1f},{y:.1f} {middle:.1f},{to_y:.1f} {to_x:.1f},{to_y:.1f} "
        f"v{thick:.1f} C{middle:.1f},{to_y + thick:.1f} {middle:.1f},{y + thick:.1f} "
        f"{x:.1f},{y + thick:.1f} Z"
    )
    return f'<path d="{curve}" fill="{colour}" opacity="0.35"><title>{escape(title)}</title></path>'


def _bars_height(answer: Answer) -> float:
    return len(answer.result.names) * (len(answer.models) * _BAR + _GROUP_GAP) + 40


def _bars(answer: Answer, colour: dict[str, str], top: float) -> Iterator[str]:
    """Per channel a bar for each model; the line across it is p05 to p95."""
    result = answer.result
    shares = {model: np.nan_to_num(result.shares(model)) for model in answer.models}
    highs = [interval.p95 for interval in (answer.intervals or {}).values()]
    largest = max((float(part.max(initial=0.0)) for part in [*shares.values(), *highs]), default=0)
    left = _MARGIN + _NAME_WIDTH
    scale = (_WIDTH - left - _MARGIN - 150) / (largest or 1.0)
    y = float(top)
    for at in np.argsort(-shares[answer.models[0]], kind="stable"):
        name = result.names[at]
        yield _text(_MARGIN, y + _BAR, name, weight=600)
        for model in answer.models:
            share = float(shares[model][at])
            yield (
                f'<rect x="{left}" y="{y:.1f}" width="{share * scale:.1f}" height="{_BAR - 2}" '
                f'fill="{colour.get(name, "#b8bec6")}"/>'
            )
            end = share
            if answer.intervals:
                interval = answer.intervals[model]
                low, end = float(interval.p05[at]), max(share, float(interval.p95[at]))
                yield (
                    f'<line x1="{left + low * scale:.1f}" x2="{left + end * scale:.1f}" '
                    f'y1="{y + _BAR / 2 - 1:.1f}" y2="{y + _BAR / 2 - 1:.1f}" stroke="#111"/>'
                )
            yield _text(
                left + end * scale + 5,
                y + _BAR - 2,
                f"{model} {100 * share:.1f} %",
                size=9,
                colour="#445",
            )
            y += _BAR
        y += _GROUP_GAP
    if answer.intervals:
        note = f"black line: p05 to p95 of {answer.asked.draws} bootstrap draws of the journeys"
        yield _text(_MARGIN, y + 10, note, colour="#667")


def _text(
    x: float, y: float, text: str, size: int = 12, weight: int = 400, colour: str = "#223"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" '
        f'fill="{colour}">{escape(text)}</text>'
    )
