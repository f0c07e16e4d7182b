-- One row per refund, on its own day; its parts sum to the money paid back.
with source as (
    select
        staged.store_id,
        staged.account_id,
        staged.record_key as order_id,
        staged.business_date,
        staged.load_id,
        doc.*,
        not doc.test and doc."cancelledAt" is null as is_counted
    from staging.shopify__order as staged
    cross join lateral jsonb_to_record(staged.payload) as doc (
        test boolean,
        "cancelledAt" timestamptz,
        "processedAt" timestamptz,
        "currencyCode" text,
        "taxesIncluded" boolean,
        refunds jsonb
    )
    where
        staged.business_date >= ops.window_start()
        and staged.business_date < ops.window_end()
        and staged.deleted_at is null
),

-- Gift cards taken back are a liability repaid, no revenue; they are left out.
typed as (
    select
        source.*,
        refund.*
    from source
    cross join lateral staging.shopify_refund(source.refunds, source."taxesIncluded") as refund
)

select
    typed.store_id,
    'shopify' as connector,
    typed.account_id,
    typed.order_id,
    typed.refund_id,
    typed.refunded_at,
    (typed.refunded_at at time zone store.timezone)::date as refund_day,
    typed.returned_amount,
    typed.adjustment_amount,
    typed.tax_amount,
    typed.shipping_amount,
    typed.total_amount,
    typed."currencyCode" as currency_code,
    typed.is_counted,
    typed.business_date as source_day,
    typed.load_id
from typed
inner join core.store using (store_id)
