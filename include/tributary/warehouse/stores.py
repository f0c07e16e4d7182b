"""Keeps core.store, core.account and ops.stream equal to the stores file and the connectors'
specs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import msgspec
from psycopg import Cursor
from psycopg.types.json import Jsonb

from tributary.settings import Account, StoreConfig, accounts
from tributary.warehouse.connection import Connection


class StreamSpec(Protocol):
    """What is stored of a stream; connectors.spec.Stream fits."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def restate_days(self) -> int: ...
    @property
    def finality_days(self) -> int: ...
    @property
    def spill_days(self) -> int: ...
    @property
    def backfill(self) -> str: ...


class ConnectorSpec(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def feed(self) -> str: ...
    @property
    def streams(self) -> Iterable[StreamSpec]: ...
    def streams_of(self, account: Account) -> Iterable[StreamSpec]: ...


def sync(
    conn: Connection, stores: Iterable[StoreConfig], connectors: Iterable[ConnectorSpec]
) -> None:
    """Write stores, accounts, streams, and which streams are read for each account of `stores`,
    which are all there are; unchanged rows are not touched, absent stores and accounts stay.

    A store whose settings changed, or one of whose accounts did, is built again by the next unify.
    """
    stores = list(stores)
    with conn.transaction(), conn.cursor() as cursor:
        before = _settings(conn)
        cursor.executemany(
            "insert into core.store as t values (%s, %s, %s, %s, %s, %s) on conflict (store_id) do"
            " update"
            " set (name, timezone, currency_code, visit_source, order_source) ="
            " (excluded.name, excluded.timezone, excluded.currency_code,"
            "  excluded.visit_source, excluded.order_source)"
            " where t is distinct from excluded",
            [
                (s.id, s.name, s.timezone, s.currency, s.visit_source, s.order_source)
                for s in stores
            ],
        )
        cursor.executemany(
            "insert into core.account as t values (%s, %s, %s, %s, %s)"
            " on conflict (store_id, connector, account_id) do update"
            " set (timezone, currency_code) = (excluded.timezone, excluded.currency_code)"
            " where t is distinct from excluded",
            [
                (a.store_id, a.connector, a.account_id, a.timezone, a.currency)
                for a in accounts(stores)
            ],
        )
        _keep_rules(cursor, stores)
        after = _settings(conn)
        cursor.execute(
            "update ops.load set publication_id = null where store_id = any(%s)"
            " and status = 'landed' and publication_id > 0",
            ([store for store in before if before[store] != after[store]],),
        )
        for connector in connectors:
            _expect(cursor, connector, accounts(stores, connector.name))
            for stream in connector.streams:
                cursor.execute(
                    "insert into ops.stream as t (connector, stream, kind, feed, restate_days,"
                    " finality_days, spill_days, backfill) values (%s, %s, %s, %s, %s, %s, %s, %s)"
                    " on conflict (connector, stream) do update set (kind, feed, restate_days,"
                    " finality_days, spill_days, backfill) = (excluded.kind, excluded.feed,"
                    " excluded.restate_days, excluded.finality_days, excluded.spill_days,"
                    " excluded.backfill) where t is distinct from excluded",
                    (
                        connector.name,
                        stream.name,
                        stream.kind,
                        connector.feed,
                        stream.restate_days,
                        stream.finality_days,
                        stream.spill_days,
                        stream.backfill,
                    ),
                )
                if stream.kind == "document":
                    cursor.execute(
                        "select ops.ensure_staging_table(%s)", (f"{connector.name}__{stream.name}",)
                    )


def _keep_rules(cursor: Cursor[Any], stores: Iterable[StoreConfig]) -> None:
    """Keep the rules of each store; the next unify sees whether they are those it used."""
    cursor.executemany(
        "insert into ops.store_rule as t (store_id, identity, attribution) values (%s, %s, %s)"
        " on conflict (store_id) do update"
        " set (identity, attribution) = (excluded.identity, excluded.attribution)"
        " where (t.identity, t.attribution)"
        "   is distinct from (excluded.identity, excluded.attribution)",
        [
            (s.id, *(Jsonb(msgspec.to_builtins(rules)) for rules in (s.identity, s.attribution)))
            for s in stores
        ],
    )


def _expect(cursor: Cursor[Any], connector: ConnectorSpec, configured: Iterable[Account]) -> None:
    """Keep which streams of a connector should arrive: those of the accounts configured now."""
    wanted = [
        (account.store_id, account.account_id, stream.name)
        for account in configured
        for stream in connector.streams_of(account)
    ]
    lists = [list(column) for column in zip(*wanted, strict=True)] or [[], [], []]
    given = "select * from unnest(%s::text[], %s::text[], %s::text[])"
    cursor.execute(
        "delete from ops.expected_stream where connector = %s"
        f" and (store_id, account_id, stream) not in ({given})",
        (connector.name, *lists),
    )
    cursor.execute(
        "insert into ops.expected_stream (connector, store_id, account_id, stream)"
        f" select %s, w.* from ({given}) as w on conflict do nothing",
        (connector.name, *lists),
    )


def _settings(conn: Connection) -> dict[str, str]:
    """Store -> everything about it that its unified rows depend on."""
    rows = conn.execute(
        "select s.store_id, jsonb_build_array(to_jsonb(s) - 'name',"
        " (select jsonb_agg(to_jsonb(a) order by a.connector, a.account_id) from core.account as a"
        " where a.store_id = s.store_id))::text from core.store as s"
    ).fetchall()
    return {str(store): str(settings) for store, settings in rows}
