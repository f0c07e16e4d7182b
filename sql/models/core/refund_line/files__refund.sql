-- refund_day is the day of the line's own time: a refund's lines rarely differ.
select
    r.store_id,
    'files' as connector,
    r.account_id,
    r.order_id,
    r.refund_id,
    r.record_key as refund_line_id,
    '' as line_id,
    r.sku,
    (r.refunded_at at time zone s.timezone)::date as refund_day,
    r.quantity,
    r.returned_amount,
    r.tax_amount,
    r.currency_code,
    true as is_counted,
    r.business_date as source_day,
    r.load_id
from staging.files__current_refund as r
inner join core.store as s on s.store_id = r.store_id
where r.business_date >= ops.window_start() and r.business_date < ops.window_end()
