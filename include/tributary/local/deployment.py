"""A server made ready from its environment alone: what `init` of docker-compose.yaml runs.

All of it may run again at every deployment, and then changes nothing but passwords that were
changed in the environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from urllib.parse import unquote, urlsplit

import httpx
from psycopg import sql

from tributary.clock import Clock
from tributary.errors import ConfigurationError
from tributary.local import vendors
from tributary.local.airflow import DATABASE
from tributary.local.databases import ANALYST, Databases, prepare_warehouse
from tributary.local.shops import write_stores
from tributary.local.state import Installation, installation
from tributary.settings import load_stores, required, stores_file, warehouse_url
from tributary.warehouse.connection import Connection, connect

ADMIN_URL = "TRIBUTARY_ADMIN_URL"
SANDBOX_URL = "TRIBUTARY_SANDBOX_URL"
SANDBOX_DAYS = 120
Say = Callable[[str], None]


@dataclass(frozen=True)
class Owner:
    """A role, its password, and the database that it owns ('' for none)."""

    role: str
    password: str = field(repr=False)
    database: str = ""

    @classmethod
    def of(cls, url: str, variable: str) -> Owner:
        parts = urlsplit(url)
        role, database = unquote(parts.username or ""), unquote(parts.path.lstrip("/"))
        if not (role and parts.password and database):
            raise ConfigurationError(f"{variable} must name a role, its password and a database")
        return cls(role, unquote(parts.password), database)


def setup(clock: Clock, say: Say) -> None:
    """Roles and databases (with TRIBUTARY_ADMIN_URL), both migrations, pools, connections."""
    found = installation()
    if admin := os.environ.get(ADMIN_URL):
        owners = [
            Owner.of(required(DATABASE), DATABASE),
            Owner.of(warehouse_url(), "TRIBUTARY_WAREHOUSE_URL"),
        ]
        analyst = Owner(ANALYST, os.environ.get("ANALYST_PASSWORD", ""))
        with connect(admin, application_name="tributary setup") as conn:
            create_roles(conn, owners, analyst)
        say("roles and databases are there")
    connections: list[dict[str, object]] = [{"conn_id": "warehouse", "url": warehouse_url()}]
    if url := os.environ.get(SANDBOX_URL):
        sandbox_world(found, clock)
        write_stores(found)
        connections += vendors.seeds(found, url)
        say(f"the sandbox's accounts are in {found.stores_file}")
    path = stores_file()
    stores = load_stores(path) if path.is_file() else []
    if not stores:
        say(f"{path} is not there yet: write it, and the next run of a feed reads it")
    applied = prepare_warehouse(Databases(found, None), stores, clock)
    say(f"the warehouse is migrated ({len(applied)} new migrations, {len(stores)} stores)")
    _prepare_airflow(connections)
    say("Airflow's database is migrated, pools and connections are there")


def create_roles(conn: Connection, owners: list[Owner], analyst: Owner) -> None:
    """As a superuser: each owner with its database, which nobody else may enter; the analyst may
    enter the warehouse, the last of them. Passwords are set to what is given.
    """
    for owner in owners:
        _role(conn, owner)
        known = conn.execute("select 1 from pg_database where datname = %s", (owner.database,))
        names = sql.Identifier(owner.database), sql.Identifier(owner.role)
        if known.fetchone() is None:
            conn.execute(sql.SQL("create database {} owner {}").format(*names))
        conn.execute(sql.SQL("revoke all on database {} from public").format(names[0]))
    _role(conn, analyst)
    names = sql.Identifier(owners[-1].database), sql.Identifier(analyst.role)
    conn.execute(sql.SQL("grant connect on database {} to {}").format(*names))


def sandbox_world(found: Installation, clock: Clock) -> tuple[int, date, date]:
    """Seed, as-of day and first day; seed and first day stay what they were at first."""
    found.create()
    record = found.record()
    as_of = vendors.as_of(clock)
    if record.world is None:
        record.world = (vendors.seed(), as_of - timedelta(days=SANDBOX_DAYS))
        found.save(record)
    seed, first_day = record.world
    return seed, as_of, first_day


def serve_sandbox(host: str, port: int, clock: Clock) -> None:
    """Serve the vendors of `setup`'s sandbox until stopped; a restart moves them to its day."""
    from tributary.sandbox import server

    found = installation()
    seed, as_of, first_day = sandbox_world(found, clock)
    options = {
        "--host": host,
        "--port": port,
        "--seed": seed,
        "--as-of": as_of,
        "--first-day": first_day,
        "--drop-dir": found.drop_folder,
        "--token-file": found.token_file,
    }
    server.main([str(part) for option in options.items() for part in option])


def sandbox_day() -> date | None:
    """The day at which this server's sandbox stands; None where there is none."""
    url = os.environ.get(SANDBOX_URL)
    if not url:
        return None
    try:
        answer = httpx.get(f"{url}/control/health", timeout=10, trust_env=False).json()
        return date.fromisoformat(answer["as_of"])
    except (httpx.HTTPError, ValueError, KeyError):
        raise ConfigurationError(f"the sandbox does not answer at {url}; is it started?") from None


def _role(conn: Connection, owner: Owner) -> None:
    role = sql.Identifier(owner.role)
    known = conn.execute("select 1 from pg_roles where rolname = %s", (owner.role,)).fetchone()
    if known is None:
        conn.execute(sql.SQL("create role {}").format(role))
    if owner.password:
        statement = sql.SQL("alter role {} login password {}")
        conn.execute(statement.format(role, sql.Literal(owner.password)))


def _prepare_airflow(connections: list[dict[str, object]]) -> None:
    plan = json.dumps({"migrate": True, "connections": connections})
    command = [sys.executable, "-m", "tributary.local.airflow_setup"]
    done = subprocess.run(command, input=plan, text=True, check=False)
    if done.returncode:
        raise ConfigurationError("Airflow's setup failed; its reason is above")
