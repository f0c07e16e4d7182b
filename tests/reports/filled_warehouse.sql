-- Two stores, 40 days (2026-07-01 to 2026-08-09) of one order a day each, written straight into core and ops.
-- Day n (0..39): net revenue 100 + n + 0.35; n % 4 = 0 an unattributed order, 1 email alone, 2 email then
-- paid_search, 3 a channel whose name is hostile HTML. Spend: 7.25 a day on paid_search, 0 on the hostile one.
insert into core.store values
('nordlicht', 'Nordlicht', 'Europe/Berlin', 'EUR', 'event_export', 'shop'),
('prairie', 'Prairie <b>& Co', 'America/Chicago', 'USD', 'event_export', 'shop');

insert into core.account
select
    s.store_id,
    c.connector,
    s.store_id || c.suffix,
    s.timezone,
    s.currency_code
from core.store as s
cross join (values ('shopify', ''), ('files', '_files')) as c (connector, suffix);

insert into ops.stream (connector, stream, kind, feed, restate_days, finality_days, spill_days, backfill)
values
('shopify', 'order', 'document', 'sales', 2, 3, 0, 'by_business_date'),
('files', 'spend', 'table', 'files', 0, 0, 0, 'full');

insert into ops.load (
    store_id, connector, account_id, stream, run_id, mode, window_start, window_end, status,
    started_at, finished_at, rows_in, rows_new, rows_quarantined, publication_id
)
select
    a.store_id,
    a.connector,
    a.account_id,
    s.stream,
    'ingest-1',
    'incremental',
    '2026-07-01T06:00Z',
    '2026-08-10T06:00Z',
    'landed',
    '2026-08-10T06:00Z',
    '2026-08-10T06:01Z',
    40,
    40,
    case s.stream when 'spend' then 1 else 0 end,
    1
from core.account as a
inner join ops.stream as s on a.connector = s.connector;

insert into ops.changed_day
select
    l.load_id,
    l.store_id,
    l.connector,
    l.account_id,
    l.stream,
    '2026-07-01'::date + n
from ops.load as l
cross join generate_series(0, 39) as n;

insert into ops.quarantine (
    store_id, connector, account_id, stream, record_key, source, reason, payload, first_load_id, load_id
)
select
    l.store_id,
    l.connector,
    l.account_id,
    l.stream,
    'spend.csv:7',
    'spend.csv line 7',
    'not a number',
    'x',
    l.load_id,
    l.load_id
from ops.load as l
where l.stream = 'spend';

create temporary table day_order as
select
    s.store_id,
    s.currency_code,
    n,
    '2026-07-01'::date + n as day,
    ('2026-07-01'::date + n + time '12:00') at time zone s.timezone as ordered_at,
    ops.stable_id('conversion', 'shopify', s.store_id, n::text) as conversion_id,
    100 + n + 0.35 as net_amount
from core.store as s
cross join generate_series(0, 39) as n;

insert into core.sales_order
select
    o.store_id,
    'shopify',
    o.store_id,
    o.n::text,
    '#' || o.n,
    o.ordered_at,
    o.day,
    false,
    false,
    true,
    '',
    null,
    o.currency_code,
    o.net_amount + 15,
    10,
    3,
    2,
    0,
    o.net_amount,
    3,
    5,
    0,
    o.net_amount + 10,
    o.currency_code,
    null,
    'PAID',
    'FULFILLED',
    'card',
    '',
    '',
    'web',
    '',
    o.day,
    1
from day_order as o;

insert into core.refund
select
    o.store_id,
    'shopify',
    o.store_id,
    o.n::text,
    'r' || o.n,
    o.ordered_at + interval '1 hour',
    o.day,
    2,
    0,
    0,
    0,
    2,
    o.currency_code,
    true,
    o.day,
    1
from day_order as o;

insert into core.conversion
select
    o.store_id,
    'purchase',
    o.conversion_id,
    'shopify',
    o.store_id,
    o.n::text,
    o.ordered_at,
    o.day,
    'order:shopify:' || o.n,
    o.net_amount,
    o.currency_code,
    null,
    o.day,
    1
from day_order as o;

create temporary table day_touch as
select
    o.*,
    t.channel,
    t.place,
    case t.channel when 'unattributed' then 0
    else ops.stable_id('touch', 'files', o.store_id, o.n::text, t.channel) end as touch_id
from day_order as o
inner join (values
    (0, 'unattributed', 'only'), (1, 'email', 'only'), (2, 'email', 'first'), (2, 'paid_search', 'last'),
    (3, '<script>alert(1)</script>', 'only')
) as t (remainder, channel, place) on o.n % 4 = t.remainder;

insert into core.touch
select
    t.store_id,
    t.touch_id,
    'files',
    t.store_id || '_files',
    'visit',
    t.ordered_at - interval '1 hour',
    t.day,
    'order:shopify:' || t.n,
    t.channel,
    '',
    '',
    t.channel,
    '',
    '',
    '',
    t.channel,
    '',
    '',
    null,
    t.day,
    1
from day_touch as t
where t.touch_id <> 0;

insert into core.credit_set
select s.store_id, 'set-1', 'purchase', 'abc', '{}', 1
from core.store as s;

insert into core.credit_pointer
select s.store_id, 'purchase', 'set-1'
from core.store as s;

-- Of two touches linear gives the odd cent to the first.
insert into core.credit
select
    t.store_id,
    'set-1',
    t.conversion_id,
    t.touch_id,
    t.day,
    case when t.touch_id <> 0 then t.day end,
    t.currency_code,
    w.first_share,
    w.last_share,
    w.last_share,
    w.even_share,
    w.even_share,
    w.even_share,
    t.net_amount * w.first_share,
    t.net_amount * w.last_share,
    t.net_amount * w.last_share,
    e.amount,
    e.amount,
    e.amount,
    1,
    w.first_share,
    w.last_share,
    w.even_share,
    w.even_share,
    t.net_amount * w.first_share,
    t.net_amount * w.last_share,
    e.amount,
    e.amount,
    'linear'
from day_touch as t
inner join (values
    ('only', 1, 1, 1), ('first', 1, 0, 0.5), ('last', 0, 1, 0.5)
) as w (place, first_share, last_share, even_share) on t.place = w.place
cross join lateral (
    select case t.place
        when 'only' then t.net_amount
        when 'first' then ceil(t.net_amount * 50) / 100
        else floor(t.net_amount * 50) / 100
    end as amount
) as e;

insert into core.channel_daily
select
    o.store_id,
    o.day,
    'files',
    o.store_id || '_files',
    c.channel,
    o.currency_code,
    'Campaign ' || c.channel,
    c.channel,
    'cpc',
    c.channel,
    1000,
    10,
    null,
    null,
    null,
    null,
    null,
    c.spend,
    o.day,
    1
from day_order as o
cross join (values ('paid_search', 7.25), ('<script>alert(1)</script>', 0)) as c (channel, spend);

insert into ops.publication (run_id, published_at, row_counts)
values ('unify-1', '2026-08-10T06:05Z', '{}');

insert into ops.unify_run values
(
    'unify-1', 'published', '2026-08-10T06:02Z', '2026-08-10T06:05Z',
    '{"build": 1.25, "check": 65.2, "attribute": 0.4, "publish": 12.1}', ''
),
('unify-2', 'nothing_pending', '2026-08-10T07:02Z', '2026-08-10T07:02Z', '{}', '');

insert into ops.check_result
select
    'unify-1',
    'check_' || n,
    'core.sales_order',
    'stop',
    true,
    80,
    0,
    '',
    '[]',
    'select 1',
    '2026-08-10T06:03Z'
from generate_series(1, 11) as n;

drop table day_touch;
drop table day_order;
