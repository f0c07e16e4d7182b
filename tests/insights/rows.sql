-- One shop, 100 days to 2026-11-15, with one of each thing to change; read through 2026-11-19.
-- Every day: 60 visits of paid_search and 40 of direct (13 November: 6 of paid_search), 10 with an
-- unknown tag on each of the last 20 days; 8 orders of 50.00 after a paid_search visit, and on each of
-- the last 14 days 6 more without any touch; display costs 30.00 a day and touches nothing; the spend
-- file stopped on 2026-11-13.
insert into core.store values ('north', 'North', 'UTC', 'EUR', 'event_export', 'shop');
insert into core.account values
('north', 'shopify', 'north', 'UTC', 'EUR'), ('north', 'files', 'north_files', 'UTC', 'EUR');
insert into ops.stream values
('shopify', 'order', 'document', 'sales', 3, 30, 0, 'by_business_date'),
('files', 'ga4_event', 'table', 'files', 0, 3, 1, 'full'),
('files', 'spend', 'table', 'files', 0, 1, 0, 'full');
insert into ops.publication (run_id, published_at, row_counts) values ('before', '2026-11-19T00:10Z', '{}');
insert into ops.load (
    store_id, connector, account_id, stream, run_id, mode, window_start, window_end, status,
    started_at, finished_at, publication_id
)
select
    a.store_id, a.connector, a.account_id, s.stream, 'before', 'incremental', '2026-08-01T00:00Z',
    '2026-11-19T00:00Z', 'landed', '2026-11-19T00:00Z', '2026-11-19T00:05Z', 1
from core.account as a
inner join ops.stream as s on a.connector = s.connector;
insert into ops.changed_day
select l.load_id, l.store_id, l.connector, l.account_id, l.stream, d::date
from ops.load as l
cross join generate_series('2026-08-08'::date, '2026-11-18', '1 day') as d
where l.stream <> 'spend' or d < '2026-11-14';

create temporary table visit as
select
    d::date as day, v.channel, v.source_raw, v.medium_raw, v.source, v.medium, n,
    ops.stable_id('touch', d::date::text, v.source, n::text) as touch_id
from generate_series('2026-08-08'::date, '2026-11-18', '1 day') as d
cross join (values
    ('paid_search', 'Google', 'CPC', 'google', 'cpc'), ('direct', '', '', '', ''),
    ('other', 'NL-Haupt', 'Rundbrief', 'nl-haupt', 'rundbrief')
) as v (channel, source_raw, medium_raw, source, medium)
cross join generate_series(1, 60) as n
where
    n <= case
        when v.channel = 'paid_search' and d = '2026-11-13' then 6
        when v.channel = 'paid_search' then 55 + extract(day from d)::int % 6
        when v.channel = 'direct' then 38 + extract(day from d)::int % 5
        when d between '2026-10-27' and '2026-11-15' then 10
        else 0
    end;
insert into core.touch
select
    'north', touch_id, 'files', 'north_files', 'visit', day + time '08:00', day,
    'client:' || touch_id, source_raw, medium_raw, '', source, medium, '', '', channel, '', '',
    null, day, 1
from visit;
create temporary table sale as
select d::date as day, n, ops.stable_id('conversion', d::date::text, n::text) as conversion_id
from generate_series('2026-08-08'::date, '2026-11-18', '1 day') as d
cross join generate_series(1, 14) as n
where n <= 8 or d between '2026-11-02' and '2026-11-15';
insert into core.conversion
select
    'north', 'purchase', conversion_id, 'shopify', 'north', conversion_id::text, day + time '09:00',
    day, 'order:shopify:' || conversion_id, 50, 'EUR', null, day, 1
from sale;
insert into core.credit_set
values ('north', 'set-1', 'purchase', 'abc', '{"visit_source": "event_export"}', 1);
insert into core.credit_pointer values ('north', 'purchase', 'set-1');
-- The first eight orders of a day follow its first paid_search visits; of the dark day, six do.
insert into core.credit
select
    'north', 'set-1', s.conversion_id, coalesce(v.touch_id, 0), s.day, v.day, 'EUR',
    1, 1, 1, 1, 1, 1, 50, 50, 50, 50, 50, 50, 1
from sale as s
left join visit as v on s.day = v.day and s.n = v.n and v.channel = 'paid_search' and s.n <= 8;
insert into core.channel_daily
select
    'north', d::date, 'files', 'north_files', 'banner', 'EUR', 'Banner', 'dsp', 'display', 'display',
    1000, 10, null, null, null, null, null, 30, d::date, 1
from generate_series('2026-08-08'::date, '2026-11-13', '1 day') as d;
