-- Each stream of each account that was ever loaded: its newest load, what it holds, what waits for unify.
with ranked as (
    select
        load.store_id,
        load.connector,
        load.account_id,
        load.stream,
        load.status,
        load.error,
        row_number() over (
            partition by load.store_id, load.connector, load.account_id, load.stream
            order by load.load_id desc
        ) as newest
    from ops.load
),

held as (
    select
        load.store_id,
        load.connector,
        load.account_id,
        load.stream,
        max(load.finished_at) as landed_at,
        sum(load.rows_new - load.rows_deleted)::bigint as rows_held,
        count(*) filter (where load.publication_id is null) as loads_pending
    from ops.load
    where load.status = 'landed'
    group by load.store_id, load.connector, load.account_id, load.stream
),

latest as (
    select
        changed_day.store_id,
        changed_day.connector,
        changed_day.account_id,
        changed_day.stream,
        max(changed_day.day) as latest_day
    from ops.changed_day
    group by changed_day.store_id, changed_day.connector, changed_day.account_id, changed_day.stream
),

quarantined as (
    select
        quarantine.store_id,
        quarantine.connector,
        quarantine.account_id,
        quarantine.stream,
        count(*) as rows_quarantined
    from ops.quarantine
    where quarantine.resolved_at is null
    group by quarantine.store_id, quarantine.connector, quarantine.account_id, quarantine.stream
)

select
    ranked.store_id,
    ranked.connector,
    ranked.account_id,
    ranked.stream,
    coalesce(stream.feed, '') as feed,
    ranked.status,
    held.landed_at,
    latest.latest_day,
    coalesce(held.rows_held, 0) as rows_held,
    coalesce(quarantined.rows_quarantined, 0) as rows_quarantined,
    coalesce(held.loads_pending, 0) as loads_pending,
    ranked.error
from ranked
left join held using (store_id, connector, account_id, stream)
left join latest using (store_id, connector, account_id, stream)
left join quarantined using (store_id, connector, account_id, stream)
left join ops.stream
    on ranked.connector = stream.connector and ranked.stream = stream.stream
where ranked.newest = 1
order by ranked.store_id, ranked.connector, ranked.account_id, ranked.stream
