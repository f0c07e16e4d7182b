-- Per store and currency, the last 30 days with data that no vendor will restate any more.
with last_final as (
    select
        channel_performance.store_id,
        channel_performance.currency_code,
        max(channel_performance.day) + 1 as end_day
    from mart.channel_performance
    where channel_performance.is_final
    group by channel_performance.store_id, channel_performance.currency_code
)

select
    last_final.store_id,
    store.name as store_name,
    last_final.currency_code,
    last_final.end_day - 30 as first_day,
    last_final.end_day
from last_final
inner join core.store on last_final.store_id = store.store_id
order by last_final.store_id, last_final.currency_code
