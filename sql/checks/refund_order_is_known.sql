select
    r.store_id,
    r.connector,
    r.account_id,
    r.order_id,
    r.refund_id
from work.refund as r
where
    r.order_id <> ''
    and not exists (
        select 1
        from work.candidate_sales_order as o
        where
            o.store_id = r.store_id
            and o.connector = r.connector
            and o.account_id = r.account_id
            and o.order_id = r.order_id
    )
order by r.store_id, r.connector, r.account_id, r.order_id, r.refund_id
