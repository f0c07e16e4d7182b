-- From goods as priced to net revenue, each step on its own day: orders on the order's, returns on the
-- refund's. Counted orders only (no test and no cancelled orders).
with ordered as (
    select
        store_id,
        order_day as day,
        connector,
        currency_code,
        count(*) as orders,
        sum(gross_amount) as gross_amount,
        sum(discount_amount) as discount_amount,
        sum(included_tax_amount) as included_tax_amount,
        sum(shipping_amount) as shipping_amount,
        sum(tax_amount) as tax_amount,
        sum(gift_card_amount) as gift_card_amount,
        sum(total_amount) as total_amount
    from core.sales_order
    where is_counted
    group by store_id, order_day, connector, currency_code
),

refunded as (
    select
        store_id,
        refund_day as day,
        connector,
        currency_code,
        count(*) as refunds,
        sum(returned_amount) as returned_amount,
        sum(adjustment_amount) as adjustment_amount,
        sum(total_amount) as refunded_amount
    from core.refund
    where is_counted
    group by store_id, refund_day, connector, currency_code
)

select
    store_id,
    day,
    connector,
    currency_code,
    coalesce(ordered.orders, 0) as orders,
    coalesce(ordered.gross_amount, 0) as gross_amount,
    coalesce(ordered.discount_amount, 0) as discount_amount,
    coalesce(ordered.included_tax_amount, 0) as included_tax_amount,
    coalesce(refunded.returned_amount, 0) as returned_amount,
    coalesce(refunded.adjustment_amount, 0) as adjustment_amount,
    coalesce(ordered.gross_amount - ordered.discount_amount - ordered.included_tax_amount, 0)
    - coalesce(refunded.returned_amount + refunded.adjustment_amount, 0) as net_amount,
    coalesce(ordered.shipping_amount, 0) as shipping_amount,
    coalesce(ordered.tax_amount, 0) as tax_amount,
    coalesce(ordered.gift_card_amount, 0) as gift_card_amount,
    coalesce(ordered.total_amount, 0) as total_amount,
    coalesce(refunded.refunds, 0) as refunds,
    coalesce(refunded.refunded_amount, 0) as refunded_amount
from ordered
full join refunded using (store_id, day, connector, currency_code)
