-- A GA4 session id used again after a day without events is another session, however many days are
-- built at once: one statement over a month and one per day give the same sessions.
-- A session is its first day and the day after. The rest is as in 0005.
create or replace view staging.files__ga4_session as
with event as (
    select
        e.*,
        case
            when
                e.source not in ('', '(not set)', '(direct)', 'direct') and not e.is_internal_source
                then 'named'
            when e.click_id_type <> '' then 'click_id'
            when e.referrer_host <> '' then 'referrer'
            when
                e.medium not in ('', '(not set)', '(none)') and not e.is_internal_source
                then 'medium'
            when e.source in ('(direct)', 'direct') then 'direct'
            when
                e.session_number = 1 and not e.is_internal_first_user
                and e.first_user_source not in ('', '(not set)', '(direct)', 'direct')
                then 'first_user'
            else 'none'
        end as evidence
    from staging.files__current_ga4_event as e
    where
        e.business_date >= ops.window_start() - 1 and e.business_date < ops.window_end() + 1
        and e.user_pseudo_id <> '' and e.session_id <> ''
),

session_day as (
    select
        store_id,
        account_id,
        user_pseudo_id,
        session_id,
        business_date,
        min(occurred_at) as started_at,
        max(device_category) as device_category,
        max(country) as country,
        max(lookback_days) as lookback_days,
        max(load_id) as load_id
    from event
    group by store_id, account_id, user_pseudo_id, session_id, business_date
),

neighbour as (
    select
        *,
        coalesce(lag(business_date) over days = business_date - 1, false) as continues,
        coalesce(lead(business_date) over days = business_date + 1, false) as is_continued,
        lead(device_category) over days as next_device_category,
        lead(country) over days as next_country,
        lead(lookback_days) over days as next_lookback_days,
        lead(load_id) over days as next_load_id
    from session_day
    window days as (
        partition by store_id, account_id, user_pseudo_id, session_id order by business_date
    )
),

session as (
    select
        store_id,
        account_id,
        user_pseudo_id,
        session_id,
        business_date as start_day,
        started_at,
        greatest(
            device_category, case when is_continued then next_device_category end
        ) as device_category,
        greatest(country, case when is_continued then next_country end) as country,
        greatest(lookback_days, case when is_continued then next_lookback_days end) as lookback_days,
        greatest(load_id, case when is_continued then next_load_id end) as load_id
    from neighbour
    where
        not continues
        and business_date >= ops.window_start() and business_date < ops.window_end()
),

chosen as (
    select distinct on (
        event.store_id, event.account_id, event.user_pseudo_id, event.session_id, session.start_day
    )
        event.*,
        session.start_day
    from event
    inner join session
        on
            session.store_id = event.store_id and session.account_id = event.account_id
            and session.user_pseudo_id = event.user_pseudo_id
            and session.session_id = event.session_id
            and event.business_date - session.start_day between 0 and 1
    order by
        event.store_id, event.account_id, event.user_pseudo_id, event.session_id, session.start_day,
        array_position(
            array['named', 'click_id', 'referrer', 'medium', 'direct', 'first_user'], event.evidence
        ) nulls last,
        event.occurred_at, event.record_key
)

select
    s.*,
    c.evidence,
    c.source as source_raw,
    c.medium as medium_raw,
    c.campaign as campaign_raw,
    c.click_id_type,
    case c.evidence
        when 'named' then c.source
        when 'click_id' then
            case
                when c.click_id_type in ('gclid', 'gbraid', 'wbraid', 'dclid', 'srsltid')
                    then 'google'
                when c.click_id_type = 'msclkid' then 'bing'
                when c.click_id_type = 'ttclid' then 'tiktok'
                when c.click_id_type = 'li_fat_id' then 'linkedin'
                when c.click_id_type = 'twclid' then 'twitter'
                when c.click_id_type = 'fbclid' then 'facebook'
                else c.click_id_type
            end
        when 'referrer' then
            coalesce(
                substring(
                    c.referrer_host
                    from '(?:^|[.])(google|bing|duckduckgo|yahoo|ecosia|baidu|yandex|qwant)[.]'
                ),
                c.referrer_host
            )
        when 'medium' then ''
        when 'first_user' then c.first_user_source
        else '(direct)'
    end as source,
    case c.evidence
        when 'named' then c.medium
        when 'click_id' then
            case
                when c.click_id_type = 'fbclid' then 'social'
                when c.click_id_type = 'srsltid' then 'organic'
                when c.click_id_type = 'dclid' then 'display'
                else 'cpc'
            end
        when 'referrer' then
            case
                when
                    c.referrer_host
                    ~ '(^|[.])(google|bing|duckduckgo|yahoo|ecosia|baidu|yandex|qwant)[.]'
                    and c.referrer_host !~ '^(mail|docs|sites|groups|support|analytics|classroom)[.]'
                    then 'organic'
                else 'referral'
            end
        when 'medium' then c.medium
        when 'first_user' then c.first_user_medium
        else '(none)'
    end as medium,
    case c.evidence
        when 'named' then c.campaign
        when 'medium' then c.campaign
        when 'first_user' then c.first_user_campaign
        else ''
    end as campaign
from session as s
inner join chosen as c
    on
        c.store_id = s.store_id and c.account_id = s.account_id
        and c.user_pseudo_id = s.user_pseudo_id and c.session_id = s.session_id
        and c.start_day = s.start_day;
