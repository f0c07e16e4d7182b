-- A day counted by device, country, channel and campaign is the same day: what a set misses of the fullest one
-- was withheld, sampled or folded away by the vendor, or never asked for. Two in a hundred are let pass.
with per_set as (
    select
        store_id, day, connector, account_id, dimension_set,
        sum(sessions) as sessions,
        sum(page_views) as page_views,
        bool_or(is_thresholded or is_sampled or has_other_row or is_incomplete) as vendor_says_so
    from work.site_daily
    group by store_id, day, connector, account_id, dimension_set
    union all
    select
        c.store_id, c.day, c.connector, c.account_id, 'campaign' as dimension_set,
        sum(c.sessions) as sessions,
        null as page_views,
        false as vendor_says_so
    from work.channel_daily as c
    where
        (c.store_id, c.connector, c.account_id)
        in (select s.store_id, s.connector, s.account_id from work.site_daily as s)
    group by c.store_id, c.day, c.connector, c.account_id
),

fullest as (
    select
        store_id, day, connector, account_id,
        max(sessions) as most_sessions,
        max(page_views) as most_page_views
    from per_set
    group by store_id, day, connector, account_id
)

select
    store_id,
    day,
    connector,
    account_id,
    dimension_set,
    sessions,
    most_sessions,
    page_views,
    most_page_views,
    vendor_says_so
from per_set
inner join fullest using (store_id, day, connector, account_id)
where sessions < 0.98 * most_sessions or page_views < 0.98 * most_page_views
order by store_id, day, connector, account_id, dimension_set
