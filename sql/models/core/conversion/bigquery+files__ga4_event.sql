select
    p.store_id,
    'purchase' as conversion_type,
    ops.stable_id('conversion', p.connector, p.account_id, p.transaction_id) as conversion_id,
    p.connector,
    p.account_id,
    p.transaction_id as order_id,
    p.occurred_at as converted_at,
    (p.occurred_at at time zone s.timezone)::date as conversion_day,
    case
        when p.user_id <> '' then 'user:' || p.user_id
        else 'order:' || p.connector || ':' || p.transaction_id
    end as identifier,
    p.revenue_amount as value_amount,
    p.currency_code,
    null::boolean as is_first_purchase,
    p.source_day,
    p.load_id
from staging.ga4_purchase as p
inner join core.store as s on s.store_id = p.store_id
where s.order_source = 'event_export'
