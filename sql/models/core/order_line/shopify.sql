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

typed as (
    select
        source.*,
        line.*
    from source
    cross join lateral staging.shopify_line(
        source."lineItems", source.refunds, source."currencyCode"
    ) as line
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
