-- The buyer of an order, so that a GA4 purchase with the same order id finds the person.
select
    o.store_id,
    'files' as connector,
    o.account_id,
    least('order:files:' || o.order_id, 'user:' || o.user_key) as identifier_a,
    greatest('order:files:' || o.order_id, 'user:' || o.user_key) as identifier_b,
    o.source_day,
    o.load_id
from staging.files__order as o
where o.user_key <> ''
