-- Both are built from the same source days, so the run's rows are compared with each other.
with sale as (
    select
        store_id,
        connector,
        account_id,
        order_id,
        net_amount,
        currency_code
    from work.sales_order
    where is_counted
),

purchase as (
    select
        store_id,
        connector,
        account_id,
        order_id,
        count(*) as conversions,
        sum(value_amount) as value_amount,
        min(currency_code) as currency_code
    from work.conversion
    where conversion_type = 'purchase'
    group by store_id, connector, account_id, order_id
)

select
    store_id,
    connector,
    account_id,
    order_id,
    coalesce(purchase.conversions, 0) as conversions,
    purchase.value_amount,
    sale.net_amount,
    purchase.currency_code as conversion_currency_code,
    sale.currency_code
from sale
full join purchase using (store_id, connector, account_id, order_id)
where
    purchase.conversions is distinct from 1
    or (purchase.value_amount, purchase.currency_code)
    is distinct from (sale.net_amount, sale.currency_code)
order by store_id, connector, account_id, order_id
