-- Spend and credited net revenue per channel, by the day of the order, over each store's last 30 days
-- (or tributary.period_days, if set) with data that no vendor will restate any more. The view is read
-- once: it sums every credit.
with performance as materialized (
    select
        channel_performance.store_id,
        channel_performance.currency_code,
        channel_performance.channel,
        channel_performance.day,
        channel_performance.spend_amount,
        channel_performance.first_amount,
        channel_performance.last_amount,
        channel_performance.last_non_direct_amount,
        channel_performance.linear_amount,
        channel_performance.time_decay_amount,
        channel_performance.position_based_amount,
        channel_performance.first_paid_amount,
        channel_performance.last_paid_amount,
        channel_performance.markov_per_order_amount,
        channel_performance.shapley_amount
    from mart.channel_performance
    where channel_performance.is_final
),

period as (
    select
        performance.store_id,
        performance.currency_code,
        greatest(
            min(performance.day),
            max(performance.day) + 1
            - coalesce(nullif(current_setting('tributary.period_days', true), ''), '30')::int
        ) as first_day,
        max(performance.day) + 1 as end_day
    from performance
    group by performance.store_id, performance.currency_code
)

select
    performance.store_id,
    store.name as store_name,
    performance.currency_code,
    period.first_day,
    period.end_day,
    performance.channel,
    sum(performance.spend_amount) as spend_amount,
    sum(performance.first_amount) as first_amount,
    sum(performance.last_amount) as last_amount,
    sum(performance.last_non_direct_amount) as last_non_direct_amount,
    sum(performance.linear_amount) as linear_amount,
    sum(performance.time_decay_amount) as time_decay_amount,
    sum(performance.position_based_amount) as position_based_amount,
    sum(performance.first_paid_amount) as first_paid_amount,
    sum(performance.last_paid_amount) as last_paid_amount,
    sum(performance.markov_per_order_amount) as markov_per_order_amount,
    sum(performance.shapley_amount) as shapley_amount
from performance
inner join period
    on
        performance.store_id = period.store_id
        and performance.currency_code = period.currency_code
        and performance.day >= period.first_day
inner join core.store on performance.store_id = store.store_id
group by
    performance.store_id,
    store.name,
    performance.currency_code,
    period.first_day,
    period.end_day,
    performance.channel
order by performance.store_id, performance.currency_code, performance.channel
