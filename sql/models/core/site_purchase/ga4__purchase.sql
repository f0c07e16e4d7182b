-- Purchases by transaction id. Those that sent none cannot be told apart and stay in staging.
select
    s.store_id,
    s.business_date as day,
    'ga4' as connector,
    s.account_id,
    s.payload ->> 'transactionId' as order_id,
    (s.payload ->> 'ecommercePurchases')::bigint as purchases,
    (s.payload ->> 'purchaseRevenue')::numeric as claimed_value_amount,
    a.currency_code,
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
from staging.ga4__purchase as s
inner join core.account as a
    on a.store_id = s.store_id and a.connector = 'ga4' and a.account_id = s.account_id
where
    s.business_date >= ops.window_start() and s.business_date < ops.window_end()
    and s.deleted_at is null
    and s.payload ->> 'transactionId' not in ('', '(not set)', '(other)')
