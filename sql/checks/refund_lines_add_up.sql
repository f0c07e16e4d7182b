with line as (
    select
        l.store_id,
        l.connector,
        l.account_id,
        l.order_id,
        l.refund_id,
        sum(l.returned_amount) as returned_amount
    from work.candidate_refund_line as l
    where exists (
        select 1
        from work.refund as r
        where
            r.store_id = l.store_id
            and r.connector = l.connector
            and r.account_id = l.account_id
            and r.order_id = l.order_id
            and r.refund_id = l.refund_id
    )
    group by l.store_id, l.connector, l.account_id, l.order_id, l.refund_id
)

select
    store_id,
    connector,
    account_id,
    order_id,
    refund_id,
    r.returned_amount,
    coalesce(line.returned_amount, 0) as returned_amount_of_lines
from work.refund as r
left join line using (store_id, connector, account_id, order_id, refund_id)
where r.returned_amount <> coalesce(line.returned_amount, 0)
order by store_id, connector, account_id, order_id, refund_id
