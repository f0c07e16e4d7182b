"""Bad days on request in a running sandbox: see what Airflow and the page make of them."""

from __future__ import annotations

from typing import Any

import httpx

from tributary.errors import ConfigurationError
from tributary.local.state import Installation
from tributary.reports.text import table


def ask(installation: Installation, method: str, body: dict[str, Any] | None = None) -> str:
    """What the sandbox says after GET, POST or DELETE of its faults, as text."""
    port = installation.record().sandbox_port
    url = f"http://127.0.0.1:{port}/control/faults"
    try:
        reply = httpx.request(method, url, json=body, timeout=10, trust_env=False)
        found = reply.json()
    except (httpx.HTTPError, ValueError) as error:
        raise ConfigurationError(
            "no sandbox answers; start it with `make run` and ask again from another terminal"
        ) from error
    if reply.status_code != 200:
        raise ConfigurationError(str(found["error"]))
    return _shown(found)


def _shown(found: dict[str, Any]) -> str:
    kinds = table(["fault", "what the vendor does"], sorted(found["kinds"].items()), 2)
    coming = [
        (f["vendor"], f["kind"], f["account"] or "any", str(f["times"] - f["done"]), str(f["skip"]))
        for f in found["coming"]
    ]
    if not coming:
        return f"{kinds}\n\nNo fault is to come. Vendors: {', '.join(found['vendors'])}."
    head = ["vendor", "fault", "account", "answers left", "good ones before"]
    return f"{kinds}\n\nTo come:\n{table(head, coming, 3)}"
