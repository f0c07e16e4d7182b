-- Per store and currency, the last 30 days with data that no vendor will restate any more.
with stream_final as (
    -- The end of what was read and published, less the stream's finality lag; days are the account's.
    select
        load.store_id,
        (max(load.window_end) at time zone account.timezone)::date - stream.finality_days as end_day
    from ops.load
    inner join core.account using (store_id, connector, account_id)
    inner join ops.stream on load.connector = stream.connector and load.stream = stream.stream
    where load.status = 'landed' and load.publication_id is not null
    group by
        load.store_id, load.connector, load.account_id, load.stream,
        stream.finality_days, account.timezone
),

store_final as (
    select
        stream_final.store_id,
        min(stream_final.end_day) as end_day
    from stream_final
    group by stream_final.store_id
),

last_final as (
    select
        channel_performance.store_id,
        channel_performance.currency_code,
        max(channel_performance.day) + 1 as end_day
    from mart.channel_performance
    inner join store_final using (store_id)
    where channel_performance.day < store_final.end_day
    group by channel_performance.store_id, channel_performance.currency_code
)

select
    last_final.store_id,
    store.name as store_name,
    last_final.currency_code,
    last_final.end_day - 30 as first_day,
    last_final.end_day
from last_final
inner join core.store using (store_id)
order by last_final.store_id, last_final.currency_code
