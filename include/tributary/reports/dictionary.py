"""docs/mart.md: the views people query, written from their contracts.

python -m tributary.reports.dictionary [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path

from tributary.errors import ConfigurationError
from tributary.settings import ROOT
from tributary.warehouse.contracts import Column, Contract, load_all

PATH = ROOT / "docs" / "mart.md"

_HEAD = """\
<!-- Written by `make docs` from sql/models/mart/*.yml: change those. -->
# What SQL clients read

These views are the interface: they only grow, and none has a version in its name. Connect as the
role `analyst` (it reads schema `mart` and nothing else) or run `tributary sql "select ..."`.
Amounts are exact decimals in the currency named beside them; add up amounts of one currency only.
A column marked *never sum* is a rate, a level or a value repeated over rows. The database knows
the same texts as comments: `\\d+ mart.channel_performance` in psql.
"""


def render() -> str:
    """The whole page."""
    views = [c for c in load_all().values() if c.schema == "mart"]
    if not views:
        raise ConfigurationError("no contract in sql/models/mart: docs/mart.md would be empty")
    index = "\n".join(f"- [{c.table}](#{_anchor(c)}): {_line(c.description)}" for c in views)
    return "\n".join([_HEAD, index, *map(_view, views)])


def main(arguments: list[str], path: Path = PATH) -> str:
    """Write the page, or with --check compare: a sentence for people if it differs, else empty."""
    wanted = render()
    current = path.read_text(encoding="utf-8") if path.is_file() else ""
    if wanted == current:
        return ""
    if "--check" in arguments:
        return f"docs/{path.name} is not what the contracts say; run `make docs` and commit it"
    path.write_text(wanted, encoding="utf-8")
    return ""


def _view(contract: Contract) -> str:
    rows = [
        f"| `{name}` | {_cell(column.description)} | {_unit(column)} |"
        for name, column in contract.columns.items()
    ]
    grain = ", ".join(f"`{key}`" for key in contract.grain)
    return "\n".join(
        [
            "",
            f"## {contract.table}",
            "",
            f"{_line(contract.description)} One row per {grain}.",
            "",
            "| column | meaning | unit |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _unit(column: Column) -> str:
    marks = [f"`{column.unit}`" if column.unit.endswith("_code") else column.unit]
    if column.additive is False:
        marks.append("*never sum*")
    if column.nullable:
        marks.append("may be NULL")
    if column.pii:
        marks.append("about a person")
    return ", ".join(mark for mark in marks if mark)


def _anchor(contract: Contract) -> str:
    return contract.table.replace(".", "")


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")


def _line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) or None)
