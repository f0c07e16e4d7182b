"""Runs `tributary attribute`: the answer to standard output, everything else to standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tributary.attribution import ModelSettings
from tributary.attribution.models import PAID
from tributary.attribution_files import memory
from tributary.attribution_files.answer import answer
from tributary.attribution_files.asked import (
    DEFAULT_MODELS,
    Asked,
    columns_of,
    duration_us,
    lookbacks,
    models_of,
    position_of,
)
from tributary.attribution_files.columns import CONVERSION_COLUMNS, PATH_COLUMNS, TOUCH_COLUMNS
from tributary.attribution_files.output import render
from tributary.attribution_files.plot import draw
from tributary.attribution_files.progress import Progress
from tributary.clock import Clock
from tributary.errors import ConfigurationError

_DAY_US = 86_400_000_000


def run_attribute(options: Mapping[str, Any], clock: Clock) -> None:
    """The command's options as click gives them."""
    asked = asked_of(options)
    memory.keep()
    found = answer(asked, Progress(clock, lambda text: print_aside(text)))
    if asked.plot:
        _write(asked.plot, draw(found))
    _print(render(found))


def print_aside(text: str) -> None:
    """A line to standard error."""
    sys.stderr.write(f"tributary: {text}\n")
    sys.stderr.flush()


def asked_of(options: Mapping[str, Any]) -> Asked:
    """Checks the options and brings them into one piece; ConfigurationError says what to write."""
    files = {name: tuple(options[name]) for name in ("paths", "touches", "conversions")}
    _check_files(**files)
    style = options["style"]
    if options["removal_effects"] and options["transition_matrix"] and style != "json":
        raise ConfigurationError(
            "--removal-effects and --transition-matrix are two tables: ask for one, "
            "or for both with --format json"
        )
    models = models_of(options["models"]) if options["models"] else _usual(options["paid"])
    unpaid = [model for model in models if model in PAID and not options["paid"]]
    if unpaid:
        raise ConfigurationError(f"--models: {unpaid[0]} needs --paid with the paid channels")
    if options["path_transform"] == "frequency" and options["per_touch"]:
        raise ConfigurationError(
            "--per-touch lists touches, --path-transform frequency only counts them: ask for one"
        )
    _check_zone(options["zone"])
    for option in ("per_touch", "plot"):
        target: Path | None = options[option]
        if target is not None and not target.resolve().parent.is_dir():
            name = "--" + option.replace("_", "-")
            raise ConfigurationError(f"{name} {target}: there is no folder {target.parent}")
    return Asked(
        **files,
        columns=_columns(options),
        separator=_separator(options["separator"]),
        zone=options["zone"],
        lookback=lookbacks(options["lookback"]) if options["lookback"] else None,
        half_life_days=_half_life(options["half_life"]),
        direct=options["direct"],
        transform=options["path_transform"],
        models=models,
        models_given=bool(options["models"]),
        settings=ModelSettings(
            position=position_of(options["position"]),
            order="auto" if options["order"] == "auto" else int(options["order"]),
            direct=frozenset(options["direct_channel"]) or None,
            paid=frozenset(name.strip() for text in options["paid"] for name in text.split(",")),
            seed=options["seed"],
        ),
        draws=options["bootstrap"],
        style=style,
        removal_effects=options["removal_effects"],
        transition_matrix=options["transition_matrix"],
        per_touch=options["per_touch"],
        plot=options["plot"],
    )


def _check_files(
    paths: tuple[Path, ...], touches: tuple[Path, ...], conversions: tuple[Path, ...]
) -> None:
    if paths and (touches or conversions):
        raise ConfigurationError("name path files, or --touches and --conversions; not both")
    if not paths and not (touches and conversions):
        missing = "--conversions" if touches else "--touches" if conversions else ""
        raise ConfigurationError(
            f"{missing} is missing: touches and conversions go together"
            if missing
            else "nothing to read: name path files, or --touches FILE --conversions FILE"
        )


def _usual(paid: tuple[str, ...]) -> tuple[str, ...]:
    return (*DEFAULT_MODELS, "first_paid", "last_paid") if paid else DEFAULT_MODELS


def _columns(options: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    known = [*PATH_COLUMNS, *TOUCH_COLUMNS, *CONVERSION_COLUMNS]
    found = columns_of(options["columns"], dict.fromkeys(known))
    for wanted in ("path", "conversions", "value", "nulls"):
        name = options[f"{wanted.removesuffix('s') if wanted == 'nulls' else wanted}_column"]
        if name:
            found[wanted] = (name,)
    return found


def _separator(text: str | None) -> str | None:
    if text is None:
        return None
    if not text.strip():
        raise ConfigurationError("--separator is empty: write what stands between two channels")
    return text.strip()


def _half_life(text: str) -> float:
    days = duration_us(text, "--half-life") / _DAY_US
    if not days:
        raise ConfigurationError("--half-life must be above 0")
    return days


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"--zone {zone!r} is no time zone: write one like Europe/Berlin or UTC"
        ) from error


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error}") from error


def _print(text: str) -> None:
    """To standard output; a reader that has seen enough (`| head`) is no error."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
