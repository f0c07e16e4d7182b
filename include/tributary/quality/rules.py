"""The rules of a contract as data: what Great Expectations is asked, and the SQL of the bad rows.

Rules read `work.<table>`: the candidate view restricted to what the run writes is those rows.
Stores and accounts are settings; they are read where they are, in core.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tributary.warehouse.connection import name
from tributary.warehouse.contracts import Check, Column, Contract, Severity

# A pseudonym is shown as its number among the bad rows: it tells them apart and names nobody, for
# what a check says is kept, and told by e-mail.
_HIDDEN = "'hidden-' || dense_rank() over (order by {})"


SETTINGS = frozenset({"store", "account"})


def home(table: str) -> str:
    """The table that the rules of a core table read."""
    return f"{'core' if table in SETTINGS else 'work'}.{table}"


@dataclass(frozen=True)
class Expectation:
    """One Great Expectations expectation: class name and arguments."""

    kind: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """One named check: it holds when all its expectations do. `detail` completes "break the rule
    that"; `reproduce_sql` gives the bad rows, key first. `whole_candidate` rules also look at the
    rows of core that stay, so their SQL is asked always.
    """

    name: str
    severity: Severity
    detail: str
    expectations: tuple[Expectation, ...]
    reproduce_sql: str
    whole_candidate: bool = False


def rules(contract: Contract) -> list[Rule]:
    """Every rule of a core table's contract that one table can answer."""
    found = [_shape(contract), _not_null(contract), _unique(contract)]
    for column_name, column in contract.columns.items():
        found.extend(_column_rules(contract, column_name, column))
    found.extend(_row_rule(contract, check) for check in contract.checks if check.holds)
    return found


def _shape(contract: Contract) -> Rule:
    listed = ", ".join(_literal(column) for column in contract.columns)
    return Rule(
        f"{contract.relation}.columns",
        "stop",
        "columns and their order are the contract's",
        (
            Expectation(
                "ExpectTableColumnsToMatchOrderedList",
                {"column_list": list(contract.columns)},
            ),
        ),
        "select position, t.column_name as column_of_table, c.column_name as column_of_contract\n"
        f"from unnest(array[{listed}]) with ordinality as c (column_name, position)\n"
        "full join (\n"
        "    select column_name, row_number() over (order by ordinal_position) as position\n"
        "    from information_schema.columns\n"
        f"    where table_schema || '.' || table_name = '{home(contract.relation)}'\n"
        ") as t using (position)\n"
        "where t.column_name is distinct from c.column_name\norder by position",
    )


def _not_null(contract: Contract) -> Rule:
    """One question for all columns: Great Expectations' own cost grows with every expectation."""
    required = [c for c, column in contract.columns.items() if not column.nullable]
    bad = " or ".join(f"{name(c)} is null" for c in required)
    named = ", ".join(f"case when w.{name(c)} is null then '{c}' end" for c in required)
    return Rule(
        f"{contract.relation}.not_null",
        "stop",
        "only nullable columns are NULL",
        (_no_rows(contract, bad),),
        select_rows(contract, [], bad, f", concat_ws(', ', {named}) as null_columns"),
    )


def _unique(contract: Contract) -> Rule:
    """The key within the run; for tables built by day also against the rows of core that stay.

    Core's own keys are unique, so only the run's rows can double one.
    """
    by_day = "source_day" in contract.columns
    keys = ", ".join(name(c) for c in contract.grain)
    shown = ", ".join(_shown(contract, c, "w") for c in contract.grain)
    same = " and ".join(f"w.{name(c)} = c.{name(c)}" for c in contract.grain)
    listed = ", ".join(f"w.{name(c)}" for c in contract.grain)
    others = (
        "    union all\n"
        f"    select {keys} from core.{contract.relation} as c\n"
        f"    where exists (select 1 from work.{contract.relation} as w where {same})\n"
        "    and not exists (select 1 from work.scope as s where s.store_id = c.store_id"
        " and s.connector = c.connector and s.account_id = c.account_id and s.day = c.source_day)\n"
    )
    sql = (
        f"select {shown}, count(*) as copies\nfrom (\n"
        f"    select {keys} from {home(contract.relation)}\n"
        f"{others if by_day else ''}"
        f") as w\ngroup by {listed}\nhaving count(*) > 1\norder by {listed}"
    )
    several = len(contract.grain) > 1
    return Rule(
        f"{contract.relation}.unique",
        "stop",
        f"({', '.join(contract.grain)}) is unique",
        (
            Expectation(
                "ExpectCompoundColumnsToBeUnique" if several else "ExpectColumnValuesToBeUnique",
                {"column_list": list(contract.grain)} if several else {"column": contract.grain[0]},
            ),
        ),
        sql,
        whole_candidate=by_day,
    )


def _column_rules(contract: Contract, column_name: str, column: Column) -> Iterator[Rule]:
    quoted = name(column_name)

    def rule(suffix: str, detail: str, kind: str, bad: str, **arguments: Any) -> Rule:
        return Rule(
            f"{contract.relation}.{column_name}.{suffix}",
            column.severity,
            detail,
            (Expectation(kind, {"column": column_name, **arguments}),),
            select_rows(contract, [column_name], bad),
        )

    if column.values:
        values = ", ".join(_literal(value) for value in column.values)
        yield rule(
            "values",
            f"{column_name} is one of {', '.join(column.values)}",
            "ExpectColumnValuesToBeInSet",
            f"{quoted} not in ({values})",
            value_set=list(column.values),
        )
    if column.minimum is not None:
        yield rule(
            "minimum",
            f"{column_name} is at least {column.minimum:g}",
            "ExpectColumnValuesToBeBetween",
            f"{quoted} < {column.minimum:g}",
            min_value=column.minimum,
        )
    if column.pattern:
        yield rule(
            "pattern",
            f"{column_name} matches {column.pattern}",
            "ExpectColumnValuesToMatchRegex",
            f"{quoted} !~ {_literal(column.pattern)}",
            regex=column.pattern,
        )


def _row_rule(contract: Contract, check: Check) -> Rule:
    bad = f"not ({check.holds.strip()})"
    return Rule(
        f"{contract.relation}.{check.name}",
        check.severity,
        check.description,
        (_no_rows(contract, bad),),
        select_rows(contract, list(check.columns), bad),
    )


def _no_rows(contract: Contract, bad: str) -> Expectation:
    """That no row meets a condition. GX fills {batch}; other braces are doubled for it."""
    keys = ", ".join(name(c) for c in contract.grain)
    escaped = bad.replace("{", "{{").replace("}", "}}")
    query = f"select {keys} from {{batch}} where {escaped}"
    return Expectation("UnexpectedRowsExpectation", {"unexpected_rows_query": query})


def select_rows(contract: Contract, columns: list[str], bad: str, more: str = "") -> str:
    """The rows of the run that break a rule: key and named columns, in key order."""
    shown = [*contract.grain, *(c for c in columns if c not in contract.grain)]
    listed = ", ".join(_shown(contract, c, "w") for c in shown)
    order = ", ".join(f"w.{name(c)}" for c in contract.grain)
    return (
        f"select {listed}{more}\nfrom {home(contract.relation)} as w\nwhere {bad}\norder by {order}"
    )


def _shown(contract: Contract, column: str, alias: str) -> str:
    """A column for people; a pseudonym only as a number that tells rows apart."""
    quoted = f"{alias}.{name(column)}"
    if contract.columns[column].pii:
        return f"{_HIDDEN.format(quoted)} as {name(column)}"
    return quoted


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
