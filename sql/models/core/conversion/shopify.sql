-- A purchase for every counted order of this run, worth its net amount.
select
    orders.store_id,
    'purchase' as conversion_type,
    ops.stable_id('conversion', orders.connector, orders.account_id, orders.order_id) as conversion_id,
    orders.connector,
    orders.account_id,
    orders.order_id,
    orders.ordered_at as converted_at,
    orders.order_day as conversion_day,
    case
        when orders.customer_id <> '' then 'customer:' || orders.customer_id
        else 'order:shopify:' || orders.order_id
    end as identifier,
    orders.net_amount as value_amount,
    orders.currency_code,
    orders.is_first_purchase,
    orders.source_day,
    orders.load_id
from work.sales_order as orders
where
    orders.connector = 'shopify'
    and orders.is_counted
    and orders.source_day >= ops.window_start()
    and orders.source_day < ops.window_end()
