-- What should arrive, and how much of it is usual: what the gate compares a run with.

-- The streams read for each account of the stores file now. One that was never read is not in ops.load.
create table ops.expected_stream (
    store_id text not null,
    connector text not null,
    account_id text not null,
    stream text not null,
    primary key (store_id, connector, account_id, stream)
);

-- Rows of core by table, account and source day; written by the publication that moves the rows.
create table ops.day_count (
    store_id text not null,
    connector text not null,
    account_id text not null,
    table_name text not null,
    day date not null,
    row_count bigint not null,
    primary key (store_id, connector, account_id, table_name, day)
);

do $$
declare
    built text;
begin
    for built in
        select c.table_name from information_schema.columns as c
        where c.table_schema = 'core' and c.column_name = 'source_day'
    loop
        execute format(
            'insert into ops.day_count select store_id, connector, account_id, %L, source_day, count(*)'
            ' from core.%I group by store_id, connector, account_id, source_day', built, built
        );
    end loop;
end $$;

-- A replay lands what quarantine kept; it reads no vendor.
alter table ops.load drop constraint load_mode_check;
alter table ops.load add constraint load_mode_check check (mode in ('incremental', 'backfill', 'replay'));

create index quarantine_open on ops.quarantine (store_id, connector, account_id, stream) where resolved_at is null;
