-- A line keeps its own source day; order_day is the day of the order's first line.
with lines as (
    select
        l.*,
        min(l.ordered_at)
            over (partition by l.store_id, l.account_id, l.order_id)
        as order_time
    from staging.files__current_order_line as l
    where exists (
        select 1 from staging.files__order_line as w
        where
            w.store_id = l.store_id and w.account_id = l.account_id and w.order_id = l.order_id
            and w.business_date >= ops.window_start() and w.business_date < ops.window_end()
    )
)

select
    l.store_id,
    'files' as connector,
    l.account_id,
    l.order_id,
    l.record_key as line_id,
    (l.order_time at time zone s.timezone)::date as order_day,
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
from lines as l
inner join core.store as s on s.store_id = l.store_id
where
    s.order_source = 'shop'
    and l.business_date >= ops.window_start() and l.business_date < ops.window_end()
