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
        from staging.shopify_line(
            source."lineItems", source.refunds, source."currencyCode"
        ) as line
    ) as goods
    cross join lateral (
        select
            coalesce(sum(refund.returned_amount), 0) as returned_amount,
            coalesce(sum(refund.adjustment_amount), 0) as adjustment_amount,
            coalesce(sum(refund.gift_card_amount), 0) as gift_card_amount
        from staging.shopify_refund(source.refunds, source."taxesIncluded") as refund
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
