with refund as (
    select
        r.store_id,
        r.connector,
        r.account_id,
        r.order_id,
        sum(r.returned_amount) as returned_amount,
        sum(r.adjustment_amount) as adjustment_amount
    from work.candidate_refund as r
    where exists (
        select 1
        from work.sales_order as o
        where
            o.store_id = r.store_id
            and o.connector = r.connector
            and o.account_id = r.account_id
            and o.order_id = r.order_id
    )
    group by r.store_id, r.connector, r.account_id, r.order_id
)

select
    store_id,
    connector,
    account_id,
    order_id,
    o.returned_amount,
    coalesce(refund.returned_amount, 0) as returned_amount_of_refunds,
    o.adjustment_amount,
    coalesce(refund.adjustment_amount, 0) as adjustment_amount_of_refunds
from work.sales_order as o
left join refund using (store_id, connector, account_id, order_id)
where
    o.returned_amount <> coalesce(refund.returned_amount, 0)
    or o.adjustment_amount <> coalesce(refund.adjustment_amount, 0)
order by store_id, connector, account_id, order_id
