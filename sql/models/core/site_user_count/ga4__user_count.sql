-- Users of a day, week or month as the vendor counted them for it.
select
    s.store_id,
    s.payload ->> 'period' as period,
    s.business_date as first_day,
    'ga4' as connector,
    s.account_id,
    (s.payload ->> 'totalUsers')::bigint as total_users,
    (s.payload ->> 'newUsers')::bigint as new_users,
    (s.payload ->> 'sessions')::bigint as sessions,
    coalesce((s.payload #>> '{quality,hasOtherRow}')::boolean, false) as has_other_row,
    coalesce((s.payload #>> '{quality,isThresholded}')::boolean, false) as is_thresholded,
    s.payload #> '{quality,samplingSpace}' is not null as is_sampled,
    (s.payload #>> '{quality,samplesRead}')::numeric
    / nullif((s.payload #>> '{quality,samplingSpace}')::numeric, 0) as sampled_share,
    coalesce((s.payload #>> '{quality,isTruncated}')::boolean, false)
    or coalesce((s.payload #>> '{quality,isRestricted}')::boolean, false) as is_incomplete,
    coalesce(s.payload #>> '{quality,timeZone}', '') as report_timezone,
    s.business_date as source_day,
    s.load_id
from staging.ga4__user_count as s
where
    s.business_date >= ops.window_start() and s.business_date < ops.window_end()
    and s.deleted_at is null
