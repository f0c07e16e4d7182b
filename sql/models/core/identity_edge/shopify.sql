-- The order and its customer are one person.
with source as (
    select
        store_id,
        account_id,
        record_key as order_id,
        business_date,
        load_id,
        payload #>> '{customer,legacyResourceId}' as customer_id
    from staging.shopify__order
    where
        business_date >= ops.window_start()
        and business_date < ops.window_end()
        and deleted_at is null
        and not (payload ->> 'test')::boolean
)

select
    store_id,
    'shopify' as connector,
    account_id,
    'customer:' || customer_id as identifier_a,
    'order:shopify:' || order_id as identifier_b,
    business_date as source_day,
    load_id
from source
where customer_id is not null
