-- Each stream of each account that was ever loaded: its newest load, what it holds, what waits for unify.
-- What is not read any more, as the stores file no longer names it, is neither late nor failing.
with latest as (
    select
        changed_day.store_id,
        changed_day.connector,
        changed_day.account_id,
        changed_day.stream,
        max(changed_day.day) as latest_day
    from ops.changed_day
    group by changed_day.store_id, changed_day.connector, changed_day.account_id, changed_day.stream
)

select
    freshness.store_id,
    freshness.connector,
    freshness.account_id,
    freshness.stream,
    freshness.feed,
    case when freshness.is_expected then freshness.last_status else 'not read' end as status,
    freshness.landed_at,
    latest.latest_day,
    freshness.rows_held::bigint as rows_held,
    freshness.rows_quarantined,
    freshness.loads_pending,
    case when freshness.is_expected then freshness.last_error else '' end as error
from mart.freshness
left join latest using (store_id, connector, account_id, stream)
order by freshness.store_id, freshness.connector, freshness.account_id, freshness.stream
