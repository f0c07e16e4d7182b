"""Any exception as a sentence for people; what was not expected goes to a log of its own."""

from __future__ import annotations

import errno
import traceback
from contextlib import suppress
from pathlib import Path

from tributary.errors import TributaryError

_DISK = {errno.ENOSPC, errno.EDQUOT}


def explain(error: BaseException) -> str:
    """What happened, where, and the next step."""
    import psycopg

    if isinstance(error, TributaryError):
        return str(error)
    if isinstance(error, psycopg.errors.DiskFull):
        return "the disk of the warehouse is full: free some space and start again"
    if isinstance(error, OSError) and error.errno in _DISK:
        where = f" ({error.filename})" if error.filename else ""
        return f"the disk is full{where}: free some space and start again"
    if isinstance(error, PermissionError):
        return f"no permission for {error.filename}: run as its owner, or correct its mode"
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return f"{_first_line(error)} (the role analyst reads the schema mart)"
    if isinstance(error, psycopg.Error):
        return f"the warehouse says: {_first_line(error)}"
    log = _write(error)
    kept = f" The details are in {log}." if log else ""
    return f"unexpected {type(error).__name__}: {_first_line(error)}.{kept} Please report it."


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _write(error: BaseException) -> Path | None:
    from tributary.local.postgres import write_secret
    from tributary.local.state import state_root

    with suppress(OSError):
        path = state_root() / "error.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_secret(path, "".join(traceback.format_exception(error)))
        return path
    return None
