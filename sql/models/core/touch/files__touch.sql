with touches as (
    select
        t.*,
        ops.normalise_source(t.source) as source_normal,
        ops.normalise_term(t.medium) as medium_normal,
        ops.normalise_term(t.campaign) as campaign_normal
    from staging.files__current_touch as t
    where t.business_date >= ops.window_start() and t.business_date < ops.window_end()
)

select
    t.store_id,
    ops.stable_id('touch', 'files', t.account_id, t.record_key) as touch_id,
    'files' as connector,
    t.account_id,
    t.evidence_type,
    t.occurred_at,
    (t.occurred_at at time zone s.timezone)::date as touch_day,
    'user:' || t.user_key as identifier,
    t.source as source_raw,
    t.medium as medium_raw,
    t.campaign as campaign_raw,
    t.source_normal as source,
    t.medium_normal as medium,
    t.campaign_normal as campaign,
    t.click_id as click_id_type,
    ops.channel(
        t.store_id, t.source_normal, t.medium_normal, t.campaign_normal, t.click_id, t.channel
    ) as channel,
    '' as device,
    '' as country,
    t.lookback_days,
    t.business_date as source_day,
    t.load_id,
    t.ads_consent
from touches as t
inner join core.store as s on s.store_id = t.store_id
