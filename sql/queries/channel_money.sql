-- Spend and credited net revenue per channel in the window, by the day of the order.
-- set tributary.window_start = '2026-08-01'; set tributary.window_end = '2026-08-31';
select
    channel_performance.store_id,
    channel_performance.currency_code,
    channel_performance.channel,
    sum(channel_performance.spend_amount) as spend_amount,
    coalesce(sum(channel_performance.first_amount), 0) as first_amount,
    coalesce(sum(channel_performance.last_amount), 0) as last_amount,
    coalesce(sum(channel_performance.last_non_direct_amount), 0) as last_non_direct_amount,
    coalesce(sum(channel_performance.linear_amount), 0) as linear_amount,
    coalesce(sum(channel_performance.time_decay_amount), 0) as time_decay_amount,
    coalesce(sum(channel_performance.position_based_amount), 0) as position_based_amount
from mart.channel_performance
where
    channel_performance.day >= ops.window_start()
    and channel_performance.day < ops.window_end()
group by
    channel_performance.store_id,
    channel_performance.currency_code,
    channel_performance.channel
order by
    channel_performance.store_id,
    channel_performance.currency_code,
    channel_performance.channel
