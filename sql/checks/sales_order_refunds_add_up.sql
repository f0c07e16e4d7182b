select
    o.store_id,
    o.connector,
    o.account_id,
    o.order_id,
    o.returned_amount,
    refund.returned_amount as returned_amount_of_refunds,
    o.adjustment_amount,
    refund.adjustment_amount as adjustment_amount_of_refunds
from work.sales_order as o
cross join lateral (
    select
        coalesce(sum(r.returned_amount), 0) as returned_amount,
        coalesce(sum(r.adjustment_amount), 0) as adjustment_amount
    from work.candidate_refund as r
    where
        r.store_id = o.store_id
        and r.connector = o.connector
        and r.account_id = o.account_id
        and r.order_id = o.order_id
) as refund
where
    (o.returned_amount, o.adjustment_amount)
    <> (refund.returned_amount, refund.adjustment_amount)
order by o.store_id, o.connector, o.account_id, o.order_id
