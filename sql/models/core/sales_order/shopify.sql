-- Orders in the shop's currency: gross -> discounts -> tax contained -> returns -> net.
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
        name text,
        test boolean,
        "cancelledAt" timestamptz,
        "processedAt" timestamptz,
        "currencyCode" text,
        "taxesIncluded" boolean,
        "presentmentCurrencyCode" text,
        "sourceName" text,
        "displayFinancialStatus" text,
        "displayFulfillmentStatus" text,
        "discountCodes" jsonb,
        "totalPriceSet" jsonb,
        customer jsonb,
        "shippingAddress" jsonb,
        "customerJourneySummary" jsonb,
        "lineItems" jsonb,
        "shippingLines" jsonb,
        refunds jsonb,
        transactions jsonb
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
),

typed as (
    select
        amount.*,
        shipping.shipping_amount,
        amount.tax_amount + shipping.tax_amount as all_tax_amount,
        (
            select coalesce(string_agg(distinct payment.gateway, ',' order by payment.gateway), '')
            from jsonb_to_recordset(amount.transactions) as payment (
                gateway text, kind text, status text
            )
            where
                payment.status = 'SUCCESS'
                and payment.kind in ('SALE', 'CAPTURE', 'AUTHORIZATION')
        ) as payment_method,
        (
            select coalesce(string_agg(code.value, ',' order by code.value), '')
            from jsonb_array_elements_text(amount."discountCodes") as code (value)
        ) as discount_codes_text
    from amount
    cross join lateral (
        select
            coalesce(sum((part."discountedPriceSet" #>> '{shopMoney,amount}')::numeric), 0)
                as shipping_amount,
            coalesce(sum(tax.amount), 0) as tax_amount
        from jsonb_to_recordset(amount."shippingLines" -> 'nodes') as part (
            "discountedPriceSet" jsonb, "taxLines" jsonb
        )
        cross join lateral (
            select sum((line.value #>> '{priceSet,shopMoney,amount}')::numeric) as amount
            from jsonb_array_elements(part."taxLines") as line (value)
        ) as tax
    ) as shipping
)

select
    typed.store_id,
    'shopify' as connector,
    typed.account_id,
    typed.order_id,
    typed.name as order_name,
    typed."processedAt" as ordered_at,
    (typed."processedAt" at time zone store.timezone)::date as order_day,
    typed.test as is_test,
    typed."cancelledAt" is not null as is_cancelled,
    typed.is_counted,
    coalesce(typed.customer ->> 'legacyResourceId', '') as customer_id,
    -- The vendor counts a customer's orders from 0.
    (typed."customerJourneySummary" ->> 'customerOrderIndex')::int = 0 as is_first_purchase,
    typed."currencyCode" as currency_code,
    typed.gross_amount,
    typed.discount_amount,
    typed.included_tax_amount,
    typed.returned_amount,
    typed.adjustment_amount,
    typed.net_amount,
    typed.all_tax_amount as tax_amount,
    typed.shipping_amount,
    typed.gift_card_amount,
    (typed."totalPriceSet" #>> '{shopMoney,amount}')::numeric as total_amount,
    typed."presentmentCurrencyCode" as presentment_currency_code,
    (typed."totalPriceSet" #>> '{presentmentMoney,amount}')::numeric as presentment_total_amount,
    lower(coalesce(typed."displayFinancialStatus", '')) as financial_status,
    lower(typed."displayFulfillmentStatus") as fulfillment_status,
    typed.payment_method,
    coalesce(typed."shippingAddress" ->> 'countryCodeV2', '') as region_country,
    coalesce(typed."shippingAddress" ->> 'provinceCode', '') as region_province,
    coalesce(typed."sourceName", '') as sales_channel,
    typed.discount_codes_text as discount_codes,
    typed.business_date as source_day,
    typed.load_id
from typed
inner join core.store using (store_id)
