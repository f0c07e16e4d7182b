select
    r.store_id,
    r.connector,
    r.account_id,
    r.order_id,
    r.refund_id,
    r.returned_amount,
    line.returned_amount as returned_amount_of_lines
from work.refund as r
cross join lateral (
    select coalesce(sum(l.returned_amount), 0) as returned_amount
    from work.candidate_refund_line as l
    where
        l.store_id = r.store_id
        and l.connector = r.connector
        and l.account_id = r.account_id
        and l.order_id = r.order_id
        and l.refund_id = r.refund_id
) as line
where r.returned_amount <> line.returned_amount
order by r.store_id, r.connector, r.account_id, r.order_id, r.refund_id
