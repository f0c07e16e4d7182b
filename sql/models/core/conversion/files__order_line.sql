select
    o.store_id,
    'purchase' as conversion_type,
    ops.stable_id('conversion', 'files', o.account_id, o.order_id) as conversion_id,
    'files' as connector,
    o.account_id,
    o.order_id,
    o.ordered_at as converted_at,
    (o.ordered_at at time zone s.timezone)::date as conversion_day,
    case
        when o.user_key <> '' then 'user:' || o.user_key else 'order:files:' || o.order_id
    end as identifier,
    o.net_amount as value_amount,
    o.currency_code,
    null::boolean as is_first_purchase,
    o.source_day,
    o.load_id
from staging.files__order as o
inner join core.store as s on s.store_id = o.store_id
where s.order_source = 'shop'
