"""`python -m tributary.cli`."""

from __future__ import annotations

from tributary.cli import main

main()
