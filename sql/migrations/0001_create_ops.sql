-- Runs, loads, checks, quarantine, revisions, publications. ops.schema_migration is the runner's own.
create schema staging;
create schema work;
create schema core;
create schema mart;

-- The window of the running statement, set per transaction:
-- select set_config('tributary.window_start', '2026-08-01', true)
create function ops.window_start() returns date language plpgsql stable as $$
begin
    if coalesce(current_setting('tributary.window_start', true), '') = '' then
        raise exception 'tributary.window_start is not set'
            using hint = 'set tributary.window_start = ''2026-08-01''; set tributary.window_end = ''2026-08-02'';';
    end if;
    return current_setting('tributary.window_start')::date;
end $$;

create function ops.window_end() returns date language plpgsql stable as $$
begin
    if coalesce(current_setting('tributary.window_end', true), '') = '' then
        raise exception 'tributary.window_end is not set'
            using hint = 'set tributary.window_start = ''2026-08-01''; set tributary.window_end = ''2026-08-02'';';
    end if;
    return current_setting('tributary.window_end')::date;
end $$;

-- A stable 64-bit id from vendor identity; 0 is kept free for "unattributed".
create function ops.stable_id(variadic parts text[]) returns bigint language sql immutable strict parallel safe as $$
    select case when id = 0 then 1 else id end
    from (select ('x' || substr(md5(array_to_string(parts, e'\x1f')), 1, 16))::bit(64)::bigint as id) as hashed
$$;

create table ops.stream (
    connector text not null,
    stream text not null,
    kind text not null check (kind in ('document', 'table')),
    feed text not null,
    restate_days int not null,
    finality_days int not null,
    spill_days int not null,
    backfill text not null,
    primary key (connector, stream)
);

create table ops.load (
    load_id bigint generated always as identity primary key,
    store_id text not null,
    connector text not null,
    account_id text not null,
    stream text not null,
    run_id text not null,
    mode text not null check (mode in ('incremental', 'backfill')),
    window_start timestamptz not null,
    window_end timestamptz not null,
    status text not null check (status in ('running', 'landed', 'failed')),
    started_at timestamptz not null,
    finished_at timestamptz,
    pages int not null default 0,
    rows_in bigint not null default 0,
    rows_new bigint not null default 0,
    rows_changed bigint not null default 0,
    rows_unchanged bigint not null default 0,
    rows_deleted bigint not null default 0,
    rows_quarantined bigint not null default 0,
    rows_duplicate bigint not null default 0,
    api_calls int not null default 0,
    quota jsonb not null default '{}',
    drift text[] not null default '{}',
    error text not null default '',
    publication_id bigint
);
create index load_pending on ops.load (load_id) where status = 'landed' and publication_id is null;
create index load_by_stream on ops.load (store_id, connector, account_id, stream, load_id);

-- The days whose staging rows really changed in a load: what the next unify run rebuilds.
create table ops.changed_day (
    load_id bigint not null references ops.load,
    store_id text not null,
    connector text not null,
    account_id text not null,
    stream text not null,
    day date not null,
    primary key (load_id, day)
);

create table ops.quarantine (
    quarantine_id bigint generated always as identity primary key,
    store_id text not null,
    connector text not null,
    account_id text not null,
    stream text not null,
    record_key text not null,
    source text not null,
    reason text not null,
    payload text not null,
    first_load_id bigint not null references ops.load,
    load_id bigint not null references ops.load,
    resolved_at timestamptz,
    unique (store_id, connector, account_id, stream, source, record_key)
);

create table ops.file_version (
    store_id text not null,
    connector text not null,
    account_id text not null,
    stream text not null,
    file_name text not null,
    content_hash text not null,
    load_id bigint not null references ops.load,
    lines bigint not null,
    duplicates bigint not null,
    removed_at timestamptz,
    primary key (store_id, connector, account_id, stream, file_name)
);

create table ops.publication (
    publication_id bigint generated always as identity primary key,
    run_id text not null unique,
    published_at timestamptz not null,
    row_counts jsonb not null
);

create table ops.unify_run (
    run_id text primary key,
    status text not null check (status in (
        'building', 'built', 'checked', 'attributed', 'published', 'stopped', 'nothing_pending'
    )),
    started_at timestamptz not null,
    finished_at timestamptz,
    phase_seconds jsonb not null default '{}',
    message text not null default ''
);

create table ops.check_result (
    run_id text not null,
    check_name text not null,
    table_name text not null,
    severity text not null check (severity in ('stop', 'warn')),
    success boolean not null,
    rows_checked bigint not null,
    rows_failed bigint not null,
    detail text not null,
    worst_rows jsonb not null default '[]',
    reproduce_sql text not null,
    checked_at timestamptz not null,
    primary key (run_id, check_name)
);

-- The restatement ledger: every published value that moved, from -> to. change 'new' keeps no column.
create table ops.revision (
    publication_id bigint not null references ops.publication,
    table_name text not null,
    row_key text not null,
    store_id text not null,
    day date not null,
    change text not null check (change in ('changed', 'deleted')),
    column_name text not null,
    value_from text,
    value_to text,
    primary key (publication_id, table_name, row_key, column_name)
);

create table ops.channel_rule (
    store_id text not null,
    priority int not null,
    source_pattern text not null default '.*',
    medium_pattern text not null default '.*',
    campaign_pattern text not null default '.*',
    channel text not null,
    primary key (store_id, priority)
);
