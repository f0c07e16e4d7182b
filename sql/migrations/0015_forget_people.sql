-- People who asked to be forgotten. value_hash is keyed with the installation's secret: it tells a value
-- that a vendor sends again, and nothing to who reads it. replacement stands in the value's place.
create table ops.erasure (
    erasure_id bigint generated always as identity primary key,
    store_id text not null,
    run_id text not null,
    asked_at timestamptz not null,
    finished_at timestamptz,
    identifiers int not null,
    row_counts jsonb not null
);

create table ops.forgotten (
    store_id text not null,
    value_hash text not null,
    replacement text not null,
    erasure_id bigint not null references ops.erasure,
    primary key (store_id, value_hash)
);

-- An erasure notes the days it changed as a load, so that unify builds them again.
alter table ops.load drop constraint load_mode_check;
alter table ops.load add constraint load_mode_check check (
    mode in ('incremental', 'backfill', 'replay', 'erasure')
);
