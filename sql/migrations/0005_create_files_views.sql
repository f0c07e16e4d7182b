-- What the models of the files connector share. Views that call ops.window_start() need the window set.

-- One record in two files of an account (overlapping exports) is one record: the newest version counts.
create view staging.files__current_touch as
select s.* from staging.files__touch as s
where s.deleted_at is null and not exists (
    select 1 from staging.files__touch as n
    where n.store_id = s.store_id and n.account_id = s.account_id and n.record_key = s.record_key
    and n.file_name <> s.file_name and n.deleted_at is null
    and (n.extracted_at, n.file_name) > (s.extracted_at, s.file_name)
);
create view staging.files__current_order_line as
select s.* from staging.files__order_line as s
where s.deleted_at is null and not exists (
    select 1 from staging.files__order_line as n
    where n.store_id = s.store_id and n.account_id = s.account_id and n.record_key = s.record_key
    and n.file_name <> s.file_name and n.deleted_at is null
    and (n.extracted_at, n.file_name) > (s.extracted_at, s.file_name)
);
create view staging.files__current_refund as
select s.* from staging.files__refund as s
where s.deleted_at is null and not exists (
    select 1 from staging.files__refund as n
    where n.store_id = s.store_id and n.account_id = s.account_id and n.record_key = s.record_key
    and n.file_name <> s.file_name and n.deleted_at is null
    and (n.extracted_at, n.file_name) > (s.extracted_at, s.file_name)
);
create view staging.files__current_spend as
select s.* from staging.files__spend as s
where s.deleted_at is null and not exists (
    select 1 from staging.files__spend as n
    where n.store_id = s.store_id and n.account_id = s.account_id and n.record_key = s.record_key
    and n.file_name <> s.file_name and n.deleted_at is null
    and (n.extracted_at, n.file_name) > (s.extracted_at, s.file_name)
);
create view staging.files__current_ga4_event as
select s.* from staging.files__ga4_event as s
where s.deleted_at is null and not exists (
    select 1 from staging.files__ga4_event as n
    where n.store_id = s.store_id and n.account_id = s.account_id and n.record_key = s.record_key
    and n.file_name <> s.file_name and n.deleted_at is null
    and (n.extracted_at, n.file_name) > (s.extracted_at, s.file_name)
);

-- Orders with a line in the window, each from all its lines; the first line's day is the order's.
create view staging.files__order as
with orders as (
    select
        l.store_id,
        l.account_id,
        l.order_id,
        min(l.ordered_at) as ordered_at,
        min(l.business_date) as source_day,
        max(l.user_key) as user_key,
        max(l.region_country) as region_country,
        min(l.currency_code) as currency_code,
        sum(l.gross_amount) as gross_amount,
        sum(l.discount_amount) as discount_amount,
        sum(l.included_tax_amount) as included_tax_amount,
        sum(l.tax_amount) as tax_amount,
        sum(l.shipping_amount) as shipping_amount,
        max(l.load_id) as load_id
    from staging.files__current_order_line as l
    where exists (
        select 1 from staging.files__order_line as w
        where
            w.store_id = l.store_id and w.account_id = l.account_id and w.order_id = l.order_id
            and w.business_date >= ops.window_start() and w.business_date < ops.window_end()
    )
    group by l.store_id, l.account_id, l.order_id
),

-- A refund that names no order we know stays a refund and changes no order.
returned as (
    select
        store_id,
        account_id,
        order_id,
        sum(returned_amount) as returned_amount
    from staging.files__current_refund
    where order_id <> ''
    group by store_id, account_id, order_id
)

select
    o.*,
    coalesce(r.returned_amount, 0) as returned_amount,
    o.gross_amount - o.discount_amount - o.included_tax_amount
    - coalesce(r.returned_amount, 0) as net_amount,
    o.gross_amount - o.discount_amount - o.included_tax_amount + o.tax_amount
    + o.shipping_amount as total_amount
from orders as o
left join returned as r
    on r.store_id = o.store_id and r.account_id = o.account_id and r.order_id = o.order_id;

-- GA4 purchases with a transaction id seen in the window: the first event of each id. Reloads and bots
-- send an id again, purchases without an id cannot be told apart: both stay in staging only.
create view staging.files__ga4_purchase as
select distinct on (e.store_id, e.account_id, e.transaction_id)
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
from staging.files__current_ga4_event as e
where
    e.transaction_id <> ''
    and exists (
        select 1 from staging.files__ga4_event as w
        where
            w.store_id = e.store_id and w.account_id = e.account_id
            and w.transaction_id = e.transaction_id and w.transaction_id <> ''
            and w.business_date >= ops.window_start() and w.business_date < ops.window_end()
    )
order by e.store_id, e.account_id, e.transaction_id, e.occurred_at, e.record_key;

-- GA4 sessions that have an event in the window or the day beside it, on the day of their first event.
-- Their source is the first event's that names one, else the click id's, else the referring site, else
-- (a user's first session only) the first-user source, else direct. The raw columns hold what the event
-- said; they are '' where the source was derived. The shop's own pages and payment pages are no source.
create view staging.files__ga4_session as
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

session as (
    select
        store_id,
        account_id,
        user_pseudo_id,
        session_id,
        min(business_date) as start_day,
        min(occurred_at) as started_at,
        max(device_category) as device_category,
        max(country) as country,
        max(lookback_days) as lookback_days,
        max(load_id) as load_id
    from event
    group by store_id, account_id, user_pseudo_id, session_id
),

chosen as (
    select distinct on (store_id, account_id, user_pseudo_id, session_id) event.*
    from event
    order by
        store_id, account_id, user_pseudo_id, session_id,
        array_position(
            array['named', 'click_id', 'referrer', 'medium', 'direct', 'first_user'], evidence
        ) nulls last,
        occurred_at, record_key
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
where s.start_day >= ops.window_start() and s.start_day < ops.window_end();
