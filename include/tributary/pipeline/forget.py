"""Forgets a person: every identifier is replaced by a random word, in every layer.

The rule: orders keep their money and touches their channel, so every total stays, but nothing says
any more whose they were. The words are drawn anew and lead nowhere; ops.forgotten keeps keyed
hashes, so that the person does not come back when a vendor or file is read again. Order ids stay:
they are the shop's books. Then the days that changed are unified again, which makes the ids of
touches anew.
"""

from __future__ import annotations

import logging
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta

from psycopg.types.json import Jsonb

from tributary.clock import Clock
from tributary.connectors.shared.values import is_key, person_key
from tributary.connectors.spec import Connector, Stream, all_connectors
from tributary.errors import TributaryError
from tributary.identity.components import kind_of
from tributary.pipeline.forgotten import EMAIL, Forgotten, value_hash
from tributary.pipeline.unify import unify
from tributary.warehouse import erasure, loads
from tributary.warehouse.connection import Connection, locked
from tributary.warehouse.loads import Target
from tributary.window import Window

log = logging.getLogger(__name__)
Identifier = tuple[str, str]


@dataclass(frozen=True)
class Person:
    """What somebody gives to be found: of each kind any number."""

    emails: Sequence[str] = ()
    users: Sequence[str] = ()
    customers: Sequence[str] = ()
    clients: Sequence[str] = ()

    @property
    def identifiers(self) -> list[Identifier]:
        found = [(EMAIL, text.strip().lower()) for text in self.emails]
        found += [(EMAIL, person_key(text.strip())) for text in self.emails]
        found += [("user", person_key(text.strip())) for text in (*self.emails, *self.users)]
        found += [("customer", text.strip().rpartition("/")[2]) for text in self.customers]
        return found + [("client", text.strip()) for text in self.clients]


@dataclass(frozen=True)
class Erased:
    """`identifiers`: how many were replaced; `rows`: per table. `unpublished`: why the days that
    changed could not be unified yet, or ''.
    """

    store_id: str
    identifiers: int = 0
    rows: Mapping[str, int] = field(default_factory=dict)
    erasure_id: int | None = None
    unpublished: str = ""


class _Undone(Exception):
    """Rolls a dry run back."""


def forget(
    conn: Connection,
    store_id: str,
    person: Person,
    clock: Clock,
    *,
    dry_run: bool = False,
) -> Erased:
    """Forget one person of one store. Loads and unify wait meanwhile; twice changes nothing."""
    with ExitStack() as stack:
        stack.enter_context(locked(conn, "unify"))
        for target in _targets(conn, store_id):
            stack.enter_context(locked(conn, "load", *target.key))
        _publish_pending(conn, clock, dry_run)
        log.info("forget: searching %s", store_id)
        run_id = f"forget/{clock.now():%Y-%m-%dT%H:%M:%S.%fZ}"
        erased, touches, words = Erased(store_id), list[int](), dict[Identifier, str]()
        try:
            with conn.transaction():
                words = _words(conn, store_id, _all_of(conn, store_id, person))
                erasure.note_values(conn, words)
                touches = erasure.touches_of(conn, store_id)
                erased = _erase(conn, store_id, words, touches, run_id, clock)
                if dry_run:
                    raise _Undone
        except _Undone:
            return erased
        if erased.erasure_id is None:
            return erased
        return _finish(conn, erased, touches, run_id, clock)


def _publish_pending(conn: Connection, clock: Clock, dry_run: bool) -> None:
    """What has landed may join more identifiers to the person; a failed check is no hindrance."""
    if not dry_run:
        with suppress(TributaryError):
            unify(conn, f"before-forget/{clock.now():%Y-%m-%dT%H:%M:%S.%fZ}", clock)


def _targets(conn: Connection, store_id: str) -> list[Target]:
    rows = conn.execute(
        "select distinct store_id, connector, account_id, stream from ops.load"
        " where store_id = %s order by 1, 2, 3, 4",
        (store_id,),
    ).fetchall()
    return [Target(*row) for row in rows]


def _all_of(conn: Connection, store_id: str, person: Person) -> list[Identifier]:
    """What was given, and every other identifier of the same published person."""
    given = person.identifiers
    rows = conn.execute(
        "select distinct other.identifier from core.identity as own"
        " join core.identity as other using (store_id, person_id)"
        " where own.store_id = %s and own.identifier = any(%s)",
        (store_id, [f"{kind}:{value}" for kind, value in given]),
    ).fetchall()
    everything = {f"{kind}:{value}" for kind, value in given} | {str(row[0]) for row in rows}
    everything |= _clicks_of(conn, store_id, everything)
    split = [text.partition(":") for text in everything if kind_of(text) != "order"]
    found = {(kind, value) for kind, _, value in split}
    keys = {value for kind, value in found if kind in (EMAIL, "user") and is_key(value)}
    return sorted(found | {(kind, key) for key in keys for kind in (EMAIL, "user")})


def _clicks_of(conn: Connection, store_id: str, identifiers: Iterable[str]) -> set[str]:
    """The clicks of these identifiers, also those that join nobody because two made them."""
    rows = conn.execute(
        "with own as materialized (select unnest(%(own)s::text[]) as identifier)"
        " select e.identifier_a from own join core.identity_edge as e"
        "   on e.store_id = %(store)s and e.identifier_b = own.identifier"
        "   where starts_with(e.identifier_a, 'click:')"
        " union select e.identifier_b from own join core.identity_edge as e"
        "   on e.store_id = %(store)s and e.identifier_a = own.identifier"
        "   where starts_with(e.identifier_b, 'click:')",
        {"store": store_id, "own": list(identifiers)},
    ).fetchall()
    return {str(row[0]) for row in rows}


def _words(
    conn: Connection, store_id: str, identifiers: Iterable[Identifier]
) -> dict[Identifier, str]:
    """The word for each identifier: the one it has, or a new one. The key of an e-mail address has
    the same as user and as address, so that these stay one person (`forgotten-h`).
    """
    known = Forgotten.of_store(conn, store_id) or Forgotten({})
    words: dict[Identifier, str] = {}
    of_keys: dict[str, str] = {}
    for kind, value in identifiers:
        word = known.word_for(kind, value)
        if is_key(value) and kind in (EMAIL, "user"):
            word = of_keys.setdefault(value, word or f"forgotten-h{secrets.token_hex(12)}")
        words[kind, value] = word or f"forgotten-{secrets.token_hex(12)}"
    return words


def _erase(
    conn: Connection,
    store_id: str,
    words: Mapping[Identifier, str],
    touches: Sequence[int],
    run_id: str,
    clock: Clock,
) -> Erased:
    """Replace everywhere, note who was forgotten and the days to build again."""
    rows: Counter[str] = Counter()
    forgotten = Forgotten({value_hash(*known): word for known, word in words.items()})
    changed: dict[Target, set[date]] = {}
    for connector in all_connectors().values():
        for stream in connector.streams:
            if stream.people and _exists(conn, connector, stream):
                for target, day in _replace_staged(conn, store_id, connector, stream, forgotten):
                    rows[f"staging.{target.staging_table}"] += 1
                    changed.setdefault(target, set()).add(day)
                kinds = frozenset(stream.people.values())
                rows["ops.quarantine"] += erasure.replace_quarantined(
                    conn,
                    store_id,
                    connector.name,
                    stream.name,
                    lambda text, kinds=kinds: forgotten.prose(text, kinds),  # type: ignore[misc]
                )
    rows["core.credit (old sets)"] = erasure.unattribute_old_sets(conn, store_id, touches)
    rows.update(erasure.replace_unified(conn, store_id))
    rows.update(erasure.replace_history(conn, store_id))
    kept = {table: count for table, count in rows.items() if count}
    if not kept:
        return Erased(store_id)
    row = conn.execute(
        "insert into ops.erasure (store_id, run_id, asked_at, identifiers, row_counts)"
        " values (%s, %s, %s, %s, %s) returning erasure_id",
        (store_id, run_id, clock.now(), len(words), Jsonb(kept)),
    ).fetchone()
    assert row is not None
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into ops.forgotten (store_id, value_hash, replacement, erasure_id)"
            " values (%s, %s, %s, %s) on conflict do nothing",
            [(store_id, value_hash(*known), word, row[0]) for known, word in words.items()],
        )
    for target, days in changed.items():
        _note_days(conn, target, days, run_id, clock)
    return Erased(store_id, len(words), kept, row[0])


def _exists(conn: Connection, connector: Connector, stream: Stream) -> bool:
    table = f"staging.{connector.name}__{stream.name}"
    return conn.execute("select to_regclass(%s)", (table,)).fetchone() != (None,)


def _replace_staged(
    conn: Connection, store_id: str, connector: Connector, stream: Stream, forgotten: Forgotten
) -> list[tuple[Target, date]]:
    table = f"{connector.name}__{stream.name}"
    if stream.kind == "table":
        found = erasure.replace_rows(conn, store_id, table, stream.people)
    else:
        found = erasure.replace_documents(
            conn,
            store_id,
            table,
            stream.people,
            lambda payload: forgotten.document(payload, stream.people),
        )
    return [(Target(store_id, connector.name, account, stream.name), day) for account, day in found]


def _note_days(
    conn: Connection, target: Target, days: set[date], run_id: str, clock: Clock
) -> None:
    """A load that read nothing, with the days to build again; it moves no cursor, and its window
    is the first of the days, so that nothing looks fresher than it is.
    """
    at, first = clock.now(), min(days)
    window = Window.of_days(first, first + timedelta(days=1))
    load_id = loads.start(conn, target, run_id, "erasure", window, at)
    loads.finish(
        conn,
        load_id,
        loads.Counts(),
        quota={},
        drift=frozenset(),
        nothing_changed=False,
        at=at,
    )
    conn.execute(
        "insert into ops.changed_day (load_id, store_id, connector, account_id, stream, day)"
        " select %s, %s, %s, %s, %s, unnest(%s::date[])",
        (load_id, *target.key, sorted(days)),
    )


def _finish(
    conn: Connection, erased: Erased, touches: Sequence[int], run_id: str, clock: Clock
) -> Erased:
    """Unify the days that changed, and take what that writes of the old ids out of the ledger."""
    problem = ""
    try:
        unify(conn, run_id, clock)
    except TributaryError as error:
        problem = str(error)
    with conn.transaction():
        erasure.replace_history(conn, erased.store_id)
        erasure.drop_touch_ids(conn, erased.store_id, touches)
        if not problem:
            conn.execute(
                "update ops.erasure set finished_at = %s where erasure_id = %s",
                (clock.now(), erased.erasure_id),
            )
    return Erased(erased.store_id, erased.identifiers, erased.rows, erased.erasure_id, problem)
