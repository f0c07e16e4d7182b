"""Keeps the memory of large temporary arrays in the process, which ends soon anyway.

Otherwise each one is mapped, filled with zeros page by page and unmapped again: at 10 million
touches that is as much work for the kernel as the attribution itself.
"""

from __future__ import annotations

import ctypes
import sys
from importlib import import_module

# glibc's mallopt: no mapping of its own for a large block, and nothing given back up to 2 GB.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_NEVER = 2**31 - 1


def keep() -> None:
    """Best effort: elsewhere than on Linux with glibc nothing changes."""
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_TRIM_THRESHOLD, _NEVER)
    mallopt(_MMAP_MAX, 0)
    # Huge pages are cleared as a whole although a temporary array may use them once.
    advise = getattr(import_module("numpy._core.multiarray"), "_set_madvise_hugepage", None)
    if advise:
        advise(False)
