-- A refund is all lines with its refund_id and order_id ('' where the file does not name the order).
with refunds as (
    select
        r.store_id,
        r.account_id,
        r.order_id,
        r.refund_id,
        min(r.refunded_at) as refunded_at,
        min(r.business_date) as source_day,
        sum(r.returned_amount) as returned_amount,
        sum(r.tax_amount) as tax_amount,
        sum(r.shipping_amount) as shipping_amount,
        min(r.currency_code) as currency_code,
        max(r.load_id) as load_id
    from staging.files__current_refund as r
    where exists (
        select 1 from staging.files__refund as w
        where
            w.store_id = r.store_id and w.account_id = r.account_id and w.refund_id = r.refund_id
            and w.business_date >= ops.window_start() and w.business_date < ops.window_end()
    )
    group by r.store_id, r.account_id, r.order_id, r.refund_id
)

select
    r.store_id,
    'files' as connector,
    r.account_id,
    r.order_id,
    r.refund_id,
    r.refunded_at,
    (r.refunded_at at time zone s.timezone)::date as refund_day,
    r.returned_amount,
    0::numeric as adjustment_amount,
    r.tax_amount,
    r.shipping_amount,
    r.returned_amount + r.tax_amount + r.shipping_amount as total_amount,
    r.currency_code,
    true as is_counted,
    r.source_day,
    r.load_id
from refunds as r
inner join core.store as s on s.store_id = r.store_id
