#!/bin/sh
# Prepares .venv: finds a Python that really runs (3.11, 3.12 or 3.13) and hands over to bootstrap.py.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

fits() {
    "$@" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

for python in "${PYTHON:-}" "$here/../../../.venv/bin/python" python3.11 python3.12 python3.13 python3; do
    if [ -n "$python" ] && fits "$python"; then
        exec "$python" -I "$here/bootstrap.py" "$@"
    fi
    if [ -n "$python" ] && [ "$python" = "${PYTHON:-}" ]; then
        echo "PYTHON=$python is not a Python 3.11, 3.12 or 3.13 that runs. Correct or unset it." >&2
        exit 2
    fi
done

found=$(python3 -V 2>/dev/null || echo "no python3")
echo "Tributary needs Python 3.11, 3.12 or 3.13; this machine has $found on its PATH." >&2
echo "On Debian 12 and newer or Ubuntu 24.04: apt install python3 python3-venv. On macOS: brew install python@3.12." >&2
echo "If one is installed elsewhere: make setup PYTHON=/path/to/python3.12" >&2
exit 2
