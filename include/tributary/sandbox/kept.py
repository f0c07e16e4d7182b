"""A secret per store that the first start makes and every later one finds."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tributary.sandbox.catalog import STORES, Store

T = TypeVar("T")


def kept(path: Path, make: Callable[[Store], T]) -> dict[str, T]:
    """Store -> secret from the file; made and written there when a store has none yet.

    Only the owner may read it. The server and who starts it may ask at the same moment: one of
    them makes the secrets, the other waits and finds the same.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path.with_name(path.name + ".lock"), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _find_or_make(path, make)
    finally:
        os.close(lock)


def _find_or_make(path: Path, make: Callable[[Store], T]) -> dict[str, T]:
    if path.exists():
        found: dict[str, T] = json.loads(path.read_text())
        if set(STORES) <= set(found):
            return found
    made = {store.id: make(store) for store in STORES.values()}
    partial = path.with_name(path.name + ".part")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(made, file)
    os.replace(partial, path)
    return made
