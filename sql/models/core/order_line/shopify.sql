-- Order lines as kept; gift cards stand here, marked, and count nowhere as revenue.
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
        "lineItems" jsonb,
        refunds jsonb
    )
    where
        staged.business_date >= ops.window_start()
        and staged.business_date < ops.window_end()
        and staged.deleted_at is null
),

-- An edit that takes quantity out without a refund leaves no sale behind: only what was kept counts,
-- with its part of the line's discount and tax.
typed as (
    select
        source.*,
        line.id as line_gid,
        line.product ->> 'id' as product_gid,
        line.sku,
        line.title,
        line."isGiftCard" as is_gift_card,
        kept.kept_quantity,
        exact.gross_amount,
        rounded.discount_amount,
        rounded.tax_amount
    from source
    cross join lateral jsonb_to_recordset(source."lineItems" -> 'nodes') as line (
        id text,
        sku text,
        title text,
        product jsonb,
        quantity numeric,
        "currentQuantity" numeric,
        "isGiftCard" boolean,
        "originalUnitPriceSet" jsonb,
        "discountAllocations" jsonb,
        "taxLines" jsonb
    )
    cross join lateral (
        select line."currentQuantity" + coalesce(sum(part.quantity), 0) as kept_quantity
        from
            jsonb_to_recordset(source.refunds) as refund ("refundLineItems" jsonb),
            jsonb_to_recordset(refund."refundLineItems" -> 'nodes') as part (
                quantity numeric, "lineItem" jsonb
            )
        where part."lineItem" ->> 'id' = line.id
    ) as kept
    cross join lateral (
        select
            (line."originalUnitPriceSet" #>> '{shopMoney,amount}')::numeric * kept.kept_quantity
                as gross_amount,
            (
                select
                    coalesce(
                        sum((part.value #>> '{allocatedAmountSet,shopMoney,amount}')::numeric), 0
                    )
                from jsonb_array_elements(line."discountAllocations") as part (value)
            ) as discount,
            (
                select coalesce(sum((part.value #>> '{priceSet,shopMoney,amount}')::numeric), 0)
                from jsonb_array_elements(line."taxLines") as part (value)
            ) as tax
    ) as exact
    cross join lateral (
        select
            coalesce(
                round(
                    exact.discount * kept.kept_quantity / nullif(line.quantity, 0),
                    ops.minor_unit(source."currencyCode")
                ), 0
            ) as discount_amount,
            coalesce(
                round(
                    exact.tax * kept.kept_quantity / nullif(line.quantity, 0),
                    ops.minor_unit(source."currencyCode")
                ), 0
            ) as tax_amount
    ) as rounded
)

select
    typed.store_id,
    'shopify' as connector,
    typed.account_id,
    typed.order_id,
    substring(typed.line_gid from '[^/]+$') as line_id,
    (typed."processedAt" at time zone store.timezone)::date as order_day,
    coalesce(substring(typed.product_gid from '[^/]+$'), '') as product_id,
    coalesce(typed.sku, '') as sku,
    typed.title,
    typed.kept_quantity as quantity,
    typed.gross_amount,
    typed.discount_amount,
    case when typed."taxesIncluded" then typed.tax_amount else 0 end as included_tax_amount,
    typed.tax_amount,
    typed."currencyCode" as currency_code,
    typed.is_gift_card,
    typed.is_counted,
    typed.business_date as source_day,
    typed.load_id
from typed
inner join core.store using (store_id)
