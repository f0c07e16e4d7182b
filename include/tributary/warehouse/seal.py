"""Keeps a migration as it was applied: sql/migrations/applied.sha256 has the checksum of each.

python -m tributary.warehouse.seal [--check]

A database remembers what it applied, a fresh one cannot: this file lets a review, `make check` and
the tests see an edit before any warehouse stops on it. Migrations are added to it, never changed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tributary.errors import ConfigurationError
from tributary.settings import SQL
from tributary.warehouse.migrate import checksum_of, migration_files

FOLDER = SQL / "migrations"
NAME = "applied.sha256"


def edited(folder: Path = FOLDER) -> list[str]:
    """A sentence for each sealed migration that is no longer what it was."""
    there = {path.name: checksum_of(path) for path in migration_files(folder)}
    return [
        f"{name} was {'edited' if name in there else 'removed or renamed'} after it was applied:"
        " restore it and write a new migration for the change"
        for name, checksum in _sealed(folder).items()
        if there.get(name) != checksum
    ]


def unsealed(folder: Path = FOLDER) -> list[Path]:
    """The migrations that are not in the file yet."""
    known = _sealed(folder)
    return [path for path in migration_files(folder) if path.name not in known]


def main(arguments: list[str], folder: Path = FOLDER) -> str:
    """Add what is new, or with --check say so: sentences for people, or '' if all is well."""
    problems, new = edited(folder), unsealed(folder)
    if "--check" in arguments:
        problems += [f"{path.name} is not in {NAME} yet; run `make docs`" for path in new]
    if problems or not new or "--check" in arguments:
        return "\n".join(problems)
    lines = [f"{checksum}  {name}" for name, checksum in _sealed(folder).items()]
    lines += [f"{checksum_of(path)}  {path.name}" for path in new]
    lines.sort(key=lambda line: line.split()[1])
    (folder / NAME).write_text("\n".join(lines) + "\n")
    return ""


def _sealed(folder: Path) -> dict[str, str]:
    """Name -> checksum, in the format of sha256sum."""
    path, found = folder / NAME, {}
    for line in path.read_text().splitlines() if path.exists() else ():
        checksum, _, name = line.partition("  ")
        if not name or name in found:
            raise ConfigurationError(f"{NAME}: a line is 'checksum  name', each name once: {line}")
        found[name] = checksum
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) or None)
