-- Goods that came back, per refund and order line; gift cards taken back are no goods.
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

typed as (
    select
        source.*,
        refund."legacyResourceId" as refund_id,
        refund."processedAt" as refunded_at,
        substring(part."lineItem" ->> 'id' from '[^/]+$') as line_id,
        -- The vendor may leave the id out; then the refunded line names the row.
        coalesce(
            substring(part.id from '[^/]+$'),
            'line-' || substring(part."lineItem" ->> 'id' from '[^/]+$')
        ) as refund_line_id,
        coalesce(part."lineItem" ->> 'sku', '') as sku,
        part.quantity,
        (part."subtotalSet" #>> '{shopMoney,amount}')::numeric as subtotal,
        (part."totalTaxSet" #>> '{shopMoney,amount}')::numeric as tax_amount
    from source
    cross join lateral jsonb_to_recordset(source.refunds) as refund (
        "legacyResourceId" text, "processedAt" timestamptz, "refundLineItems" jsonb
    )
    cross join lateral jsonb_to_recordset(refund."refundLineItems" -> 'nodes') as part (
        id text, quantity numeric, "lineItem" jsonb, "subtotalSet" jsonb, "totalTaxSet" jsonb
    )
    where not (part."lineItem" ->> 'isGiftCard')::boolean
)

select
    typed.store_id,
    'shopify' as connector,
    typed.account_id,
    typed.order_id,
    typed.refund_id,
    typed.refund_line_id,
    typed.line_id,
    typed.sku,
    (typed.refunded_at at time zone store.timezone)::date as refund_day,
    typed.quantity,
    typed.subtotal - case when typed."taxesIncluded" then typed.tax_amount else 0 end
        as returned_amount,
    typed.tax_amount,
    typed."currencyCode" as currency_code,
    typed.is_counted,
    typed.business_date as source_day,
    typed.load_id
from typed
inner join core.store using (store_id)
