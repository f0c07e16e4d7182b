-- Days that must be rebuilt with the changed ones, because a purchase or a session of the event export
-- reaches over days. Gives store_id, connector, account_id, day.
with purchases as (
    select distinct e.store_id, e.account_id, e.transaction_id
    from staging.bigquery__ga4_event as e
    inner join work.scope as s
        on
            s.store_id = e.store_id and s.connector = 'bigquery' and s.account_id = e.account_id
            and s.day = e.business_date
    where e.transaction_id <> ''
),

days as (
    select e.store_id, e.account_id, e.business_date as day
    from purchases as p
    inner join staging.bigquery__ga4_event as e
        on
            e.store_id = p.store_id and e.account_id = p.account_id
            and e.transaction_id = p.transaction_id and e.transaction_id <> ''
    union
    -- A session starts on the day before one of its events at most.
    select c.store_id, c.account_id, c.day - 1
    from ops.changed_day as c
    inner join work.run_load as l on l.load_id = c.load_id
    where c.connector = 'bigquery' and c.stream = 'ga4_event'
)

select
    store_id,
    'bigquery' as connector,
    account_id,
    day
from days
