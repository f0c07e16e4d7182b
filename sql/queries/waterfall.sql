-- From goods as priced to net revenue, orders of the window.
-- set tributary.window_start = '2026-08-01'; set tributary.window_end = '2026-08-31';
select
    revenue_waterfall.store_id,
    revenue_waterfall.currency_code,
    sum(revenue_waterfall.orders)::bigint as orders,
    sum(revenue_waterfall.gross_amount) as gross_amount,
    sum(revenue_waterfall.discount_amount) as discount_amount,
    sum(revenue_waterfall.included_tax_amount) as included_tax_amount,
    sum(revenue_waterfall.returned_amount) as returned_amount,
    sum(revenue_waterfall.adjustment_amount) as adjustment_amount,
    sum(revenue_waterfall.net_amount) as net_amount
from mart.revenue_waterfall
where
    revenue_waterfall.day >= ops.window_start()
    and revenue_waterfall.day < ops.window_end()
group by revenue_waterfall.store_id, revenue_waterfall.currency_code
order by revenue_waterfall.store_id, revenue_waterfall.currency_code
