-- Days that must be rebuilt with the changed ones, because a purchase, a registration or a session of the
-- event export reaches over days. Gives store_id, connector, account_id, day.
with purchases as (
    select distinct e.store_id, e.account_id, e.transaction_id
    from staging.bigquery__ga4_event as e
    inner join work.scope as s
        on
            s.store_id = e.store_id and s.connector = 'bigquery' and s.account_id = e.account_id
            and s.day = e.business_date
    where e.transaction_id <> ''
),

-- Who signed up on these days, or had by what is published: their other sign_ups may count now, or no more.
signed_up as (
    select distinct e.store_id, e.account_id, e.user_pseudo_id, e.user_id
    from staging.bigquery__ga4_event as e
    inner join work.scope as s
        on
            s.store_id = e.store_id and s.connector = 'bigquery' and s.account_id = e.account_id
            and s.day = e.business_date
    where e.event_name = 'sign_up'
    union
    select v.store_id, v.account_id, '', substr(v.identifier, 6)
    from core.conversion as v
    inner join work.scope as s
        on
            s.store_id = v.store_id and s.connector = 'bigquery' and s.account_id = v.account_id
            and s.day = v.source_day
    where v.connector = 'bigquery' and v.conversion_type = 'registration' and v.identifier like 'user:%'
    union
    -- A sign_up that counted for nothing stood in the way of its user's others; it may name nobody now.
    select e.store_id, e.account_id, '', substr(e.identifier_b, 6)
    from core.identity_edge as e
    inner join work.scope as s
        on
            s.store_id = e.store_id and s.connector = 'bigquery' and s.account_id = e.account_id
            and s.day = e.source_day
    where e.connector = 'bigquery' and e.identifier_a like 'client:%' and e.identifier_b like 'user:%'
),

days as (
    select e.store_id, e.account_id, e.business_date as day
    from purchases as p
    inner join staging.bigquery__ga4_event as e
        on
            e.store_id = p.store_id and e.account_id = p.account_id
            and e.transaction_id = p.transaction_id and e.transaction_id <> ''
    union
    select e.store_id, e.account_id, e.business_date
    from signed_up as n
    inner join staging.bigquery__ga4_event as e
        on
            e.store_id = n.store_id and e.account_id = n.account_id
            and e.user_pseudo_id = n.user_pseudo_id
    where e.event_name = 'sign_up' and e.user_pseudo_id <> ''
    union
    select e.store_id, e.account_id, e.business_date
    from signed_up as n
    inner join staging.bigquery__ga4_event as e
        on e.store_id = n.store_id and e.account_id = n.account_id and e.user_id = n.user_id
    where e.event_name = 'sign_up' and e.user_id <> ''
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
