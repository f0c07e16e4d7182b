-- A purchase for every counted order, worth its net amount (as in sales_order/shopify.sql).
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
),

goods as (
    select
        store_id,
        account_id,
        order_id,
        coalesce(sum(gross_amount) filter (where not is_gift_card), 0) as gross_amount,
        coalesce(sum(discount_amount) filter (where not is_gift_card), 0) as discount_amount,
        coalesce(sum(tax_amount) filter (where taxes_included and not is_gift_card), 0)
            as included_tax_amount,
        coalesce(sum(gross_amount - discount_amount) filter (where is_gift_card), 0)
            as gift_card_amount
    from line
    group by store_id, account_id, order_id
),

back as (
    select
        store_id,
        account_id,
        order_id,
        sum(returned_amount) as returned_amount,
        sum(adjustment_amount) as adjustment_amount,
        sum(gift_card_amount) as gift_card_amount
    from refund
    group by store_id, account_id, order_id
),

amount as (
    select
        source.store_id,
        source.account_id,
        source.order_id,
        coalesce(goods.gross_amount, 0) as gross_amount,
        coalesce(goods.discount_amount, 0) as discount_amount,
        coalesce(goods.included_tax_amount, 0) as included_tax_amount,
        coalesce(back.returned_amount, 0) as returned_amount,
        coalesce(back.adjustment_amount, 0) as adjustment_amount,
        coalesce(goods.gift_card_amount, 0) - coalesce(back.gift_card_amount, 0)
            as gift_card_amount
    from source
    left join goods using (store_id, account_id, order_id)
    left join back using (store_id, account_id, order_id)
)

select
    source.store_id,
    'purchase' as conversion_type,
    ops.stable_id('conversion', 'shopify', source.account_id, source.order_id) as conversion_id,
    'shopify' as connector,
    source.account_id,
    source.order_id,
    source.ordered_at as converted_at,
    (source.ordered_at at time zone store.timezone)::date as conversion_day,
    coalesce(
        'customer:' || (source.payload #>> '{customer,legacyResourceId}'),
        'order:shopify:' || source.order_id
    ) as identifier,
    amount.gross_amount - amount.discount_amount - amount.included_tax_amount
        - amount.returned_amount - amount.adjustment_amount as value_amount,
    source.currency_code,
    (source.payload #>> '{customerJourneySummary,customerOrderIndex}')::int = 0 as is_first_purchase,
    source.business_date as source_day,
    source.load_id
from source
inner join amount using (store_id, account_id, order_id)
inner join core.store using (store_id)
where source.is_counted
