"""Computes what was asked: paths or events in, models, intervals and shares per touch out."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tributary.attribution import (
    Attribution,
    Interval,
    Paths,
    attribute_paths,
    bootstrap,
    choose_order,
    collapse,
    concatenate,
    count,
    frequency,
    uncounted,
)
from tributary.attribution_files.asked import Asked
from tributary.attribution_files.progress import Progress
from tributary.errors import ConfigurationError

if TYPE_CHECKING:
    from tributary.attribution_files.event_files import Part


@dataclass(frozen=True)
class Answer:
    """What the output is made of."""

    asked: Asked
    models: tuple[str, ...]
    paths: Paths
    result: Attribution
    intervals: Mapping[str, Interval] | None


def answer(asked: Asked, progress: Progress) -> Answer:
    """Reads the files and computes; writes the per-touch file where one is asked for."""
    if asked.paths:
        return _from_paths(asked, progress)
    with tempfile.TemporaryDirectory(prefix="tributary-attribute-") as folder:
        return _from_events(asked, Path(folder), progress)


def _from_paths(asked: Asked, progress: Progress) -> Answer:
    from tributary.attribution_files.path_files import read_paths

    asked, paths = _told(asked, read_paths(asked, progress))
    models = asked.models
    if "time_decay" in models:
        models = tuple(model for model in models if model != "time_decay")
        if not models:
            raise ConfigurationError(
                "time_decay needs the times of the touches, and a path file has none: "
                "use --touches and --conversions"
            )
        if asked.models_given:
            progress.say("time_decay is left out: a path file has no times")
    found = _compute(asked, models, paths, progress)
    if asked.per_touch:
        from tributary.attribution_files.per_touch import write_paths

        write_paths(asked.per_touch, found)
    return found


def _from_events(asked: Asked, folder: Path, progress: Progress) -> Answer:
    from tributary.attribution_files.event_files import Events

    events = Events(asked, folder, progress)
    parts = list(events.parts()) if not events.is_parted else []
    if parts:
        paths, too_old = parts[0].journeys.paths, parts[0].journeys.too_old
    else:
        paths, too_old = _collapsed(events.parts(), "time_decay" in asked.models)
    if too_old:
        progress.say(
            f"{too_old:,} conversions have touches only before the lookback: they are unattributed"
        )
    asked, paths = _told(asked, paths)
    found = _compute(asked, asked.models, paths, progress)
    if asked.per_touch:
        from tributary.attribution_files.per_touch import write_events

        write_events(asked.per_touch, found, events, parts or events.parts())
    return found


def _told(asked: Asked, paths: Paths) -> tuple[Asked, Paths]:
    """The paths by frequency where that is asked for; what is direct or paid then has new names."""
    if asked.transform != "frequency":
        return asked, paths
    settings = asked.settings
    before = np.array(paths.names)[paths.direct(settings.direct)]
    told = collapse(frequency(paths))
    was = np.array(uncounted(told.names), dtype=np.str_)
    now = np.array(told.names, dtype=np.str_)
    settings = replace(
        settings,
        direct=frozenset(now[np.isin(was, before)].tolist()),
        paid=frozenset(now[np.isin(was, list(settings.paid))].tolist()),
    )
    return replace(asked, settings=settings), told


def _collapsed(parts: Iterable[Part], timed: bool) -> tuple[Paths, int]:
    """Equal paths of all parts as one, and the conversions whose touches are all too old."""
    known, waiting, too_old = 0, 0, 0
    kept: list[Paths] = []
    for part in parts:
        paths = part.journeys.paths
        kept.append(collapse(paths if timed else replace(paths, decay=None)))
        waiting += len(kept[-1])
        too_old += part.journeys.too_old
        if waiting > known:
            kept = [collapse(concatenate(kept))]
            known, waiting = len(kept[0]), 0
    return collapse(concatenate(kept)), too_old


def _compute(asked: Asked, models: tuple[str, ...], paths: Paths, progress: Progress) -> Answer:
    settings = asked.settings
    needs_chain = asked.removal_effects or asked.transition_matrix
    needs_chain = needs_chain or any(model.startswith("markov") for model in models)
    if needs_chain and settings.order == "auto":
        choice = choose_order(paths, settings.seed)
        settings = replace(settings, order=choice.order)
        progress.say(
            f"order {choice.order} of the Markov chain is chosen; held-out log likelihood a "
            "journey: " + ", ".join(f"{score:.4f}" for score in choice.likelihood)
        )
    chain = None
    if needs_chain:
        try:
            chain = count(paths, int(settings.order))
        except ValueError as error:
            raise ConfigurationError(f"--order: {error}") from error
        if not paths.nulls.any() and paths.conversions.any():
            progress.say("every journey converts: Markov's removal effects then say little")
    result = attribute_paths(paths, models, settings, chain)
    intervals = None
    if asked.draws:
        intervals = bootstrap(
            paths,
            models,
            replace(settings, order=int(settings.order) if needs_chain else 1),
            asked.draws,
            settings.seed,
            chain,
            lambda done: progress.step(done, asked.draws, "bootstrap"),
        )
    return Answer(replace(asked, settings=settings), models, paths, result, intervals)
