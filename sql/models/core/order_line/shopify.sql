-- Order lines as kept; gift cards stand here, marked, and count nowhere as revenue.
with source as (
    select
        store_id,
        account_id,
        record_key as order_id,
        business_date,
        load_id,
        payload,
        (payload ->> 'processedAt')::timestamptz as ordered_at,
        payload ->> 'currencyCode' as currency_code,
        (payload ->> 'taxesIncluded')::boolean as taxes_included,
        not (payload ->> 'test')::boolean and payload ->> 'cancelledAt' is null as is_counted
    from staging.shopify__order
    where
        business_date >= ops.window_start()
        and business_date < ops.window_end()
        and deleted_at is null
),

item as (
    select
        source.order_id,
        source.store_id,
        source.account_id,
        source.currency_code,
        source.taxes_included,
        line.value as line,
        line.value ->> 'id' as line_gid,
        (line.value ->> 'isGiftCard')::boolean as is_gift_card,
        (line.value ->> 'quantity')::numeric as quantity,
        (line.value ->> 'currentQuantity')::numeric as current_quantity,
        (line.value #>> '{originalUnitPriceSet,shopMoney,amount}')::numeric as unit_price,
        (
            select coalesce(sum((part.value #>> '{allocatedAmountSet,shopMoney,amount}')::numeric), 0)
            from jsonb_array_elements(line.value -> 'discountAllocations') as part (value)
        ) as discount,
        (
            select coalesce(sum((part.value #>> '{priceSet,shopMoney,amount}')::numeric), 0)
            from jsonb_array_elements(line.value -> 'taxLines') as part (value)
        ) as tax,
        (
            select coalesce(sum((part.value ->> 'quantity')::numeric), 0)
            from
                jsonb_array_elements(source.payload -> 'refunds') as refund (value),
                jsonb_array_elements(refund.value -> 'refundLineItems' -> 'nodes') as part (value)
            where part.value #>> '{lineItem,id}' = line.value ->> 'id'
        ) as refunded_quantity
    from source
    cross join
        lateral jsonb_array_elements(source.payload -> 'lineItems' -> 'nodes') as line (value)
),

-- An edit that takes quantity out without a refund leaves no sale behind: only what was kept counts,
-- with its part of the line's discount and tax.
kept as (
    select
        *,
        current_quantity + refunded_quantity as kept_quantity,
        case
            when quantity = 0 then 0
            else (current_quantity + refunded_quantity) / quantity
        end as kept_share
    from item
),

line as (
    select
        *,
        unit_price * kept_quantity as gross_amount,
        case
            when kept_share = 1 then discount
            else round(discount * kept_share, ops.minor_unit(currency_code))
        end as discount_amount,
        case
            when kept_share = 1 then tax
            else round(tax * kept_share, ops.minor_unit(currency_code))
        end as tax_amount
    from kept
)

select
    source.store_id,
    'shopify' as connector,
    source.account_id,
    source.order_id,
    substring(line.line_gid from '[^/]+$') as line_id,
    (source.ordered_at at time zone store.timezone)::date as order_day,
    coalesce(substring(line.line #>> '{product,id}' from '[^/]+$'), '') as product_id,
    coalesce(line.line ->> 'sku', '') as sku,
    line.line ->> 'title' as title,
    line.kept_quantity as quantity,
    line.gross_amount,
    line.discount_amount,
    case when source.taxes_included then line.tax_amount else 0 end as included_tax_amount,
    line.tax_amount,
    source.currency_code,
    line.is_gift_card,
    source.is_counted,
    source.business_date as source_day,
    source.load_id
from line
inner join source using (store_id, account_id, order_id)
inner join core.store using (store_id)
