"""Writes .env from .env.example with a random value for each secret that is empty there.

Runs on a bare Python, on a server that has nothing but Docker: standard library only.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
from base64 import urlsafe_b64encode
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_EMPTY = re.compile(r"^([A-Z_]+)=$", re.MULTILINE)


def filled(example: str) -> str:
    """The example with its empty variables set."""
    return _EMPTY.sub(lambda match: f"{match[1]}={_random(match[1])}", example)


def for_user(text: str, uid: int) -> str:
    """With the uid that runs the containers, so that they may write to this user's folders."""
    return text.replace("# AIRFLOW_UID=50000", f"AIRFLOW_UID={uid}") if uid else text


def _random(name: str) -> str:
    if name == "AIRFLOW_FERNET_KEY":
        return urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_hex(32)


def main() -> int:
    path = ROOT / ".env"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        sys.stderr.write(f"{path} is there already and keeps its secrets; nothing was written\n")
        return 1
    with os.fdopen(descriptor, "w") as file:
        file.write(for_user(filled((ROOT / ".env.example").read_text()), os.getuid()))
    for folder in ("config", "backups"):  # else Docker makes them, as root's
        (ROOT / folder).mkdir(exist_ok=True)
    sys.stdout.write(f"{path} is written; only you can read it. Keep a copy in a safe place.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
