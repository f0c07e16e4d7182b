-- Goods that came back, per refund and order line; gift cards taken back are no goods.
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

typed as (
    select
        source.*,
        refund.value ->> 'legacyResourceId' as refund_id,
        (refund.value ->> 'processedAt')::timestamptz as refunded_at,
        substring(node.value #>> '{lineItem,id}' from '[^/]+$') as line_id,
        -- The vendor may leave the id out; then the refunded line names the row.
        coalesce(
            substring(node.value ->> 'id' from '[^/]+$'),
            'line-' || substring(node.value #>> '{lineItem,id}' from '[^/]+$')
        ) as refund_line_id,
        coalesce(node.value #>> '{lineItem,sku}', '') as sku,
        (node.value ->> 'quantity')::numeric as quantity,
        (node.value #>> '{subtotalSet,shopMoney,amount}')::numeric as subtotal,
        (node.value #>> '{totalTaxSet,shopMoney,amount}')::numeric as tax_amount
    from source
    cross join lateral jsonb_array_elements(source.payload -> 'refunds') as refund (value)
    cross join
        lateral jsonb_array_elements(refund.value -> 'refundLineItems' -> 'nodes') as node (value)
    where not (node.value #>> '{lineItem,isGiftCard}')::boolean
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
    typed.subtotal - case when typed.taxes_included then typed.tax_amount else 0 end
        as returned_amount,
    typed.tax_amount,
    typed.currency_code,
    typed.is_counted,
    typed.business_date as source_day,
    typed.load_id
from typed
inner join core.store using (store_id)
