-- What a Shopify order's lines and refunds amount to, for every model that needs it. The planner puts
-- the body of these functions into the statement, as it does with a view.

-- An edit that takes quantity out without a refund leaves no sale behind: only what was kept counts,
-- with its part of the line's discount and tax.
create function staging.shopify_line(line_items jsonb, refunds jsonb, currency_code text)
returns table (
    line_gid text,
    product_gid text,
    sku text,
    title text,
    is_gift_card boolean,
    kept_quantity numeric,
    gross_amount numeric,
    discount_amount numeric,
    tax_amount numeric
) language sql stable parallel safe rows 3 as $$
    select
        line.id,
        line.product ->> 'id',
        line.sku,
        line.title,
        line."isGiftCard",
        kept.kept_quantity,
        exact.gross_amount,
        rounded.discount_amount,
        rounded.tax_amount
    from jsonb_to_recordset(shopify_line.line_items -> 'nodes') as line (
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
            jsonb_to_recordset(shopify_line.refunds) as refund ("refundLineItems" jsonb),
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
                    ops.minor_unit(shopify_line.currency_code)
                ), 0
            ) as discount_amount,
            coalesce(
                round(
                    exact.tax * kept.kept_quantity / nullif(line.quantity, 0),
                    ops.minor_unit(shopify_line.currency_code)
                ), 0
            ) as tax_amount
    ) as rounded
$$;

-- Where prices contain tax, so does the subtotal of what comes back. What is paid beyond goods, tax and
-- shipping is the adjustment: a restocking fee is negative. Gift cards taken back are left out.
create function staging.shopify_refund(refunds jsonb, taxes_included boolean)
returns table (
    refund_id text,
    refunded_at timestamptz,
    returned_amount numeric,
    gift_card_amount numeric,
    tax_amount numeric,
    shipping_amount numeric,
    adjustment_amount numeric,
    total_amount numeric
) language sql stable parallel safe rows 1 as $$
    select
        refund."legacyResourceId",
        refund."processedAt",
        goods.returned_amount,
        goods.gift_card_amount,
        goods.tax_amount + shipping.tax_amount,
        shipping.shipping_amount,
        paid.total_amount - goods.returned_amount - goods.tax_amount
        - shipping.tax_amount - shipping.shipping_amount,
        paid.total_amount
    from jsonb_to_recordset(shopify_refund.refunds) as refund (
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
                    when shopify_refund.taxes_included
                        then (part."totalTaxSet" #>> '{shopMoney,amount}')::numeric
                    else 0
                end as net
        ) as money
    ) as goods
    cross join lateral (
        select
            coalesce(sum(money.tax), 0) as tax_amount,
            coalesce(sum(money.subtotal), 0)
            - case when shopify_refund.taxes_included then coalesce(sum(money.tax), 0) else 0 end
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
$$;
