"""Candidate rows of a unify run: what core will be after publishing, built and checked beside it.

`work.scope` lists the days a run rebuilds, `work.<table>` holds their new rows, and the view
`work.candidate_<table>` is core with them in place. Work tables are unlogged: a crash empties them
and the run starts again from build.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from tributary.errors import ConfigurationError, Superseded
from tributary.settings import SQL
from tributary.warehouse.connection import Connection, name

LINEAGE = frozenset({"load_id", "publication_id", "fitted_at"})
MODELS = SQL / "models" / "core"
SCOPES = SQL / "models" / "scope"

# Tables that later steps than build fill.
_DERIVED = (
    "identity",
    "identity_hub",
    "identity_rule",
    "credit",
    "credit_set",
    "credit_pointer",
    "model_state",
    "model_channel",
    "model_pointer",
    "insight",
)

# Whose each conversion is. Of a customer that many share, every order stands for itself.
_CONVERSION_PERSON = """
select v.*, coalesce(i.person_id, own.identifier) as person_id
from {relations}conversion as v
left join {relations}identity_hub as h
    on h.store_id = v.store_id and h.identifier = v.identifier
cross join lateral (
    select case
        when h.identifier is null then v.identifier
        else 'order:' || v.connector || ':' || v.order_id
    end as identifier
) as own
left join {relations}identity as i
    on i.store_id = v.store_id and i.identifier = own.identifier
"""

# What a run replaces: by day in tables that models build, else by these work tables and columns.
_BY_DAY = ("scope", ("store_id", "connector", "account_id", "day"))
_REPLACED = {
    "identity": ("identity_scope", ("store_id", "identifier")),
    "identity_hub": ("identity_hub_scope", ("store_id", "identifier")),
    "identity_rule": ("identity_rule", ("store_id",)),
    "insight": ("insight_store", ("store_id",)),
    "credit": ("credit_scope", ("store_id", "credit_set_id", "conversion_id")),
    "credit_set": ("credit_set", ("store_id", "credit_set_id")),
    "credit_pointer": ("credit_pointer", ("store_id", "conversion_type")),
    "model_state": ("model_state", ("store_id", "model_state_id")),
    "model_channel": ("model_state", ("store_id", "model_state_id")),
    "model_pointer": ("model_pointer", ("store_id", "conversion_type")),
}

# Of a conversion what its credits are checked against; nothing of whose it is.
_CREDITED = (
    "store_id",
    "conversion_type",
    "conversion_id",
    "converted_at",
    "conversion_day",
    "value_amount",
    "currency_code",
)
# The conversions that a run builds or credits, as they will be; found by key.
_RUN_CONVERSION = """
select {columns} from work.conversion as c
union all
select {columns} from work.credit_scope as own
join work.candidate_credit_set as d
    on d.store_id = own.store_id and d.credit_set_id = own.credit_set_id
join core.conversion as c
    on c.store_id = own.store_id and c.conversion_type = d.conversion_type
    and c.conversion_id = own.conversion_id
where not {replaced}
"""

# Changed days at most this far apart are rebuilt in one statement.
_GAP_DAYS = 3


def conversion_person(relations: str) -> str:
    """A query of the conversions with whose they are; `relations` + a table's name is read."""
    return _CONVERSION_PERSON.format(relations=relations)


def core_tables(conn: Connection) -> list[str]:
    """Every table of core, by name."""
    rows = conn.execute(
        "select table_name from information_schema.tables"
        " where table_schema = 'core' and table_type = 'BASE TABLE' order by 1"
    ).fetchall()
    return [str(row[0]) for row in rows]


def built_tables(conn: Connection) -> list[str]:
    """The core tables that models build: those with a source_day."""
    rows = conn.execute(
        "select t.relname from pg_attribute as a join pg_class as t on t.oid = a.attrelid"
        " where t.relnamespace = 'core'::regnamespace and t.relkind = 'r'"
        " and a.attname = 'source_day' order by 1"
    ).fetchall()
    return [str(row[0]) for row in rows]


def columns(conn: Connection, schema: str, table: str) -> dict[str, str]:
    """Column name -> type name, in table order."""
    rows = conn.execute(
        "select a.attname, t.typname from pg_attribute as a join pg_type as t on t.oid = a.atttypid"
        " where a.attrelid = to_regclass(%s) and a.attnum > 0 and not a.attisdropped"
        " order by a.attnum",
        (name(schema, table),),
    ).fetchall()
    return {str(column): str(udt) for column, udt in rows}


def key_columns(conn: Connection, table: str) -> list[str]:
    """The primary key of a core table, in key order."""
    rows = conn.execute(
        "select a.attname from pg_index as i"
        " cross join lateral unnest(i.indkey) with ordinality as k (attnum, position)"
        " join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum"
        " where i.indrelid = to_regclass(%s) and i.indisprimary order by k.position",
        (f"core.{table}",),
    ).fetchall()
    return [str(row[0]) for row in rows]


def create_work_tables(conn: Connection) -> None:
    """Create what is missing in schema work, and the candidate views; part of migrate."""
    conn.execute(
        "create unlogged table if not exists work.run (run_id text primary key);"
        "create unlogged table if not exists work.run_load (load_id bigint primary key);"
        "create unlogged table if not exists work.scope (store_id text, connector text,"
        " account_id text, day date, primary key (store_id, connector, account_id, day));"
        "drop table if exists work.identity_store;"
        "create unlogged table if not exists work.identity_scope (store_id text, identifier text,"
        " primary key (store_id, identifier));"
        "create unlogged table if not exists work.identity_hub_scope (store_id text,"
        " identifier text, primary key (store_id, identifier));"
        "create unlogged table if not exists work.identity_change (store_id text, identifier text,"
        " change text, person_from text, person_to text);"
        "create unlogged table if not exists work.insight_store (store_id text primary key);"
        "create unlogged table if not exists work.day_count (store_id text, connector text,"
        " account_id text, table_name text, day date, row_count bigint);"
        "create unlogged table if not exists work.day_volume (store_id text, connector text,"
        " account_id text, table_name text, day date, is_last boolean, row_count bigint,"
        " weeks bigint, usual numeric, low bigint, high bigint, verdict text);"
        "create unlogged table if not exists work.credit_scope (store_id text,"
        " credit_set_id text, conversion_id bigint,"
        " primary key (store_id, credit_set_id, conversion_id))"
    )
    for table in [*built_tables(conn), *_DERIVED]:
        work, core, view = (
            name("work", table),
            name("core", table),
            name("work", f"candidate_{table}"),
        )
        if list(columns(conn, "work", table)) != list(columns(conn, "core", table)):
            # What an open run has there goes: published without it, it would empty its days.
            conn.execute("truncate work.run")
            conn.execute(f"drop table if exists {work} cascade")
            conn.execute(f"create unlogged table {work} (like {core} including defaults)")
            keys = ", ".join(name(k) for k in key_columns(conn, table))
            conn.execute(f"create index on {work} ({keys})")
        conn.execute(f"create or replace view {view} as {_candidate_sql(table)}")
    conn.execute("drop view if exists work.conversion_person")
    conn.execute("drop view if exists work.run_conversion")
    conn.execute("drop table if exists work.credited_conversion")
    conn.execute(
        "create unlogged table work.credited_conversion as"
        f" select {', '.join(_CREDITED)} from core.conversion with no data"
    )


def list_credited_conversions(conn: Connection) -> None:
    """Write the conversions that the run builds or credits to work.credited_conversion: as a view
    they are planned for one row, and a million credits compared with each.
    """
    query = _RUN_CONVERSION.format(
        columns=", ".join(f"c.{name(column)}" for column in _CREDITED),
        replaced=replaced("conversion"),
    )
    conn.execute("truncate work.credited_conversion")
    conn.execute(f"insert into work.credited_conversion {query}")
    conn.execute("analyze work.credited_conversion")


def _candidate_sql(table: str) -> str:
    return rows(table, "c.*")


def replaced(table: str, row: str = "c") -> str:
    """The condition on a row of a core table that the run puts others in its place."""
    scope, keys = _REPLACED.get(table, _BY_DAY)
    of = {"day": "source_day"}
    same = " and ".join(f"s.{key} = {row}.{of.get(key, key)}" for key in keys)
    return f"exists (select 1 from work.{scope} as s where {same})"


def rows(
    table: str, wanted: str, joins: str = "", condition: str = "true", *, row: str = "c"
) -> str:
    """A query of candidate rows, joined. Spelled out over both of their parts it finds a few rows
    by index; PostgreSQL reads all of a view of parts before it joins it.
    """
    return (
        f"select {wanted} from {name('core', table)} as {row} {joins}"
        f" where not {replaced(table, row)} and {condition}"
        f" union all select {wanted} from {name('work', table)} as {row} {joins}"
        f" where {condition}"
    )


def pending_loads(conn: Connection) -> list[int]:
    """Landed loads whose changed days are not published yet."""
    rows = conn.execute(
        "select load_id from ops.load where status = 'landed' and publication_id is null order by 1"
    ).fetchall()
    return [int(row[0]) for row in rows]


def open_run(conn: Connection, run_id: str, loads: list[int]) -> None:
    """Empty the work tables and claim them for this run and these loads."""
    conn.execute(
        "truncate work.run, work.run_load, work.scope, work.identity_scope,"
        " work.identity_hub_scope, work.identity_change, work.credit_scope,"
        " work.credited_conversion, work.insight_store"
    )
    for table in [*built_tables(conn), *_DERIVED]:
        conn.execute(f"truncate {name('work', table)}")
    conn.execute("insert into work.run values (%s)", (run_id,))
    conn.execute("insert into work.run_load select unnest(%s::bigint[])", (loads,))
    _refresh_statistics(conn)
    conn.execute(
        "insert into work.scope select distinct c.store_id, c.connector, c.account_id, c.day + n"
        " from ops.changed_day as c join work.run_load using (load_id)"
        " join ops.stream as s using (connector, stream)"
        " cross join lateral generate_series(0, s.spill_days) as n"
    )
    # What reaches over days (an order of two days, a refund of an old order) widens the scope.
    for path in sorted(SCOPES.glob("*.sql")):
        body = path.read_text().rstrip().rstrip(";")
        conn.execute(
            "insert into work.scope (store_id, connector, account_id, day)"
            f" select distinct * from ({body}) as m on conflict do nothing"
        )
    conn.execute("analyze work.scope")


def _refresh_statistics(conn: Connection) -> None:
    """Analyze staging tables that these loads changed much: without it the first build of a large
    file is planned for an empty table and takes minutes.
    """
    grown = conn.execute(
        "select t.oid::regclass::text from ops.load as l join work.run_load using (load_id)"
        " join pg_class as t on t.relname = l.connector || '__' || l.stream"
        "   and t.relnamespace = 'staging'::regnamespace"
        " group by t.oid having sum(l.rows_new + l.rows_changed + l.rows_deleted)"
        "   > 0.05 * greatest(max(t.reltuples), 0)"
    ).fetchall()
    unknown = conn.execute(
        "select oid::regclass::text from pg_class where relkind = 'r' and reltuples < 0"
        " and oid in ('core.store'::regclass, 'core.account'::regclass)"
    ).fetchall()
    for (table,) in grown + unknown:
        conn.execute(f"analyze {table}")


def is_open(conn: Connection, run_id: str) -> bool:
    """Whether the candidate rows are this run's and not published."""
    row = conn.execute("select 1 from work.run where run_id = %s", (run_id,)).fetchone()
    return row is not None


def require_run(conn: Connection, run_id: str) -> None:
    """Raise Superseded unless the candidate rows are this run's."""
    row = conn.execute("select run_id from work.run").fetchone()
    if row is None or row[0] != run_id:
        raise Superseded(
            f"the candidate rows of run {run_id} are gone: "
            + (
                "the database restarted or was upgraded"
                if row is None
                else f"run {row[0]} replaced them"
            )
            + ". Nothing was published; clear task build, or let the next run take over."
        )


def build(conn: Connection) -> dict[str, int]:
    """Fill work.<table> for the scope's days from every model; returns rows per table."""
    tables, spans = built_tables(conn), _spans(conn)
    counts = dict.fromkeys(tables, 0)
    # A model may read the run's own rows of another table, which are built before.
    for reads_work in (False, True):
        for table in tables:
            for connector, model in _models(table):
                if (b"from work." in model.read_bytes()) is reads_work:
                    for start, end in spans.get(connector, []):
                        counts[table] += _build_one(conn, table, model, connector, start, end)
    for table in tables:
        conn.execute(f"analyze {name('work', table)}")
    return counts


def _models(table: str) -> list[tuple[str, Path]]:
    """Connector and model. `a+b__stream.sql` is one SELECT for two connectors of one shape."""
    return [
        (connector, path)
        for path in sorted((MODELS / table).glob("*.sql"))
        for connector in path.stem.split("__")[0].split("+")
    ]


def _spans(conn: Connection) -> dict[str, list[tuple[date, date]]]:
    """Per connector, half-open day ranges that cover its scope; small gaps are bridged."""
    rows = conn.execute("select distinct connector, day from work.scope order by 1, 2").fetchall()
    spans: dict[str, list[tuple[date, date]]] = {}
    for connector, day in rows:
        assert isinstance(day, date)
        ranges = spans.setdefault(str(connector), [])
        after = day + timedelta(days=1)
        if ranges and day - ranges[-1][1] <= timedelta(days=_GAP_DAYS):
            ranges[-1] = (ranges[-1][0], after)
        else:
            ranges.append((day, after))
    return spans


def _build_one(
    conn: Connection, table: str, model: Path, connector: str, start: date, end: date
) -> int:
    conn.execute(
        "select set_config('tributary.window_start', %s, true),"
        " set_config('tributary.window_end', %s, true)",
        (start.isoformat(), end.isoformat()),
    )
    body = model.read_text().rstrip().rstrip(";")
    wanted = list(columns(conn, "core", table))
    cursor = conn.execute(f"select * from ({body}) as m limit 0")
    given = [column.name for column in cursor.description or []]
    if given != wanted:
        raise ConfigurationError(
            f"{model.relative_to(SQL)} gives {given}, core.{table} has {wanted}"
        )
    escaped = body.replace("%", "%%")
    return conn.execute(
        f"insert into {name('work', table)} select m.* from ({escaped}) as m"
        " join work.scope as s on s.store_id = m.store_id and s.connector = m.connector"
        " and s.account_id = m.account_id and s.day = m.source_day"
        " where s.connector = %s and m.source_day >= %s and m.source_day < %s",
        (connector, start, end),
    ).rowcount
