-- Sources and mediums that fell to channel 'other': their visits, the orders they touched, the net revenue
-- credited to them (linear, the store's currency) and their most frequent raw spellings.
-- set tributary.store_id = 'nordlicht';
-- set tributary.window_start = '2026-10-01'; set tributary.window_end = '2026-11-01';
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

unknown as (
    select
        touch.store_id,
        touch.touch_id,
        touch.touch_day,
        touch.source,
        touch.medium,
        touch.source_raw || ' / ' || touch.medium_raw as spelling
    from work.candidate_touch as touch
    inner join setting using (store_id)
    where
        touch.channel = 'other'
        and ops.is_visit(touch.evidence_type, touch.connector, setting.visit_source)
),

visited as (
    select
        source,
        medium,
        spelling,
        count(*) as visits
    from unknown
    where touch_day >= ops.window_start() and touch_day < ops.window_end()
    group by source, medium, spelling
),

spelled as (
    select
        source,
        medium,
        sum(visits)::bigint as visits,
        (array_agg(spelling order by visits desc, spelling asc))[1:3] as spellings
    from visited
    group by source, medium
),

earned as (
    select
        unknown.source,
        unknown.medium,
        count(distinct credit.conversion_id) as orders,
        sum(credit.linear_amount) filter (where credit.currency_code = store.currency_code) as revenue_amount
    from work.candidate_credit as credit
    inner join setting using (store_id, credit_set_id)
    inner join unknown using (store_id, touch_id)
    inner join core.store using (store_id)
    where credit.conversion_day >= ops.window_start() and credit.conversion_day < ops.window_end()
    group by unknown.source, unknown.medium
)

select
    spelled.source,
    spelled.medium,
    spelled.visits,
    spelled.spellings,
    coalesce(earned.orders, 0) as orders,
    coalesce(earned.revenue_amount, 0) as revenue_amount
from spelled
left join earned using (source, medium)
order by spelled.source, spelled.medium
