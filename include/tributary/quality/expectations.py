"""Runs rules as Great Expectations suites: one suite per table, one expectation per question.

Importing Great Expectations takes seconds: it is imported in `validate`, once per check task, and
nowhere else.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tributary.clock import Clock, SystemClock
from tributary.quality.rules import Rule

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verdict:
    """What Great Expectations says of one rule; `error` if it could not be asked."""

    success: bool
    error: str = ""


def validate(
    url: str, suites: Mapping[str, Sequence[Rule]], clock: Clock | None = None
) -> dict[str, Verdict]:
    """Verdict per rule name. `suites` maps a core table's name to its rules. Tells the log what
    importing Great Expectations and asking it took.
    """
    clock = clock or SystemClock()
    started = clock.monotonic()
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    # Its import tells of hundreds of optional functions it does not register.
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    imported = clock.monotonic()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_postgres(
        name="warehouse", connection_string=_in_work_then_core(url)
    )
    verdicts: dict[str, Verdict] = {}
    try:
        for table, rules in suites.items():
            asset = source.add_table_asset(name=table, table_name=table)
            batch = asset.add_batch_definition_whole_table(table).get_batch()
            suite = gx.ExpectationSuite(name=table, expectations=list(_expectations(gx, rules)))
            result = batch.validate(suite, result_format="BOOLEAN_ONLY")
            verdicts |= _verdicts(rules, result.results)
    finally:
        source.get_engine().dispose()
    _log.info(
        "Great Expectations: %.1f s to import, %.1f s for %d suites.",
        imported - started,
        clock.monotonic() - imported,
        len(suites),
    )
    return verdicts


def _in_work_then_core(url: str) -> str:
    """The URL for SQLAlchemy with psycopg 3; tables named without a schema are those of work, and
    of core what work does not have.
    """
    driver = url.replace("postgresql://", "postgresql+psycopg://", 1)
    options = "-csearch_path%3Dwork,core%20-ctimezone%3DUTC"
    return f"{driver}{'&' if '?' in url else '?'}options={options}"


def _expectations(gx: Any, rules: Iterable[Rule]) -> Iterable[Any]:
    for rule in rules:
        for expectation in rule.expectations:
            yield getattr(gx.expectations, expectation.kind)(
                **expectation.arguments,
                meta={"rule": rule.name},
                severity="critical" if rule.severity == "stop" else "warning",
            )


def _verdicts(rules: Iterable[Rule], results: Iterable[Any]) -> dict[str, Verdict]:
    """A rule holds when every one of its expectations was asked and answered yes."""
    answers: dict[str, list[Any]] = {}
    for result in results:
        answers.setdefault(result.expectation_config.meta["rule"], []).append(result)
    verdicts: dict[str, Verdict] = {}
    for rule in rules:
        given = answers.get(rule.name, [])
        if len(given) != len(rule.expectations):
            verdicts[rule.name] = Verdict(
                False, f"{len(given)} of {len(rule.expectations)} expectations were answered"
            )
        else:
            error = next(filter(None, map(_error, given)), "")
            verdicts[rule.name] = Verdict(all(r.success for r in given) and not error, error)
    return verdicts


def _error(result: Any) -> str:
    """The first line of what went wrong while an expectation was asked, or ''."""
    info = result.exception_info or {}
    details = [info] if "raised_exception" in info else list(info.values())
    for detail in details:
        if detail.get("raised_exception"):
            lines = str(detail.get("exception_message")).strip().splitlines()
            return lines[0] if lines else "an exception without a message"
    return ""
