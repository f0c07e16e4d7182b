-- GA4's event export comes as files or from BigQuery: one shape, one set of views for both. A store's
-- export comes one way. `connector` leads every key, so that asking for one way reads only its table.
create table staging.bigquery__ga4_event (like staging.files__ga4_event including all);

-- The events that count. In a drop folder one event may stand in two files: the newest counts. In
-- BigQuery a day is one table.
create view staging.ga4_event as
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

-- Purchases with a transaction id seen in the window: the first event of each id. Reloads and bots send
-- an id again, purchases without an id cannot be told apart: both stay in staging only.
create view staging.ga4_purchase as
with seen as (
    select
        'files' as connector,
        store_id,
        account_id,
        transaction_id
    from staging.files__ga4_event
    where
        transaction_id <> ''
        and business_date >= ops.window_start() and business_date < ops.window_end()
    union
    select
        'bigquery' as connector,
        store_id,
        account_id,
        transaction_id
    from staging.bigquery__ga4_event
    where
        transaction_id <> ''
        and business_date >= ops.window_start() and business_date < ops.window_end()
)

select distinct on (e.connector, e.store_id, e.account_id, e.transaction_id)
    e.connector,
    e.store_id,
    e.account_id,
    e.transaction_id,
    e.business_date as source_day,
    e.occurred_at,
    e.user_pseudo_id,
    e.user_id,
    e.country,
    coalesce(e.purchase_revenue, 0) as revenue_amount,
    e.currency_code,
    e.load_id
from staging.ga4_event as e
inner join seen as s
    on
        s.connector = e.connector and s.store_id = e.store_id and s.account_id = e.account_id
        and s.transaction_id = e.transaction_id
where e.transaction_id <> ''
order by e.connector, e.store_id, e.account_id, e.transaction_id, e.occurred_at, e.record_key;

-- Sessions that have an event in the window, on the day of their first event: a session is its first day
-- and the day after, and an id used again after a day without events is another session.
-- Their source is the first event's that names one, else the click id's, else the referring site, else
-- (a user's first session only) the first-user source, else direct. The raw columns hold what the event
-- said; they are '' where the source was derived. The shop's own pages and payment pages are no source.
create view staging.ga4_session as
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
    end as campaign
from session as c;

drop view staging.files__ga4_session;
drop view staging.files__ga4_purchase;
