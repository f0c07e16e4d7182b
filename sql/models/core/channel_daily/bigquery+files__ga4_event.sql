-- Sessions per source, medium, campaign and kind of click id, which may say another channel than they do:
-- GA4 has no campaign id in its export's sessions.
with sessions as (
    select
        g.connector,
        g.store_id,
        g.account_id,
        g.start_day,
        g.click_id_type,
        g.load_id,
        ops.normalise_source(g.source) as source,
        ops.normalise_term(g.medium) as medium,
        ops.normalise_term(g.campaign) as campaign
    from staging.ga4_session as g
),

daily as (
    select
        connector,
        store_id,
        account_id,
        start_day,
        source,
        medium,
        campaign,
        click_id_type,
        count(*) as sessions,
        max(load_id) as load_id
    from sessions
    group by connector, store_id, account_id, start_day, source, medium, campaign, click_id_type
)

select
    d.store_id,
    d.start_day as day,
    d.connector,
    d.account_id,
    concat_ws(' / ', d.source, d.medium, d.campaign, nullif(d.click_id_type, '')) as campaign_id,
    a.currency_code,
    d.campaign as campaign_name,
    d.source,
    d.medium,
    ops.channel(d.store_id, d.source, d.medium, d.campaign, d.click_id_type, '') as channel,
    null::bigint as impressions,
    null::bigint as clicks,
    d.sessions,
    null::bigint as engagements,
    null::bigint as sends,
    null::numeric as claimed_conversions,
    null::numeric as claimed_value_amount,
    null::numeric as spend_amount,
    d.start_day as source_day,
    d.load_id
from daily as d
inner join core.account as a
    on a.store_id = d.store_id and a.connector = d.connector and a.account_id = d.account_id
