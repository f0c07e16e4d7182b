-- One row per refund, on its own day; its parts sum to the money paid back.
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

-- Where prices contain tax, so does the subtotal of what comes back. What is paid beyond goods, tax and
-- shipping is the adjustment: a restocking fee is negative. Gift cards taken back are a liability
-- repaid, no revenue; they are left out.
typed as (
    select
        source.*,
        refund."legacyResourceId" as refund_id,
        refund."processedAt" as refunded_at,
        goods.returned_amount,
        goods.tax_amount + shipping.tax_amount as tax_amount,
        shipping.shipping_amount,
        paid.total_amount,
        paid.total_amount - goods.returned_amount - goods.tax_amount
        - shipping.tax_amount - shipping.shipping_amount as adjustment_amount
    from source
    cross join lateral jsonb_to_recordset(source.refunds) as refund (
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
)

select
    typed.store_id,
    'shopify' as connector,
    typed.account_id,
    typed.order_id,
    typed.refund_id,
    typed.refunded_at,
    (typed.refunded_at at time zone store.timezone)::date as refund_day,
    typed.returned_amount,
    typed.adjustment_amount,
    typed.tax_amount,
    typed.shipping_amount,
    typed.total_amount,
    typed."currencyCode" as currency_code,
    typed.is_counted,
    typed.business_date as source_day,
    typed.load_id
from typed
inner join core.store using (store_id)
