-- How current each stream of each account is.
with landed as (
    select
        load.store_id,
        load.connector,
        load.account_id,
        load.stream,
        max(load.window_end) as read_through,
        max(load.window_end) filter (where load.publication_id is not null) as published_through,
        max(load.finished_at) as landed_at,
        sum(load.rows_new - load.rows_deleted) as rows_held,
        count(*) filter (where load.publication_id is null) as loads_pending,
        max(publication.published_at) as published_at
    from ops.load
    left join ops.publication on load.publication_id = publication.publication_id
    where load.status = 'landed'
    group by load.store_id, load.connector, load.account_id, load.stream
),

newest as (
    select distinct on (store_id, connector, account_id, stream)
        store_id,
        connector,
        account_id,
        stream,
        status,
        finished_at,
        error
    from ops.load
    order by store_id asc, connector asc, account_id asc, stream asc, load_id desc
),

quarantined as (
    select
        store_id,
        connector,
        account_id,
        stream,
        count(*) as rows_quarantined
    from ops.quarantine
    where resolved_at is null
    group by store_id, connector, account_id, stream
)

select
    newest.store_id,
    newest.connector,
    newest.account_id,
    newest.stream,
    stream.feed,
    newest.status as last_status,
    newest.finished_at as last_finished_at,
    newest.error as last_error,
    landed.landed_at,
    landed.read_through,
    -- The day must be over in the store's zone and in the account's.
    least(
        (landed.published_through at time zone store.timezone)::date,
        (landed.published_through at time zone account.timezone)::date
    ) - stream.finality_days as final_through,
    coalesce(landed.rows_held, 0) as rows_held,
    coalesce(quarantined.rows_quarantined, 0) as rows_quarantined,
    coalesce(landed.loads_pending, 0) as loads_pending,
    landed.published_at,
    -- A store without any is not in the stores file at all, or from before it was kept.
    expected.stream is not null
    or not exists (
        select 1 from ops.expected_stream as any_of where any_of.store_id = newest.store_id
    ) as is_expected
from newest
inner join ops.stream using (connector, stream)
inner join core.store using (store_id)
inner join core.account using (store_id, connector, account_id)
left join ops.expected_stream as expected using (store_id, connector, account_id, stream)
left join landed using (store_id, connector, account_id, stream)
left join quarantined using (store_id, connector, account_id, stream)
