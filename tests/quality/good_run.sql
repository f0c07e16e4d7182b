-- A correct run in schema work: what build leaves behind for the gate to judge.
insert into core.store values ('shop', 'Shop', 'Europe/Berlin', 'EUR', 'auto', 'shop');
insert into core.account values ('shop', 'shopify', 'main', 'Europe/Berlin', 'EUR');
insert into core.account values ('shop', 'files', 'drop', 'Europe/Berlin', 'EUR');
insert into core.account values ('shop', 'ga4', 'web', 'Europe/Berlin', 'EUR');
insert into ops.load (store_id, connector, account_id, stream, run_id, mode, window_start,
    window_end, status, started_at)
values ('shop', 'shopify', 'main', 'order', 'ingest', 'incremental', '2026-08-01', '2026-08-08',
    'landed', '2026-08-08');
insert into work.run values ('run-1');
insert into work.run_load select load_id from ops.load;
insert into work.scope
select 'shop', connector, account_id, day::date
from (values ('shopify', 'main'), ('files', 'drop'), ('ga4', 'web')) as a (connector, account_id)
cross join generate_series(date '2026-08-01', date '2026-08-05', interval '1 day') as day;

-- Orders of 100.00 with 10.00 discount and 15.00 contained tax; order 3 came back for 20.00 net with
-- a 2.00 restocking fee; order 4 is a test.
insert into work.sales_order
select
    'shop', 'shopify', 'main', n::text, '#' || n, timestamptz '2026-08-01 10:00+02' + n * interval '1 day',
    date '2026-08-01' + n, n = 4, false, n <> 4, 'customer-' || n, null, 'EUR', 100, 10, 15,
    case when n = 3 then 20 else 0 end, case when n = 3 then -2 else 0 end,
    case when n = 3 then 57 else 75 end, 15, 5, 0, 95, 'EUR', 95, 'paid', '', '', 'DE', '', 'web', '',
    date '2026-08-01' + n, 1
from generate_series(1, 4) as n;
insert into work.order_line
select
    'shop', 'shopify', 'main', n::text, l::text, date '2026-08-01' + n, 'p', 's', 'Cup', 1, 50, 5,
    7.5, 7.5, 'EUR', false, n <> 4, date '2026-08-01' + n, 1
from generate_series(1, 4) as n cross join generate_series(1, 2) as l;
insert into work.refund
values ('shop', 'shopify', 'main', '3', 'r1', '2026-08-05 10:00+02', '2026-08-05', 20, -2, 3.8, 0, 21.8,
    'EUR', true, '2026-08-04', 1);
insert into work.refund_line
values ('shop', 'shopify', 'main', '3', 'r1', 'rl1', '1', 's', '2026-08-05', 1, 20, 3.8, 'EUR', true,
    '2026-08-04', 1);
insert into work.conversion
select
    'shop', 'purchase', 100 + n, 'shopify', 'main', n::text,
    timestamptz '2026-08-01 10:00+02' + n * interval '1 day', date '2026-08-01' + n,
    'customer:' || n, case when n = 3 then 57 else 75 end, 'EUR', null, date '2026-08-01' + n, 1
from generate_series(1, 3) as n;
insert into work.touch
select
    'shop', 200 + n, 'files', 'drop', 'visit', timestamptz '2026-08-01 09:00+02' + n * interval '1 day',
    date '2026-08-01' + n, 'customer:' || n, 'Google', 'cpc', '', 'google', 'cpc', '', '', 'paid_search',
    'mobile', 'DE', null, date '2026-08-01' + n, 1
from generate_series(1, 2) as n;
insert into work.identity_edge
values ('shop', 'shopify', 'main', 'customer:1', 'order:shopify:1', '2026-08-02', 1);
insert into work.channel_daily
select
    'shop', date '2026-08-01' + n, 'files', 'drop', 'c1', 'EUR', 'Brand', 'google', 'cpc', 'paid_search',
    1000, 50, null, null, null, null, null, 12.34, date '2026-08-01' + n, 1
from generate_series(0, 4) as n;
insert into work.site_daily
select
    'shop', date '2026-08-01' + n, 'ga4', 'web', dimension_set, 'all', 40, 30, 90, 35, 20, 2, 150, 'EUR',
    false, false, false, false, null, false, 'Europe/Berlin', date '2026-08-01' + n, 1
from generate_series(0, 4) as n
cross join unnest(array['channel_group', 'page', 'device', 'country']) as dimension_set;
