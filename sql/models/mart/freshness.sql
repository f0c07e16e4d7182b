-- How current each stream of each account is.
with landed as (
    select
        store_id,
        connector,
        account_id,
        stream,
        max(window_end) as read_through,
        max(window_end) filter (where publication_id is not null) as published_through,
        max(finished_at) as landed_at,
        sum(rows_new - rows_deleted) as rows_held,
        count(*) filter (where publication_id is null) as loads_pending
    from ops.load
    where status = 'landed'
    group by store_id, connector, account_id, stream
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
    (landed.published_through at time zone account.timezone)::date - stream.finality_days as final_through,
    coalesce(landed.rows_held, 0) as rows_held,
    coalesce(quarantined.rows_quarantined, 0) as rows_quarantined,
    coalesce(landed.loads_pending, 0) as loads_pending
from newest
inner join ops.stream using (connector, stream)
inner join core.account using (store_id, connector, account_id)
left join landed using (store_id, connector, account_id, stream)
left join quarantined using (store_id, connector, account_id, stream)
