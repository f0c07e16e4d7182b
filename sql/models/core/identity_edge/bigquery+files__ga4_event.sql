-- A GA4 purchase joins its browser with the order; the transaction id is the shop's order id.
-- A signed-in event joins its browser with the user, and a user id that was an e-mail address is its key.
-- An event that a click led to joins its browser with the click.
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

addresses as (
    select distinct
        connector,
        store_id,
        account_id,
        other as one,
        replace(other, 'user:', 'email:') as other,
        source_day,
        load_id
    from logins
    where other ~ '^user:(h[0-9a-f]{32}|forgotten-h[0-9a-f]{24})$'
),

clicks as (
    select
        connector,
        store_id,
        account_id,
        'client:' || user_pseudo_id as one,
        'click:' || click_key as other,
        business_date as source_day,
        max(load_id) as load_id
    from staging.ga4_event
    where
        business_date >= ops.window_start() and business_date < ops.window_end()
        and user_pseudo_id <> '' and click_key <> ''
    group by connector, store_id, account_id, user_pseudo_id, click_key, business_date
),

edges as (
    select * from purchases
    union all
    select * from logins
    union all
    select * from addresses
    union all
    select * from clicks
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
