-- A browser's or a signed-in user's first sign_up is a registration; what they send again is not another one.
-- Whose browsers are one person may change later, and is not asked here: what happened stays what it was.
with sign_up as (
    select
        e.*,
        'sign_up:' || (extract(epoch from e.occurred_at) * 1000000)::bigint || coalesce(
            ':' || nullif(row_number() over same_time, 1), ''
        ) as order_id
    from staging.ga4_event as e
    where
        e.event_name = 'sign_up'
        and e.business_date >= ops.window_start() and e.business_date < ops.window_end()
    window
        same_time as (partition by e.connector, e.store_id, e.account_id, e.occurred_at order by e.record_key)
)

select
    n.store_id,
    'registration' as conversion_type,
    ops.stable_id('conversion', n.connector, n.account_id, n.order_id) as conversion_id,
    n.connector,
    n.account_id,
    n.order_id,
    n.occurred_at as converted_at,
    (n.occurred_at at time zone s.timezone)::date as conversion_day,
    case
        when n.user_id <> '' then 'user:' || n.user_id
        when n.user_pseudo_id <> '' then 'client:' || n.user_pseudo_id
        else 'order:' || n.connector || ':' || n.order_id
    end as identifier,
    coalesce(n.value_amount, 0) as value_amount,
    case when n.value_amount is null then s.currency_code else n.currency_code end as currency_code,
    null::boolean as is_first_purchase,
    n.business_date as source_day,
    n.load_id
from sign_up as n
inner join core.store as s on s.store_id = n.store_id
where
    not exists (
        select 1 from staging.ga4_event as e
        where
            e.event_name = 'sign_up'
            and e.connector = n.connector and e.store_id = n.store_id and e.account_id = n.account_id
            and e.user_pseudo_id = n.user_pseudo_id and e.user_pseudo_id <> ''
            and (e.occurred_at, e.record_key) < (n.occurred_at, n.record_key)
    )
    and not exists (
        select 1 from staging.ga4_event as e
        where
            e.event_name = 'sign_up'
            and e.connector = n.connector and e.store_id = n.store_id and e.account_id = n.account_id
            and e.user_id = n.user_id and e.user_id <> ''
            and (e.occurred_at, e.record_key) < (n.occurred_at, n.record_key)
    )
