"""The generated pages of docs/: `make docs` writes them, `make check` compares them."""

from __future__ import annotations

import sys

from tributary.reports import dictionary

if __name__ == "__main__":
    sys.exit(dictionary.main(sys.argv[1:]) or None)
