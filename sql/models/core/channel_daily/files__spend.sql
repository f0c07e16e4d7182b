-- A file without campaign ids is told apart by campaign name, else by channel, else by source and medium.
with spend as (
    select
        f.store_id,
        f.account_id,
        f.business_date,
        f.currency_code,
        coalesce(
            nullif(f.campaign_id, ''), nullif(f.campaign_name, ''), nullif(f.channel, ''),
            nullif(concat_ws(' / ', nullif(f.source, ''), nullif(f.medium, '')), ''), ''
        ) as campaign_key,
        max(f.campaign_name) as campaign_name,
        max(f.channel) as channel_hint,
        ops.normalise_source(max(f.source)) as source,
        ops.normalise_term(max(f.medium)) as medium,
        sum(f.impressions)::bigint as impressions,
        sum(f.clicks)::bigint as clicks,
        sum(f.spend_amount) as spend_amount,
        max(f.load_id) as load_id
    from staging.files__current_spend as f
    where f.business_date >= ops.window_start() and f.business_date < ops.window_end()
    group by f.store_id, f.account_id, f.business_date, f.currency_code, campaign_key
)

select
    store_id,
    business_date as day,
    'files' as connector,
    account_id,
    campaign_key as campaign_id,
    currency_code,
    campaign_name,
    source,
    medium,
    ops.channel(
        store_id, source, medium, ops.normalise_term(campaign_name), '', channel_hint
    ) as channel,
    impressions,
    clicks,
    null::bigint as sessions,
    null::bigint as engagements,
    null::bigint as sends,
    null::numeric as claimed_conversions,
    null::numeric as claimed_value_amount,
    spend_amount,
    business_date as source_day,
    load_id
from spend
