-- What each channel cost and earned, one row per day, channel and currency. Sum columns, then divide:
-- roas = sum(linear_amount) / nullif(sum(spend_amount), 0).
with final as (
    -- A store's day is final when every stream was read past it by its finality lag; while a stream
    -- was never published, no day is.
    select
        freshness.store_id,
        min(coalesce(freshness.final_through, '-infinity')) as final_through
    from mart.freshness
    where
        -- What the stores file no longer names is read no further.
        not exists (select 1 from ops.expected_stream as e where e.store_id = freshness.store_id)
        or exists (
            select 1 from ops.expected_stream as e
            where
                (e.store_id, e.connector, e.account_id, e.stream)
                = (freshness.store_id, freshness.connector, freshness.account_id, freshness.stream)
        )
    group by freshness.store_id
),

-- How many days after a touch's day an order may still give it credit: its lookback, and a day more, for
-- where clocks go forward the last hour of the lookback lies in the next day.
waits as (
    select
        credit_pointer.store_id,
        max(greatest(
            (
                select max(lookback.days::int)
                from jsonb_each_text(credit_set.config -> 'lookback_days') as lookback (evidence, days)
            ),
            (
                select max(touch.lookback_days)
                from core.touch
                where touch.store_id = credit_pointer.store_id and touch.lookback_days > 0
            )
        )) + 1 as days
    from core.credit_pointer
    inner join core.credit_set using (store_id, credit_set_id)
    where credit_pointer.conversion_type = 'purchase'
    group by credit_pointer.store_id
),

credited as (
    select
        credit.*,
        coalesce(touch.channel, 'unattributed') as channel
    from core.credit
    inner join core.credit_pointer using (store_id, credit_set_id)
    left join core.touch using (store_id, touch_id)
    where credit_pointer.conversion_type = 'purchase'
),

by_conversion_day as (
    select
        store_id,
        conversion_day as day,
        channel,
        currency_code,
        sum(first_share) as first_conversions,
        sum(last_share) as last_conversions,
        sum(last_non_direct_share) as last_non_direct_conversions,
        sum(linear_share) as linear_conversions,
        sum(time_decay_share) as time_decay_conversions,
        sum(position_based_share) as position_based_conversions,
        sum(first_amount) as first_amount,
        sum(last_amount) as last_amount,
        sum(last_non_direct_amount) as last_non_direct_amount,
        sum(linear_amount) as linear_amount,
        sum(time_decay_amount) as time_decay_amount,
        sum(position_based_amount) as position_based_amount,
        sum(first_paid_share) as first_paid_conversions,
        sum(last_paid_share) as last_paid_conversions,
        sum(markov_per_order_share) as markov_per_order_conversions,
        sum(shapley_share) as shapley_conversions,
        sum(first_paid_amount) as first_paid_amount,
        sum(last_paid_amount) as last_paid_amount,
        sum(markov_per_order_amount) as markov_per_order_amount,
        sum(shapley_amount) as shapley_amount
    from credited
    group by store_id, conversion_day, channel, currency_code
),

by_touch_day as (
    select
        store_id,
        coalesce(touch_day, conversion_day) as day,
        channel,
        currency_code,
        sum(first_amount) as first_touch_day_amount,
        sum(last_amount) as last_touch_day_amount,
        sum(last_non_direct_amount) as last_non_direct_touch_day_amount,
        sum(linear_amount) as linear_touch_day_amount,
        sum(time_decay_amount) as time_decay_touch_day_amount,
        sum(position_based_amount) as position_based_touch_day_amount,
        sum(first_paid_amount) as first_paid_touch_day_amount,
        sum(last_paid_amount) as last_paid_touch_day_amount,
        sum(markov_per_order_amount) as markov_per_order_touch_day_amount,
        sum(shapley_amount) as shapley_touch_day_amount
    from credited
    group by store_id, coalesce(touch_day, conversion_day), channel, currency_code
),

-- GA4's reports and its event export count the same visits: a day has them from the export, if that has
-- the day, and else from the reports.
exported as (
    select distinct
        store_id,
        day
    from core.channel_daily
    where sessions is not null and connector <> 'ga4'
),

metrics as (
    select
        daily.store_id,
        daily.day,
        daily.channel,
        daily.currency_code,
        sum(daily.spend_amount) as spend_amount,
        sum(daily.impressions) as impressions,
        sum(daily.clicks) as clicks,
        sum(daily.sessions) filter (where daily.connector <> 'ga4' or exported.day is null) as sessions
    from core.channel_daily as daily
    left join exported on exported.store_id = daily.store_id and exported.day = daily.day
    group by daily.store_id, daily.day, daily.channel, daily.currency_code
)

select
    store_id,
    day,
    channel,
    currency_code,
    metrics.spend_amount,
    metrics.impressions,
    metrics.clicks,
    metrics.sessions,
    coalesce(by_conversion_day.first_conversions, 0) as first_conversions,
    coalesce(by_conversion_day.last_conversions, 0) as last_conversions,
    coalesce(by_conversion_day.last_non_direct_conversions, 0) as last_non_direct_conversions,
    coalesce(by_conversion_day.linear_conversions, 0) as linear_conversions,
    coalesce(by_conversion_day.time_decay_conversions, 0) as time_decay_conversions,
    coalesce(by_conversion_day.position_based_conversions, 0) as position_based_conversions,
    coalesce(by_conversion_day.first_amount, 0) as first_amount,
    coalesce(by_conversion_day.last_amount, 0) as last_amount,
    coalesce(by_conversion_day.last_non_direct_amount, 0) as last_non_direct_amount,
    coalesce(by_conversion_day.linear_amount, 0) as linear_amount,
    coalesce(by_conversion_day.time_decay_amount, 0) as time_decay_amount,
    coalesce(by_conversion_day.position_based_amount, 0) as position_based_amount,
    coalesce(by_touch_day.first_touch_day_amount, 0) as first_touch_day_amount,
    coalesce(by_touch_day.last_touch_day_amount, 0) as last_touch_day_amount,
    coalesce(by_touch_day.last_non_direct_touch_day_amount, 0) as last_non_direct_touch_day_amount,
    coalesce(by_touch_day.linear_touch_day_amount, 0) as linear_touch_day_amount,
    coalesce(by_touch_day.time_decay_touch_day_amount, 0) as time_decay_touch_day_amount,
    coalesce(by_touch_day.position_based_touch_day_amount, 0) as position_based_touch_day_amount,
    coalesce(day < final.final_through, false) as is_final,
    coalesce(by_conversion_day.first_paid_conversions, 0) as first_paid_conversions,
    coalesce(by_conversion_day.last_paid_conversions, 0) as last_paid_conversions,
    coalesce(by_conversion_day.markov_per_order_conversions, 0) as markov_per_order_conversions,
    coalesce(by_conversion_day.shapley_conversions, 0) as shapley_conversions,
    coalesce(by_conversion_day.first_paid_amount, 0) as first_paid_amount,
    coalesce(by_conversion_day.last_paid_amount, 0) as last_paid_amount,
    coalesce(by_conversion_day.markov_per_order_amount, 0) as markov_per_order_amount,
    coalesce(by_conversion_day.shapley_amount, 0) as shapley_amount,
    coalesce(by_touch_day.first_paid_touch_day_amount, 0) as first_paid_touch_day_amount,
    coalesce(by_touch_day.last_paid_touch_day_amount, 0) as last_paid_touch_day_amount,
    coalesce(by_touch_day.markov_per_order_touch_day_amount, 0) as markov_per_order_touch_day_amount,
    coalesce(by_touch_day.shapley_touch_day_amount, 0) as shapley_touch_day_amount,
    coalesce(day + waits.days < final.final_through, false) as is_touch_day_final
from metrics
full join by_conversion_day using (store_id, day, channel, currency_code)
full join by_touch_day using (store_id, day, channel, currency_code)
left join final using (store_id)
left join waits using (store_id)
