-- Every number the rules read, by measure, channel and day, on core as it will be after this run.
-- Orders and revenue of a channel are those of the last non-direct touch, which gives whole orders;
-- an order is "touched" by every channel with a counting touch; channel '' is the whole store. Orders that
-- are held against money are counted by currency; `orders` counts them all.
-- set tributary.store_id = 'nordlicht';
-- set tributary.window_start = '2026-08-01'; set tributary.window_end = '2026-11-01';
with setting as (
    select
        pointer.store_id,
        pointer.credit_set_id,
        credit_set.config ->> 'visit_source' as visit_source
    from work.candidate_credit_pointer as pointer
    inner join work.candidate_credit_set as credit_set using (store_id, credit_set_id)
    where
        pointer.store_id = current_setting('tributary.store_id')
        and pointer.conversion_type = 'purchase'
),

-- Once, for the planner cannot tell how many rows a candidate holds.
seen as materialized (
    select touch_id, channel, touch_day, evidence_type, connector
    from work.candidate_touch
    where store_id = current_setting('tributary.store_id')
),

credited as (
    select
        credit.conversion_id,
        credit.conversion_day as day,
        credit.currency_code,
        credit.touch_id,
        coalesce(touch.channel, '') as channel,
        credit.last_non_direct_share,
        credit.last_non_direct_amount,
        sum(credit.linear_amount) over (partition by credit.conversion_id) as value_amount
    from work.candidate_credit as credit
    left join seen as touch on credit.touch_id = touch.touch_id
    where
        credit.store_id = current_setting('tributary.store_id')
        and credit.credit_set_id = (select setting.credit_set_id from setting)
        and credit.conversion_day >= ops.window_start()
        and credit.conversion_day < ops.window_end()
),

touched as (
    select distinct
        conversion_id,
        day,
        currency_code,
        channel,
        value_amount
    from credited
    where touch_id <> 0
),

sold as (
    select
        conversion_day as day,
        currency_code,
        value_amount
    from work.candidate_conversion
    where
        store_id = current_setting('tributary.store_id')
        and conversion_type = 'purchase'
        and conversion_day >= ops.window_start()
        and conversion_day < ops.window_end()
),

measured as (
    select
        'visits' as measure,
        touch.channel,
        '' as currency_code,
        touch.touch_day as day,
        count(*)::numeric as amount
    from seen as touch
    cross join setting
    where
        touch.touch_day >= ops.window_start() and touch.touch_day < ops.window_end()
        and ops.is_visit(touch.evidence_type, touch.connector, setting.visit_source)
    group by touch.channel, touch.touch_day

    union all
    select 'orders', channel, '', day, round(sum(last_non_direct_share)::numeric, 6)
    from credited
    where touch_id <> 0
    group by channel, day

    union all
    select 'revenue', channel, currency_code, day, sum(last_non_direct_amount)
    from credited
    where touch_id <> 0
    group by channel, currency_code, day

    union all
    select 'touched_orders', channel, currency_code, day, count(*)
    from touched
    group by channel, currency_code, day

    union all
    select 'touched_revenue', channel, currency_code, day, sum(value_amount)
    from touched
    group by channel, currency_code, day

    union all
    select 'untouched_orders', '', currency_code, day, count(*)
    from credited
    where touch_id = 0
    group by currency_code, day

    union all
    select 'untouched_revenue', '', currency_code, day, sum(value_amount)
    from credited
    where touch_id = 0
    group by currency_code, day

    union all
    select 'all_orders', '', currency_code, day, count(*)
    from sold
    group by currency_code, day

    union all
    select 'all_revenue', '', currency_code, day, sum(value_amount)
    from sold
    group by currency_code, day

    union all
    select 'spend', channel, currency_code, day, sum(spend_amount)
    from work.candidate_channel_daily
    where
        store_id = current_setting('tributary.store_id')
        and day >= ops.window_start() and day < ops.window_end()
        and spend_amount is not null
    group by channel, currency_code, day
)

select
    measure,
    channel,
    currency_code,
    day,
    amount
from measured
order by measure, channel, currency_code, day
