-- One row per refund, on its own day; its parts sum to the money paid back.
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

refunded as (
    select
        source.store_id,
        source.account_id,
        source.order_id,
        refund.value ->> 'legacyResourceId' as refund_id,
        (refund.value ->> 'processedAt')::timestamptz as refunded_at,
        (refund.value #>> '{totalRefundedSet,shopMoney,amount}')::numeric as paid_amount,
        goods.returned_amount,
        goods.gift_card_amount,
        goods.tax_amount + shipping.tax_amount as tax_amount,
        shipping.shipping_amount
    from source
    cross join lateral jsonb_array_elements(source.payload -> 'refunds') as refund (value)
    cross join lateral (
        select
            coalesce(sum(part.net) filter (where not part.is_gift_card), 0) as returned_amount,
            coalesce(sum(part.subtotal) filter (where part.is_gift_card), 0) as gift_card_amount,
            coalesce(sum(part.tax) filter (where not part.is_gift_card), 0) as tax_amount
        from (
            select
                (node.value #>> '{lineItem,isGiftCard}')::boolean as is_gift_card,
                money.subtotal,
                money.tax,
                -- Where prices contain tax, so does the subtotal of what comes back.
                money.subtotal - case when source.taxes_included then money.tax else 0 end as net
            from jsonb_array_elements(refund.value -> 'refundLineItems' -> 'nodes') as node (value)
            cross join lateral (
                select
                    (node.value #>> '{subtotalSet,shopMoney,amount}')::numeric as subtotal,
                    (node.value #>> '{totalTaxSet,shopMoney,amount}')::numeric as tax
            ) as money
        ) as part
    ) as goods
    cross join lateral (
        select
            coalesce(sum(money.tax), 0) as tax_amount,
            coalesce(
                sum(money.subtotal - case when source.taxes_included then money.tax else 0 end), 0
            ) as shipping_amount
        from jsonb_array_elements(refund.value -> 'refundShippingLines' -> 'nodes') as node (value)
        cross join lateral (
            select
                (node.value #>> '{subtotalAmountSet,shopMoney,amount}')::numeric as subtotal,
                (node.value #>> '{taxAmountSet,shopMoney,amount}')::numeric as tax
        ) as money
    ) as shipping
),

-- What is paid back beyond goods, tax and shipping: a restocking fee is negative. Gift cards taken
-- back are a liability repaid, no revenue; they are left out.
refund as (
    select
        *,
        paid_amount - gift_card_amount as total_amount,
        paid_amount - gift_card_amount - returned_amount - tax_amount - shipping_amount
            as adjustment_amount
    from refunded
)

select
    source.store_id,
    'shopify' as connector,
    source.account_id,
    source.order_id,
    refund.refund_id,
    refund.refunded_at,
    (refund.refunded_at at time zone store.timezone)::date as refund_day,
    refund.returned_amount,
    refund.adjustment_amount,
    refund.tax_amount,
    refund.shipping_amount,
    refund.total_amount,
    source.currency_code,
    source.is_counted,
    source.business_date as source_day,
    source.load_id
from refund
inner join source using (store_id, account_id, order_id)
inner join core.store using (store_id)
