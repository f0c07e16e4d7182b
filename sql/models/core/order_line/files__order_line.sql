-- A line keeps its own source day; order_day is the day of the order's first line.
with orders as (
    select
        o.store_id,
        o.account_id,
        o.order_id,
        (o.ordered_at at time zone s.timezone)::date as order_day
    from staging.files__order as o
    inner join core.store as s on s.store_id = o.store_id
    where s.order_source = 'shop'
)

select
    l.store_id,
    'files' as connector,
    l.account_id,
    l.order_id,
    l.record_key as line_id,
    o.order_day,
    l.sku as product_id,
    l.sku,
    l.title,
    l.quantity,
    l.gross_amount,
    l.discount_amount,
    l.included_tax_amount,
    l.tax_amount,
    l.currency_code,
    false as is_gift_card,
    true as is_counted,
    l.business_date as source_day,
    l.load_id
from staging.files__current_order_line as l
inner join orders as o
    on o.store_id = l.store_id and o.account_id = l.account_id and o.order_id = l.order_id
where l.business_date >= ops.window_start() and l.business_date < ops.window_end()
