-- The buyer of an order, so that a GA4 purchase with the same order id finds the person; the buyer's e-mail
-- address, and the click that the order's visit began with.
with orders as (
    select
        o.*,
        'order:files:' || o.order_id as order_identifier,
        'user:' || nullif(o.user_key, '') as user_identifier
    from staging.files__order as o
),

lines as (
    select
        l.store_id,
        l.account_id,
        l.business_date as source_day,
        l.load_id,
        'order:files:' || l.order_id as order_identifier,
        'user:' || nullif(l.user_key, '') as user_identifier,
        'email:' || nullif(l.email, '') as email_identifier,
        'click:' || nullif(l.click_key, '') as click_identifier,
        l.user_key
    from staging.files__current_order_line as l
    where l.business_date >= ops.window_start() and l.business_date < ops.window_end()
),

edges as (
    select
        store_id,
        account_id,
        source_day,
        load_id,
        order_identifier as one,
        user_identifier as other
    from orders
    union all
    select
        store_id,
        account_id,
        source_day,
        load_id,
        coalesce(user_identifier, order_identifier) as one,
        email_identifier as other
    from lines
    union all
    -- A user key that was an e-mail address is its key.
    select
        store_id,
        account_id,
        source_day,
        load_id,
        user_identifier as one,
        'email:' || user_key as other
    from lines
    where user_key ~ '^(h[0-9a-f]{32}|forgotten-h[0-9a-f]{24})$'
    union all
    select
        store_id,
        account_id,
        source_day,
        load_id,
        order_identifier as one,
        click_identifier as other
    from lines
)

select
    store_id,
    'files' as connector,
    account_id,
    least(one, other) as identifier_a,
    greatest(one, other) as identifier_b,
    source_day,
    max(load_id) as load_id
from edges
where one is not null and other is not null
group by store_id, account_id, least(one, other), greatest(one, other), source_day
