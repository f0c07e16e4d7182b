-- Streams of the store with what is landed and published, or about to be by this run: how far they were
-- read, through which day they are final, and the days they ever had rows for. Of accounts that the stores
-- file no longer names nothing is read, so nothing waits for them.
-- set tributary.store_id = 'nordlicht';
with counted as (
    select
        load.load_id,
        load.store_id,
        load.connector,
        load.account_id,
        load.stream,
        load.window_end
    from ops.load
    where
        load.store_id = current_setting('tributary.store_id')
        and load.status = 'landed'
        and (
            load.publication_id is not null
            or load.load_id in (select run_load.load_id from work.run_load)
        )
),

read as (
    select
        connector,
        account_id,
        stream,
        store_id,
        max(window_end) as read_through
    from counted
    group by connector, account_id, stream, store_id
),

filled as (
    select
        counted.connector,
        counted.account_id,
        counted.stream,
        array_agg(distinct changed_day.day order by changed_day.day) as days
    from counted
    inner join ops.changed_day using (load_id)
    group by counted.connector, counted.account_id, counted.stream
)

select
    read.connector,
    read.account_id,
    read.stream,
    placed.read_through,
    placed.read_through - stream.finality_days as final_through,
    coalesce(filled.days, '{}') as days
from read
inner join ops.stream using (connector, stream)
inner join core.store using (store_id)
inner join core.account using (store_id, connector, account_id)
cross join lateral (
    select
        least(
            (read.read_through at time zone store.timezone)::date,
            (read.read_through at time zone account.timezone)::date
        ) as read_through
) as placed
left join filled
    on
        read.connector = filled.connector
        and read.account_id = filled.account_id
        and read.stream = filled.stream
where
    not exists (select 1 from ops.expected_stream where expected_stream.store_id = read.store_id)
    or exists (
        select 1 from ops.expected_stream
        where
            expected_stream.store_id = read.store_id
            and expected_stream.connector = read.connector
            and expected_stream.account_id = read.account_id
    )
order by read.connector, read.account_id, read.stream
