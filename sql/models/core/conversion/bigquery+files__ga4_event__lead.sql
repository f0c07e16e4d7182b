-- Every generate_lead is a lead, worth what the event says. An event has no id but its name and time: of
-- those in the same microsecond the others are numbered.
with lead as (
    select
        e.*,
        'generate_lead:' || (extract(epoch from e.occurred_at) * 1000000)::bigint || coalesce(
            ':' || nullif(row_number() over same_time, 1), ''
        ) as order_id
    from staging.ga4_event as e
    where
        e.event_name = 'generate_lead'
        and e.business_date >= ops.window_start() and e.business_date < ops.window_end()
    window
        same_time as (partition by e.connector, e.store_id, e.account_id, e.occurred_at order by e.record_key)
)

select
    l.store_id,
    'lead' as conversion_type,
    ops.stable_id('conversion', l.connector, l.account_id, l.order_id) as conversion_id,
    l.connector,
    l.account_id,
    l.order_id,
    l.occurred_at as converted_at,
    (l.occurred_at at time zone s.timezone)::date as conversion_day,
    case
        when l.user_id <> '' then 'user:' || l.user_id
        when l.user_pseudo_id <> '' then 'client:' || l.user_pseudo_id
        else 'order:' || l.connector || ':' || l.order_id
    end as identifier,
    coalesce(l.value_amount, 0) as value_amount,
    case when l.value_amount is null then s.currency_code else l.currency_code end as currency_code,
    null::boolean as is_first_purchase,
    l.business_date as source_day,
    l.load_id
from lead as l
inner join core.store as s on s.store_id = l.store_id
