-- The last settled day of each account and table, where its rows are not what the same weekday usually has.
select
    store_id,
    connector,
    account_id,
    table_name,
    day,
    to_char(day, 'FMDay') as weekday,
    row_count,
    round(usual, 1) as usual,
    low,
    high,
    weeks,
    verdict
from work.day_volume
where is_last and verdict in ('none', 'low', 'high')
order by store_id, connector, account_id, table_name, day
