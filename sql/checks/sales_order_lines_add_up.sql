-- Orders of accounts that have lines whose sums differ from their lines'; gift cards stand apart.
with with_lines as (
    select distinct
        store_id,
        connector,
        account_id
    from work.order_line
)

select
    o.store_id,
    o.connector,
    o.account_id,
    o.order_id,
    o.gross_amount,
    line.gross_amount as gross_amount_of_lines,
    o.discount_amount,
    line.discount_amount as discount_amount_of_lines,
    o.included_tax_amount,
    line.included_tax_amount as included_tax_amount_of_lines
from work.sales_order as o
inner join with_lines
    on
        with_lines.store_id = o.store_id
        and with_lines.connector = o.connector
        and with_lines.account_id = o.account_id
cross join lateral (
    select
        coalesce(sum(l.gross_amount), 0) as gross_amount,
        coalesce(sum(l.discount_amount), 0) as discount_amount,
        coalesce(sum(l.included_tax_amount), 0) as included_tax_amount
    from work.candidate_order_line as l
    where
        l.store_id = o.store_id
        and l.connector = o.connector
        and l.account_id = o.account_id
        and l.order_id = o.order_id
        and not l.is_gift_card
) as line
where
    (o.gross_amount, o.discount_amount, o.included_tax_amount)
    <> (line.gross_amount, line.discount_amount, line.included_tax_amount)
order by o.store_id, o.connector, o.account_id, o.order_id
