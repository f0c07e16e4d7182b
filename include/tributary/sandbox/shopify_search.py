"""Shopify's search syntax for orders, as far as a connector needs it: `field:>='value' AND ...`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time

from tributary.sandbox.state import OrderState

Test = Callable[[OrderState], bool]
_TERM = re.compile(r"(-)?(\w+):(>=|<=|>|<)?(?:'([^']*)'|\"([^\"]*)\"|([^\s()]+))")
_COMPARE: dict[str, Callable[[datetime, datetime], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "": operator.eq,
}
_TIMES: dict[str, Callable[[OrderState], datetime]] = {
    "updated_at": lambda s: s.updated_at,
    "processed_at": lambda s: s.order.processed_at,
    "created_at": lambda s: s.order.created_at,
}


class BadSearch(ValueError):
    """The search cannot be understood; the vendor would ignore the term, we say so."""


def compile_search(text: str) -> Test:
    """A test for orders. Only AND (or a space) between terms; '' finds everything."""
    rest = _TERM.sub("", text)
    if rest.replace("AND", "").strip(" ()"):
        raise BadSearch(f"the sandbox does not understand {rest.strip()!r} in an order search")
    tests: list[Test] = []
    for match in _TERM.finditer(text):
        negated, field, sign, *values = match.groups()
        value = next((v for v in values if v is not None), "")
        test = _term(field, sign or "", value)
        tests.append(_negate(test) if negated else test)
    return lambda state: all(test(state) for test in tests)


def _negate(test: Test) -> Test:
    return lambda state: not test(state)


def _term(field: str, sign: str, value: str) -> Test:
    if field in _TIMES:
        of, compare, bound = _TIMES[field], _COMPARE[sign], _instant(value)
        return lambda state: compare(of(state), bound)
    if field == "test" and value in ("true", "false"):
        return lambda state: state.order.is_test == (value == "true")
    if field == "id":
        return lambda state: str(state.order.id) == value
    if field == "source_name":
        return lambda state: state.order.source_name == value
    if field == "status" and value in ("any", "not_closed", "open", "closed", "cancelled"):
        wanted = {"any": None, "cancelled": True, "open": False, "not_closed": False}
        if value == "closed":
            return lambda state: False
        cancelled = wanted[value]
        return lambda state: cancelled is None or state.is_cancelled == cancelled
    raise BadSearch(f"the sandbox does not understand {field}:{sign}{value} in an order search")


def _instant(value: str) -> datetime:
    try:
        if len(value) == 10:
            return datetime.combine(date.fromisoformat(value), time(), UTC)
        at = datetime.fromisoformat(value)
    except ValueError as error:
        raise BadSearch(f"{value!r} is not a time") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
