-- One row per day and value of each dimension. The channel report is finer than its groups: its users are
-- left out, for users of several rows do not add up.
with report as (
    select
        staged.*, 'channel_group' as dimension_set, payload ->> 'sessionDefaultChannelGroup' as dimension_value
    from staging.ga4__channel as staged
    union all
    select
        staged.*, 'page' as dimension_set, payload ->> 'pagePath' as dimension_value
    from staging.ga4__page as staged
    union all
    select
        staged.*, 'device' as dimension_set, payload ->> 'deviceCategory' as dimension_value
    from staging.ga4__device as staged
    union all
    select
        staged.*, 'country' as dimension_set, payload ->> 'country' as dimension_value
    from staging.ga4__geo as staged
)

select
    r.store_id,
    r.business_date as day,
    'ga4' as connector,
    r.account_id,
    r.dimension_set,
    r.dimension_value,
    sum((r.payload ->> 'sessions')::bigint)::bigint as sessions,
    sum((r.payload ->> 'engagedSessions')::bigint)::bigint as engaged_sessions,
    sum((r.payload ->> 'screenPageViews')::bigint)::bigint as page_views,
    case
        when r.dimension_set <> 'channel_group' then sum((r.payload ->> 'totalUsers')::bigint)::bigint
    end as total_users,
    sum((r.payload ->> 'newUsers')::bigint)::bigint as new_users,
    sum((r.payload ->> 'keyEvents')::numeric) as claimed_conversions,
    sum((r.payload ->> 'purchaseRevenue')::numeric) as claimed_value_amount,
    a.currency_code,
    r.dimension_value = '(other)' as is_other_row,
    bool_or(coalesce((r.payload #>> '{quality,hasOtherRow}')::boolean, false)) as has_other_row,
    bool_or(coalesce((r.payload #>> '{quality,isThresholded}')::boolean, false)) as is_thresholded,
    bool_or(r.payload #> '{quality,samplingSpace}' is not null) as is_sampled,
    min(
        (r.payload #>> '{quality,samplesRead}')::numeric
        / nullif((r.payload #>> '{quality,samplingSpace}')::numeric, 0)
    ) as sampled_share,
    bool_or(
        coalesce((r.payload #>> '{quality,isTruncated}')::boolean, false)
        or coalesce((r.payload #>> '{quality,isRestricted}')::boolean, false)
    ) as is_incomplete,
    max(coalesce(r.payload #>> '{quality,timeZone}', '')) as report_timezone,
    r.business_date as source_day,
    max(r.load_id) as load_id
from report as r
inner join core.account as a
    on a.store_id = r.store_id and a.connector = 'ga4' and a.account_id = r.account_id
where
    r.business_date >= ops.window_start() and r.business_date < ops.window_end()
    and r.deleted_at is null
group by
    r.store_id, r.business_date, r.account_id, r.dimension_set, r.dimension_value, a.currency_code
