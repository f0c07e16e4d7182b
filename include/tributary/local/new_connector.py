"""`tributary new-connector`: the stubs of one more vendor API (docs/adding-a-vendor.md).

What is written passes `make check`, and fails the connector suite until real pages are recorded.
"""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from string import Template
from typing import Literal, get_args

from tributary.errors import ConfigurationError
from tributary.settings import ROOT

Feed = Literal["ads", "email", "files", "influencer", "sales", "seo", "social", "tiktok", "website"]
FEEDS: tuple[str, ...] = get_args(Feed)

_STUBS = Path(__file__).resolve().parent / "stubs"
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST = 30
_TAKEN = {"spec", "shared"}
_DECISIONS = Path("docs/decisions.md")
_DECISION = """\
- **$name**. Day: TODO in whose zone. Campaign: TODO what the vendor calls so.
  Restatement: TODO for how long the vendor corrects a day.
"""


def write_stubs(name: str, feed: str, root: Path = ROOT) -> list[Path]:
    """Write the stubs of connector `name` under `root`; returns them, relative to it.

    Nothing is written when the name cannot be used or anything of it is there already.
    """
    _refuse_name(name)
    if feed not in FEEDS:
        raise ConfigurationError(f"no feed {feed!r}: choose one of {', '.join(FEEDS)}")
    targets = _targets(name)
    there = [path for path in targets if (root / path).exists()]
    there += [
        path.relative_to(root)
        for folder in ("include/tributary/connectors", "tests/connectors")
        for path in (root / folder).glob(name)
    ]
    if there:
        raise ConfigurationError(
            f"{', '.join(map(str, there))} is there already: nothing was written. Choose another"
            " name, or change what is there."
        )
    dag = Path(f"dags/ingest/{feed}.py")
    if not (root / dag).exists():
        targets[dag] = "dag.py"
    words = {"name": name, "title": _title(name), "feed": feed}
    for path, stub in targets.items():
        text = Template((_STUBS / f"{stub}.tmpl").read_text()).substitute(words) if stub else ""
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    decisions = root / _DECISIONS
    lines = Template(_DECISION).substitute(words)
    decisions.write_text(decisions.read_text().rstrip("\n") + "\n" + lines)
    return [*targets, _DECISIONS]


def report(name: str, written: list[Path]) -> str:
    """What was written, and the next step."""
    listed = "\n".join(f"  {path}" for path in written)
    return (
        f"Wrote the stubs of connector {name}:\n{listed}\n\n"
        f"Next: follow docs/adding-a-vendor.md. Record real pages into tests/connectors/{name}/"
        "pages, fill in what says TODO, and run\n"
        f'  make test ARGS="tests/connectors -k {name}"'
    )


def _targets(name: str) -> dict[Path, str]:
    """Path -> stub; '' is an empty file, which stands for a page to be recorded."""
    tests = Path("tests/connectors") / name
    pages = {tests / "pages" / f"{page}.json": "" for page in ("account", "page_1", "page_2")}
    return {
        Path(f"include/tributary/connectors/{name}.py"): "connector.py",
        Path(f"sql/models/core/channel_daily/{name}.sql"): "model.sql",
        tests / "case.yml": "case.yml",
        tests / "expect.yml": "expect.yml",
        **pages,
        tests / "pages" / "throttled.json": "",
    }


def _refuse_name(name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise ConfigurationError(
            f"{name!r} cannot name a connector: lower-case words joined by single underscores, at"
            f" most {_LONGEST} characters, such as tiktok_ads"
        )
    if keyword.iskeyword(name) or name in _TAKEN:
        raise ConfigurationError(f"{name!r} is taken: choose another name for the connector")


def _title(name: str) -> str:
    return " ".join(part.capitalize() for part in name.split("_"))
