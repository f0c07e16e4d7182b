"""The sandbox vendors of a local installation: started, asked how they are, moved to a new day."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import httpx

from tributary.clock import Clock
from tributary.errors import ConfigurationError
from tributary.local import processes
from tributary.local.processes import Child
from tributary.local.state import Installation

DEFAULT_SEED = 7
ANALYTICS = "/analyticsdata"  # where the sandbox's Data API is
_START_SECONDS = 180.0


def seed() -> int:
    """TRIBUTARY_SEED, or the default."""
    value = os.environ.get("TRIBUTARY_SEED") or str(DEFAULT_SEED)
    if not value.isdecimal():
        raise ConfigurationError(f"TRIBUTARY_SEED={value} is not a number")
    return int(value)


def as_of(clock: Clock) -> date:
    """TRIBUTARY_AS_OF, or this UTC day."""
    return world_day("TRIBUTARY_AS_OF=", os.environ.get("TRIBUTARY_AS_OF") or "", clock)


def world_day(name: str, value: str, clock: Clock) -> date:
    """The sandbox's day that `name` asks for, by default this UTC day; never one to come."""
    today = clock.now().date()
    try:
        day = date.fromisoformat(value) if value else today
    except ValueError:
        raise ConfigurationError(f"{name}{value} is not a date like 2026-08-31") from None
    if day > today:
        raise ConfigurationError(
            f"{name}{value} is still to come; nothing reads the future. Take a day up to {today}"
        )
    return day


def start(
    installation: Installation,
    port: int,
    world: tuple[int, date, date],
    environ: Mapping[str, str],
) -> Child:
    """Start the server for the world (seed, as-of day, first day)."""
    seed, as_of, first_day = world
    options = {
        "--port": port,
        "--seed": seed,
        "--as-of": as_of,
        "--first-day": first_day,
        "--drop-dir": installation.drop_folder,
        "--token-file": installation.token_file,
    }
    arguments = [str(part) for option in options.items() for part in option]
    command = [sys.executable, "-m", "tributary.sandbox.server", *arguments]
    return processes.start("sandbox", command, environ, installation.logs / "sandbox.log")


def seeds(installation: Installation, url: str) -> list[dict[str, object]]:
    """The Airflow connections of the sandbox's accounts, whose vendors answer at `url`."""
    from tributary.sandbox.catalog import STORES
    from tributary.sandbox.server import load_tokens

    shops = load_tokens(installation.token_file)
    found: list[dict[str, object]] = [
        {
            "conn_id": f"shopify__{store_id}",
            "conn_type": "shopify",
            "host": f"{url}/shopify/{store_id}",
            "password": token,
        }
        for store_id, token in shops.items()
    ]
    exports = {store.id for store in STORES.values() if store.event_export == "bigquery"}
    for store_id, key in google_keys(installation.token_file, url).items():
        if store_id in exports:
            seed = {"conn_type": "bigquery", "host": url, "password": key}
            found.append({"conn_id": f"bigquery__{store_id}_events", **seed})
        seed = {"conn_type": "ga4", "host": url + ANALYTICS, "password": key}
        extra = {"property": STORES[store_id].ga4_property}
        found.append({"conn_id": f"ga4__{store_id}", **seed, "extra": extra})
    return found


def google_keys(token_file: Path, url: str) -> dict[str, str]:
    """Store -> the text of its service account's key file."""
    from tributary.sandbox.google_tokens import key_file, keys_beside, load_keys

    keys = load_keys(keys_beside(token_file))
    return {store_id: key_file(key, url) for store_id, key in keys.items()}


def wait(child: Child, url: str, world: tuple[int, date, date], clock: Clock) -> None:
    """Until it serves that world; ConfigurationError when it ends before, or is another one."""
    seed, as_of, first_day = world
    wanted = {"seed": seed, "as_of": as_of.isoformat(), "first_day": first_day.isoformat()}
    started = clock.monotonic()
    while child.is_running and clock.monotonic() - started < _START_SECONDS:
        try:
            health = _client().get(f"{url}/control/health").json()
        except (httpx.HTTPError, ValueError):
            clock.sleep(0.2)
            continue
        if {name: health.get(name) for name in wanted} == wanted:
            return
        raise ConfigurationError(f"another program answers at {url}: {health}")
    raise ConfigurationError(
        f"the sandbox did not start; its log {child.log} ends:\n{child.last_words()}"
    )


def move(url: str, day: date) -> None:
    """Set the world's clock; raises httpx errors."""
    answer = _client().post(f"{url}/control/clock", json={"as_of": day.isoformat()}, timeout=120)
    answer.raise_for_status()


def _client() -> httpx.Client:
    return httpx.Client(trust_env=False, verify=False, timeout=5)
