"""Creates pools and connections in Airflow's own database, where the UI shows and edits them.

The rule: what is missing is created. A connection we created follows its seed as long as nobody
edited it; once a person changed one of its fields it is theirs and is left alone. Pools are never
changed after they were created. To get a connection back, delete it and run this again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tributary.connectors.spec import all_connectors
from tributary.orchestration.unify import POOL

_MARK = "Kept by Tributary; once you edit it, it is yours"
_MARKED = re.compile(re.escape(_MARK) + r" \(([0-9a-f]{16})\)")


@dataclass(frozen=True)
class ConnectionSeed:
    """An Airflow connection as it should be. `host` is a base URL for our connectors."""

    conn_id: str
    conn_type: str
    host: str = ""
    login: str = ""
    password: str = field(default="", repr=False)
    port: int | None = None
    schema: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def postgres(cls, conn_id: str, url: str) -> ConnectionSeed:
        """From a postgresql:// URL."""
        parts = urlsplit(url)
        return cls(
            conn_id,
            "postgres",
            host=parts.hostname or "",
            login=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            port=parts.port,
            schema=unquote(parts.path.lstrip("/")),
            extra=dict(parse_qsl(parts.query)),
        )


@dataclass(frozen=True)
class Ensured:
    """What `ensure` did, by name. `left` are connections a person made or edited."""

    created: tuple[str, ...]
    updated: tuple[str, ...]
    left: tuple[str, ...]
    pools_created: tuple[str, ...]


def default_pools() -> dict[str, int]:
    """Slots per pool: one pool per connector, and one slot for unify."""
    return {c.name: c.concurrency for c in all_connectors().values()} | {POOL: 1}


def ensure(
    connections: Iterable[ConnectionSeed], pools: Mapping[str, int] | None = None
) -> Ensured:
    """Bring Airflow's database to the seeds by the rule above; running it again changes nothing.

    `pools` are created besides `default_pools()`. Airflow's database must be migrated.
    """
    from airflow.utils.session import create_session

    made: dict[str, list[str]] = {"created": [], "updated": [], "left": []}
    with create_session() as session:
        pools_created = _ensure_pools(session, default_pools() | dict(pools or {}))
        for seed in connections:
            outcome = _ensure_connection(session, seed)
            if outcome:
                made[outcome].append(seed.conn_id)
    return Ensured(
        tuple(made["created"]), tuple(made["updated"]), tuple(made["left"]), pools_created
    )


def _ensure_pools(session: Any, pools: Mapping[str, int]) -> tuple[str, ...]:
    from airflow.models.pool import Pool
    from sqlalchemy import select

    known = set(session.scalars(select(Pool.pool)))
    missing = tuple(name for name in pools if name not in known)
    for name in missing:
        what = "unify: one run at a time" if name == POOL else f"calls to {name} at once"
        session.add(Pool(pool=name, slots=pools[name], description=what, include_deferred=False))
    return missing


def _ensure_connection(session: Any, seed: ConnectionSeed) -> str:
    """created, updated, left, or '' when it was already so."""
    from airflow.models.connection import Connection
    from sqlalchemy import select

    found = session.scalar(select(Connection).where(Connection.conn_id == seed.conn_id))
    if found is None:
        session.add(_write(Connection(conn_id=seed.conn_id), seed))
        return "created"
    marked = _MARKED.fullmatch(found.description or "")
    if marked is None or not hmac.compare_digest(marked[1], _fingerprint(_seed_of(found))):
        return "left"
    if _seed_of(found) == seed:
        return ""
    _write(found, seed)
    return "updated"


def _write(row: Any, seed: ConnectionSeed) -> Any:
    row.conn_type = seed.conn_type
    row.host, row.login, row.schema = seed.host or None, seed.login or None, seed.schema or None
    row.port = seed.port
    row.set_password(seed.password or None)
    row.set_extra(json.dumps(dict(seed.extra)) if seed.extra else None)
    row.description = f"{_MARK} ({_fingerprint(seed)})"
    return row


def _seed_of(row: Any) -> ConnectionSeed:
    return ConnectionSeed(
        row.conn_id,
        row.conn_type,
        row.host or "",
        row.login or "",
        row.password or "",
        row.port,
        row.schema or "",
        row.extra_dejson,
    )


def _fingerprint(seed: ConnectionSeed) -> str:
    """Keyed by Airflow's own key, so that the description tells nothing about the password."""
    from airflow.configuration import conf

    key = conf.get("core", "fernet_key", fallback="").encode()
    text = json.dumps(astuple(seed), sort_keys=True, default=str)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:16]
