-- Days that must be rebuilt with the changed ones, because an order, a refund, a GA4 purchase, sign_up
-- or session, or a record that two files hold reaches over days. Gives store_id, connector, account_id, day.
with scope as (
    select
        store_id,
        account_id,
        day
    from work.scope
    where connector = 'files'
),

orders as (
    select l.store_id, l.account_id, l.order_id
    from staging.files__order_line as l
    inner join scope as s
        on s.store_id = l.store_id and s.account_id = l.account_id and s.day = l.business_date
    union
    select r.store_id, r.account_id, r.order_id
    from staging.files__refund as r
    inner join scope as s
        on s.store_id = r.store_id and s.account_id = r.account_id and s.day = r.business_date
    where r.order_id <> ''
    union
    select l.store_id, l.account_id, l.order_id
    from core.order_line as l
    inner join scope as s
        on s.store_id = l.store_id and s.account_id = l.account_id and s.day = l.source_day
    where l.connector = 'files'
    union
    select r.store_id, r.account_id, r.order_id
    from core.refund_line as r
    inner join scope as s
        on s.store_id = r.store_id and s.account_id = r.account_id and s.day = r.source_day
    where r.connector = 'files' and r.order_id <> ''
    union
    select e.store_id, e.account_id, e.transaction_id
    from staging.files__ga4_event as e
    inner join scope as s
        on s.store_id = e.store_id and s.account_id = e.account_id and s.day = e.business_date
    where e.transaction_id <> ''
),

refunds as (
    select r.store_id, r.account_id, r.refund_id
    from staging.files__refund as r
    inner join scope as s
        on s.store_id = r.store_id and s.account_id = r.account_id and s.day = r.business_date
    union
    select r.store_id, r.account_id, r.refund_id
    from core.refund_line as r
    inner join scope as s
        on s.store_id = r.store_id and s.account_id = r.account_id and s.day = r.source_day
    where r.connector = 'files'
),

-- Who signed up on these days, or had by what is published: their other sign_ups may count now, or no more.
signed_up as (
    select distinct e.store_id, e.account_id, e.user_pseudo_id, e.user_id
    from staging.files__ga4_event as e
    inner join scope as s
        on
            s.store_id = e.store_id and s.account_id = e.account_id
            and s.day = e.business_date
    where e.event_name = 'sign_up'
    union
    select v.store_id, v.account_id, '', substr(v.identifier, 6)
    from core.conversion as v
    inner join scope as s
        on
            s.store_id = v.store_id and s.account_id = v.account_id
            and s.day = v.source_day
    where v.connector = 'files' and v.conversion_type = 'registration' and v.identifier like 'user:%'
    union
    -- A sign_up that counted for nothing stood in the way of its user's others; it may name nobody now.
    select e.store_id, e.account_id, '', substr(e.identifier_b, 6)
    from core.identity_edge as e
    inner join scope as s
        on
            s.store_id = e.store_id and s.account_id = e.account_id
            and s.day = e.source_day
    where e.connector = 'files' and e.identifier_a like 'client:%' and e.identifier_b like 'user:%'
),

days as (
    select l.store_id, l.account_id, l.business_date as day
    from orders as o
    inner join staging.files__order_line as l
        on l.store_id = o.store_id and l.account_id = o.account_id and l.order_id = o.order_id
    union
    select e.store_id, e.account_id, e.business_date
    from orders as o
    inner join staging.files__ga4_event as e
        on
            e.store_id = o.store_id and e.account_id = o.account_id
            and e.transaction_id = o.order_id and e.transaction_id <> ''
    union
    select c.store_id, c.account_id, c.source_day
    from orders as o
    inner join core.sales_order as c
        on
            c.store_id = o.store_id and c.connector = 'files' and c.account_id = o.account_id
            and c.order_id = o.order_id
    union
    select r.store_id, r.account_id, r.business_date
    from refunds as f
    inner join staging.files__refund as r
        on r.store_id = f.store_id and r.account_id = f.account_id and r.refund_id = f.refund_id
    union
    select e.store_id, e.account_id, e.business_date
    from signed_up as n
    inner join staging.files__ga4_event as e
        on
            e.store_id = n.store_id and e.account_id = n.account_id
            and e.user_pseudo_id = n.user_pseudo_id
    where e.event_name = 'sign_up' and e.user_pseudo_id <> ''
    union
    select e.store_id, e.account_id, e.business_date
    from signed_up as n
    inner join staging.files__ga4_event as e
        on e.store_id = n.store_id and e.account_id = n.account_id and e.user_id = n.user_id
    where e.event_name = 'sign_up' and e.user_id <> ''
    union
    -- A session starts on the day before one of its events at most.
    select c.store_id, c.account_id, c.day - 1
    from ops.changed_day as c
    inner join work.run_load as l on l.load_id = c.load_id
    where c.connector = 'files' and c.stream = 'ga4_event'
    union
    select o.store_id, o.account_id, o.business_date
    from work.run_load as l
    inner join staging.files__touch as n on n.load_id = l.load_id
    inner join staging.files__touch as o
        on o.store_id = n.store_id and o.account_id = n.account_id and o.record_key = n.record_key
    where o.file_name <> n.file_name
    union
    select o.store_id, o.account_id, o.business_date
    from work.run_load as l
    inner join staging.files__order_line as n on n.load_id = l.load_id
    inner join staging.files__order_line as o
        on o.store_id = n.store_id and o.account_id = n.account_id and o.record_key = n.record_key
    where o.file_name <> n.file_name
    union
    select o.store_id, o.account_id, o.business_date
    from work.run_load as l
    inner join staging.files__refund as n on n.load_id = l.load_id
    inner join staging.files__refund as o
        on o.store_id = n.store_id and o.account_id = n.account_id and o.record_key = n.record_key
    where o.file_name <> n.file_name
    union
    select o.store_id, o.account_id, o.business_date
    from work.run_load as l
    inner join staging.files__spend as n on n.load_id = l.load_id
    inner join staging.files__spend as o
        on o.store_id = n.store_id and o.account_id = n.account_id and o.record_key = n.record_key
    where o.file_name <> n.file_name
    union
    select o.store_id, o.account_id, o.business_date
    from work.run_load as l
    inner join staging.files__ga4_event as n on n.load_id = l.load_id
    inner join staging.files__ga4_event as o
        on o.store_id = n.store_id and o.account_id = n.account_id and o.record_key = n.record_key
    where o.file_name <> n.file_name
)

select
    store_id,
    'files' as connector,
    account_id,
    day
from days
