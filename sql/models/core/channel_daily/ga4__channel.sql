-- Sessions per source, medium and campaign in one spelling, as the event export has them: the vendor
-- writes them as the links did. Its own channel group is in site_daily. Key events and revenue are claims.
with report as (
    select
        s.store_id,
        s.account_id,
        s.business_date,
        s.load_id,
        ops.normalise_source(s.payload ->> 'sessionSource') as source,
        ops.normalise_term(s.payload ->> 'sessionMedium') as medium,
        ops.normalise_term(s.payload ->> 'sessionCampaignName') as campaign,
        (s.payload ->> 'sessions')::bigint as sessions,
        (s.payload ->> 'keyEvents')::numeric as key_events,
        (s.payload ->> 'purchaseRevenue')::numeric as revenue_amount
    from staging.ga4__channel as s
    where
        s.business_date >= ops.window_start() and s.business_date < ops.window_end()
        and s.deleted_at is null
),

daily as (
    select
        store_id,
        account_id,
        business_date,
        source,
        medium,
        campaign,
        sum(sessions)::bigint as sessions,
        sum(key_events) as key_events,
        sum(revenue_amount) as revenue_amount,
        max(load_id) as load_id
    from report
    group by store_id, account_id, business_date, source, medium, campaign
)

select
    d.store_id,
    d.business_date as day,
    'ga4' as connector,
    d.account_id,
    d.source || ' / ' || d.medium || ' / ' || d.campaign as campaign_id,
    a.currency_code,
    d.campaign as campaign_name,
    d.source,
    d.medium,
    ops.channel(d.store_id, d.source, d.medium, d.campaign, '', '') as channel,
    null::bigint as impressions,
    null::bigint as clicks,
    d.sessions,
    null::bigint as engagements,
    null::bigint as sends,
    d.key_events as claimed_conversions,
    d.revenue_amount as claimed_value_amount,
    null::numeric as spend_amount,
    d.business_date as source_day,
    d.load_id
from daily as d
inner join core.account as a
    on a.store_id = d.store_id and a.connector = 'ga4' and a.account_id = d.account_id
