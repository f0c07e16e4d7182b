-- A purchase for every counted order, worth its net amount (as in sales_order/shopify.sql).
with source as (
    select
        staged.store_id,
        staged.account_id,
        staged.record_key as order_id,
        staged.business_date,
        staged.load_id,
        doc.*
    from staging.shopify__order as staged
    cross join lateral jsonb_to_record(staged.payload) as doc (
        test boolean,
        "cancelledAt" timestamptz,
        "processedAt" timestamptz,
        "currencyCode" text,
        "taxesIncluded" boolean,
        customer jsonb,
        "customerJourneySummary" jsonb,
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
amount as (
    select
        source.*,
        goods.gross_amount,
        goods.discount_amount,
        case when source."taxesIncluded" then goods.tax_amount else 0 end as included_tax_amount,
        goods.tax_amount,
        goods.gift_card_amount - back.gift_card_amount as gift_card_amount,
        back.returned_amount,
        back.adjustment_amount,
        goods.gross_amount - goods.discount_amount
        - case when source."taxesIncluded" then goods.tax_amount else 0 end
        - back.returned_amount - back.adjustment_amount as net_amount
    from source
    cross join lateral (
        select
            coalesce(sum(line.gross_amount) filter (where not line.is_gift_card), 0)
                as gross_amount,
            coalesce(sum(line.discount_amount) filter (where not line.is_gift_card), 0)
                as discount_amount,
            coalesce(sum(line.tax_amount) filter (where not line.is_gift_card), 0) as tax_amount,
            coalesce(sum(line.gross_amount - line.discount_amount) filter (where line.is_gift_card), 0)
                as gift_card_amount
        from (
            select
                line."isGiftCard" as is_gift_card,
                exact.gross_amount,
                rounded.discount_amount,
                rounded.tax_amount
            from jsonb_to_recordset(source."lineItems" -> 'nodes') as line (
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
        ) as line
    ) as goods
    cross join lateral (
        select
            coalesce(sum(refund.returned_amount), 0) as returned_amount,
            coalesce(sum(refund.adjustment_amount), 0) as adjustment_amount,
            coalesce(sum(refund.gift_card_amount), 0) as gift_card_amount
        from (
            select
                goods.returned_amount,
                goods.gift_card_amount,
                paid.total_amount - goods.returned_amount - goods.tax_amount
                - shipping.tax_amount - shipping.shipping_amount as adjustment_amount
            from jsonb_to_recordset(source.refunds) as refund (
                "legacyResourceId" text,
                "processedAt" timestamptz,
                "totalRefundedSet" jsonb,
                "refundLineItems" jsonb,
                "refundShippingLines" jsonb
            )
            cross join lateral (
                select
                    coalesce(sum(money.net) filter (where not money.is_gift_card), 0) as returned_amount,
                    coalesce(sum(money.subtotal) filter (where money.is_gift_card), 0) as gift_card_amount,
                    coalesce(sum(money.tax) filter (where not money.is_gift_card), 0) as tax_amount
                from jsonb_to_recordset(refund."refundLineItems" -> 'nodes') as part (
                    "lineItem" jsonb, "subtotalSet" jsonb, "totalTaxSet" jsonb
                )
                cross join lateral (
                    select
                        (part."lineItem" ->> 'isGiftCard')::boolean as is_gift_card,
                        (part."subtotalSet" #>> '{shopMoney,amount}')::numeric as subtotal,
                        (part."totalTaxSet" #>> '{shopMoney,amount}')::numeric as tax,
                        (part."subtotalSet" #>> '{shopMoney,amount}')::numeric
                        - case
                            when source."taxesIncluded"
                                then (part."totalTaxSet" #>> '{shopMoney,amount}')::numeric
                            else 0
                        end as net
                ) as money
            ) as goods
            cross join lateral (
                select
                    coalesce(sum(money.tax), 0) as tax_amount,
                    coalesce(sum(money.subtotal), 0)
                    - case when source."taxesIncluded" then coalesce(sum(money.tax), 0) else 0 end
                        as shipping_amount
                from jsonb_to_recordset(refund."refundShippingLines" -> 'nodes') as part (
                    "subtotalAmountSet" jsonb, "taxAmountSet" jsonb
                )
                cross join lateral (
                    select
                        (part."subtotalAmountSet" #>> '{shopMoney,amount}')::numeric as subtotal,
                        (part."taxAmountSet" #>> '{shopMoney,amount}')::numeric as tax
                ) as money
            ) as shipping
            cross join lateral (
                select
                    (refund."totalRefundedSet" #>> '{shopMoney,amount}')::numeric - goods.gift_card_amount
                        as total_amount
            ) as paid
        ) as refund
    ) as back
)

select
    amount.store_id,
    'purchase' as conversion_type,
    ops.stable_id('conversion', 'shopify', amount.account_id, amount.order_id) as conversion_id,
    'shopify' as connector,
    amount.account_id,
    amount.order_id,
    amount."processedAt" as converted_at,
    (amount."processedAt" at time zone store.timezone)::date as conversion_day,
    coalesce(
        'customer:' || (amount.customer ->> 'legacyResourceId'),
        'order:shopify:' || amount.order_id
    ) as identifier,
    amount.net_amount as value_amount,
    amount."currencyCode" as currency_code,
    (amount."customerJourneySummary" ->> 'customerOrderIndex')::int = 0 as is_first_purchase,
    amount.business_date as source_day,
    amount.load_id
from amount
inner join core.store using (store_id)
where not amount.test and amount."cancelledAt" is null
