-- Who earned each order: one row per purchase and counting touch, or one unattributed row.
select
    credit.store_id,
    credit.conversion_id,
    credit.touch_id,
    conversion.conversion_type,
    conversion.connector,
    conversion.account_id,
    conversion.order_id,
    sales_order.order_name,
    conversion.converted_at,
    credit.conversion_day,
    conversion.value_amount,
    credit.currency_code,
    conversion.is_first_purchase,
    touch.occurred_at as touched_at,
    credit.touch_day,
    touch.evidence_type,
    coalesce(touch.channel, 'unattributed') as channel,
    coalesce(touch.source, '') as source,
    coalesce(touch.medium, '') as medium,
    coalesce(touch.campaign, '') as campaign,
    credit.first_share,
    credit.last_share,
    credit.last_non_direct_share,
    credit.linear_share,
    credit.time_decay_share,
    credit.position_based_share,
    credit.first_amount,
    credit.last_amount,
    credit.last_non_direct_amount,
    credit.linear_amount,
    credit.time_decay_amount,
    credit.position_based_amount,
    credit.first_paid_share,
    credit.last_paid_share,
    credit.markov_per_order_share,
    credit.shapley_share,
    credit.first_paid_amount,
    credit.last_paid_amount,
    credit.markov_per_order_amount,
    credit.shapley_amount,
    credit.markov_fallback
from core.credit
inner join core.credit_pointer using (store_id, credit_set_id)
inner join core.conversion
    on credit.store_id = conversion.store_id
    and credit_pointer.conversion_type = conversion.conversion_type
    and credit.conversion_id = conversion.conversion_id
left join core.touch on credit.store_id = touch.store_id and credit.touch_id = touch.touch_id
left join core.sales_order
    on conversion.store_id = sales_order.store_id
    and conversion.connector = sales_order.connector
    and conversion.account_id = sales_order.account_id
    and conversion.order_id = sales_order.order_id
where conversion.conversion_type = 'purchase'
