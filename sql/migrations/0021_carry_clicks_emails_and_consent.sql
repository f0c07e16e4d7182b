-- What joins people beyond user, browser and order, as keyed hashes made at the door; and whether a person
-- agreed that ads may know of them. Columns come last, so that the views keep their order.
alter table staging.files__ga4_event
add column click_key text not null default '',
add column ads_consent text not null default '';
alter table staging.bigquery__ga4_event
add column click_key text not null default '',
add column ads_consent text not null default '';
alter table staging.files__touch
add column email text not null default '',
add column click_key text not null default '',
add column device_id text not null default '',
add column ads_consent text not null default '';
alter table staging.files__order_line
add column email text not null default '',
add column click_key text not null default '';

alter table core.touch add column ads_consent text not null default '';

create or replace view staging.files__current_touch as
select s.* from staging.files__touch as s
where s.deleted_at is null and not exists (
    select 1 from staging.files__touch as n
    where n.store_id = s.store_id and n.account_id = s.account_id and n.record_key = s.record_key
    and n.file_name <> s.file_name and n.deleted_at is null
    and (n.extracted_at, n.file_name) > (s.extracted_at, s.file_name)
);
create or replace view staging.files__current_order_line as
select s.* from staging.files__order_line as s
where s.deleted_at is null and not exists (
    select 1 from staging.files__order_line as n
    where n.store_id = s.store_id and n.account_id = s.account_id and n.record_key = s.record_key
    and n.file_name <> s.file_name and n.deleted_at is null
    and (n.extracted_at, n.file_name) > (s.extracted_at, s.file_name)
);
create or replace view staging.files__current_ga4_event as
select s.* from staging.files__ga4_event as s
where s.deleted_at is null and not exists (
    select 1 from staging.files__ga4_event as n
    where n.store_id = s.store_id and n.account_id = s.account_id and n.record_key = s.record_key
    and n.file_name <> s.file_name and n.deleted_at is null
    and (n.extracted_at, n.file_name) > (s.extracted_at, s.file_name)
);
create or replace view staging.ga4_event as
select
    'files' as connector,
    f.*
from staging.files__current_ga4_event as f
union all
select
    'bigquery' as connector,
    b.*
from staging.bigquery__ga4_event as b
where b.deleted_at is null;

-- Sessions that have an event in the window, on the day of their first event: a session is its first day
-- and the day after, and an id used again after a day without events is another session.
-- Their source is the first event's that names one, else the click id's, else the referring site, else
-- (a user's first session only) the first-user source, else direct. The raw columns hold what the event
-- said; they are '' where the source was derived. The shop's own pages and payment pages are no source.
-- Consent is what the person said last in the session; said both ways at once, it was denied.
create or replace view staging.ga4_session as
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
    from staging.ga4_event as e
    where
        e.business_date >= ops.window_start() - 1 and e.business_date < ops.window_end() + 1
        and e.user_pseudo_id <> '' and e.session_id <> ''
),

-- The event's day continues the day before, which starts the session unless it continues too.
placed as (
    select
        *,
        count(*) over one_before > 0 as continues,
        count(*) over two_before > 0 as is_third
    from event
    window
        one_before as (
            partition by connector, store_id, account_id, user_pseudo_id, session_id order by business_date
            range between interval '1 day' preceding and interval '1 day' preceding
        ),
        two_before as (
            partition by connector, store_id, account_id, user_pseudo_id, session_id order by business_date
            range between interval '2 days' preceding and interval '2 days' preceding
        )
),

started as (
    select
        *,
        business_date - continues::int as start_day
    from placed
    where not (continues and is_third)
),

-- One row a session: the event with the best evidence, and what all its events say together.
session as (
    select distinct on (connector, store_id, account_id, user_pseudo_id, session_id, start_day)
        connector,
        store_id,
        account_id,
        user_pseudo_id,
        session_id,
        start_day,
        min(occurred_at) over whole as started_at,
        max(device_category) over whole as device_category,
        max(country) over whole as country,
        max(lookback_days) over whole as lookback_days,
        max(load_id) over whole as load_id,
        max(occurred_at) filter (where ads_consent = 'granted') over whole as granted_at,
        max(occurred_at) filter (where ads_consent = 'denied') over whole as denied_at,
        evidence,
        source,
        medium,
        campaign,
        click_id_type,
        referrer_host,
        first_user_source,
        first_user_medium,
        first_user_campaign
    from started
    where start_day >= ops.window_start() and start_day < ops.window_end()
    window whole as (partition by connector, store_id, account_id, user_pseudo_id, session_id, start_day)
    order by
        connector, store_id, account_id, user_pseudo_id, session_id, start_day,
        array_position(
            array['named', 'click_id', 'referrer', 'medium', 'direct', 'first_user'], evidence
        ) nulls last,
        occurred_at, record_key
)

select
    c.connector,
    c.store_id,
    c.account_id,
    c.user_pseudo_id,
    c.session_id,
    c.start_day,
    c.started_at,
    c.device_category,
    c.country,
    c.lookback_days,
    c.load_id,
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
    end as campaign,
    case
        when c.granted_at > coalesce(c.denied_at, '-infinity') then 'granted'
        when c.denied_at is not null then 'denied'
        else ''
    end as ads_consent
from session as c;
