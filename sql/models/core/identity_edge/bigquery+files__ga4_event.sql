-- A GA4 purchase joins its browser with the order; the transaction id is the shop's order id.
-- A signed-in event joins its browser with the user.
with shops as (
    select distinct store_id from core.account where connector = 'shopify'
),

purchases as (
    select
        p.connector,
        p.store_id,
        p.account_id,
        'client:' || p.user_pseudo_id as one,
        'order:' || case when s.store_id is null then p.connector else 'shopify' end
        || ':' || p.transaction_id as other,
        p.source_day,
        p.load_id
    from staging.ga4_purchase as p
    left join shops as s on s.store_id = p.store_id
    where p.user_pseudo_id <> ''
),

logins as (
    select
        connector,
        store_id,
        account_id,
        'client:' || user_pseudo_id as one,
        'user:' || user_id as other,
        business_date as source_day,
        max(load_id) as load_id
    from staging.ga4_event
    where
        business_date >= ops.window_start() and business_date < ops.window_end()
        and user_pseudo_id <> '' and user_id <> ''
    group by connector, store_id, account_id, user_pseudo_id, user_id, business_date
),

edges as (
    select * from purchases
    union all
    select * from logins
)

select
    store_id,
    connector,
    account_id,
    least(one, other) as identifier_a,
    greatest(one, other) as identifier_b,
    source_day,
    max(load_id) as load_id
from edges
group by connector, store_id, account_id, least(one, other), greatest(one, other), source_day
