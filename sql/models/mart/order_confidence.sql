-- How far the models agree on each order. A model's distance from the mean of all is the part of the order that
-- it gives to other channels than they do on average; agreement is 1 less the mean distance.
with by_channel as (
    select
        store_id,
        conversion_id,
        connector,
        account_id,
        order_id,
        order_name,
        conversion_day,
        value_amount,
        currency_code,
        channel,
        markov_fallback,
        count(*) filter (where touch_id <> 0) as touches,
        array[
            sum(first_share),
            sum(last_share),
            sum(last_non_direct_share),
            sum(linear_share),
            sum(time_decay_share),
            sum(position_based_share),
            sum(first_paid_share),
            sum(last_paid_share),
            sum(markov_per_order_share),
            sum(shapley_share)
        ] as shares
    from mart.order_credit
    group by
        store_id, conversion_id, connector, account_id, order_id, order_name, conversion_day,
        value_amount, currency_code, channel, markov_fallback
),

measured as (
    select
        by_channel.*,
        given.mean_share,
        given.lowest_share,
        given.highest_share,
        given.distance,
        row_number() over (
            partition by by_channel.store_id, by_channel.conversion_id
            -- Floating point: what is equal must not be led by the order of its addition.
            order by round(given.mean_share::numeric, 9) desc, by_channel.channel asc
        ) as place
    from by_channel
    cross join lateral (
        select
            mean.share as mean_share,
            min(model.share) as lowest_share,
            max(model.share) as highest_share,
            -- What one channel has too much another lacks.
            avg(abs(model.share - mean.share)) / 2 as distance
        from unnest(by_channel.shares) as model (share)
        cross join (
            select avg(every.share) as share
            from unnest(by_channel.shares) as every (share)
        ) as mean
        group by mean.share
    ) as given
)

select
    store_id,
    conversion_id,
    connector,
    account_id,
    order_id,
    order_name,
    conversion_day,
    value_amount,
    currency_code,
    sum(touches)::bigint as touches,
    count(*) filter (where channel <> 'unattributed') as channels,
    -- Shares are floating point: what is 1 reads 1.
    round(1 - sum(distance)::numeric, 6) as agreement,
    max(channel) filter (where place = 1) as leading_channel,
    round((max(mean_share) filter (where place = 1))::numeric, 6) as leading_share,
    round((max(lowest_share) filter (where place = 1))::numeric, 6) as leading_lowest_share,
    round((max(highest_share) filter (where place = 1))::numeric, 6) as leading_highest_share,
    markov_fallback
from measured
group by
    store_id, conversion_id, connector, account_id, order_id, order_name, conversion_day, value_amount,
    currency_code, markov_fallback
