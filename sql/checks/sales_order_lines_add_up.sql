-- Orders of accounts that have lines, where the lines sum to something else; gift cards stand apart.
with with_lines as (
    select distinct
        store_id,
        connector,
        account_id
    from work.order_line
),

line as (
    select
        l.store_id,
        l.connector,
        l.account_id,
        l.order_id,
        sum(l.gross_amount) as gross_amount,
        sum(l.discount_amount) as discount_amount,
        sum(l.included_tax_amount) as included_tax_amount
    from work.candidate_order_line as l
    where
        not l.is_gift_card
        and exists (
            select 1
            from work.sales_order as o
            where
                o.store_id = l.store_id
                and o.connector = l.connector
                and o.account_id = l.account_id
                and o.order_id = l.order_id
        )
    group by l.store_id, l.connector, l.account_id, l.order_id
)

select
    store_id,
    connector,
    account_id,
    order_id,
    o.gross_amount,
    coalesce(line.gross_amount, 0) as gross_amount_of_lines,
    o.discount_amount,
    coalesce(line.discount_amount, 0) as discount_amount_of_lines,
    o.included_tax_amount,
    coalesce(line.included_tax_amount, 0) as included_tax_amount_of_lines
from work.sales_order as o
inner join with_lines using (store_id, connector, account_id)
left join line using (store_id, connector, account_id, order_id)
where
    o.gross_amount <> coalesce(line.gross_amount, 0)
    or o.discount_amount <> coalesce(line.discount_amount, 0)
    or o.included_tax_amount <> coalesce(line.included_tax_amount, 0)
order by store_id, connector, account_id, order_id
