-- One touch per session. Its identity includes the day it starts: GA4 may use a session id again.
with sessions as (
    select
        g.*,
        ops.normalise_source(g.source) as source_normal,
        ops.normalise_term(g.medium) as medium_normal,
        ops.normalise_term(g.campaign) as campaign_normal
    from staging.ga4_session as g
)

select
    g.store_id,
    ops.stable_id(
        'touch', g.connector, g.account_id, g.user_pseudo_id, g.session_id, g.start_day::text
    ) as touch_id,
    g.connector,
    g.account_id,
    'visit' as evidence_type,
    g.started_at as occurred_at,
    (g.started_at at time zone s.timezone)::date as touch_day,
    'client:' || g.user_pseudo_id as identifier,
    g.source_raw,
    g.medium_raw,
    g.campaign_raw,
    g.source_normal as source,
    g.medium_normal as medium,
    g.campaign_normal as campaign,
    g.click_id_type,
    ops.channel(
        g.store_id, g.source_normal, g.medium_normal, g.campaign_normal, g.click_id_type, ''
    ) as channel,
    g.device_category as device,
    g.country,
    g.lookback_days,
    g.start_day as source_day,
    g.load_id,
    g.ads_consent
from sessions as g
inner join core.store as s on s.store_id = g.store_id
where s.visit_source in ('auto', 'event_export')
