-- Shop `kiel` (EUR, Europe/Berlin, one order in CHF) and shop `tampa` (USD, America/New_York).
insert into core.store values
('kiel', 'Kiel', 'Europe/Berlin', 'EUR', 'auto', 'shop'),
('tampa', 'Tampa', 'America/New_York', 'USD', 'auto', 'shop');

insert into core.account values
('kiel', 'shopify', 'kiel', 'Europe/Berlin', 'EUR'),
('kiel', 'files', 'kiel_files', 'Asia/Tokyo', 'EUR'),
('tampa', 'shopify', 'tampa', 'America/New_York', 'USD');

insert into ops.stream (connector, stream, kind, feed, restate_days, finality_days, spill_days, backfill)
values
('shopify', 'order', 'document', 'sales', 2, 3, 0, 'by_business_date'),
('files', 'spend', 'table', 'files', 0, 0, 0, 'full');

insert into ops.publication (run_id, published_at, row_counts) values
('unify-1', '2026-08-10T07:00Z', '{}'),
('unify-2', '2026-08-11T07:00Z', '{}');

-- kiel: orders published up to 10 August 22:30 UTC (11 August in Berlin), then landed a day further;
-- spend published up to 10 August 15:30 UTC: 11 August in Tokyo, still 10 August in Berlin.
insert into ops.load (
    store_id, connector, account_id, stream, run_id, mode, window_start, window_end, status,
    started_at, finished_at, rows_in, rows_new, rows_deleted, rows_quarantined, error, publication_id
)
values
(
    'kiel', 'shopify', 'kiel', 'order', 'i-1', 'incremental', '2026-08-01T00:00Z', '2026-08-09T22:30Z',
    'landed', '2026-08-10T06:00Z', '2026-08-10T06:01Z', 9, 9, 0, 1, '', 1
),
(
    'kiel', 'shopify', 'kiel', 'order', 'i-2', 'incremental', '2026-08-09T22:30Z', '2026-08-10T22:30Z',
    'landed', '2026-08-11T06:00Z', '2026-08-11T06:01Z', 3, 2, 1, 0, '', 2
),
(
    'kiel', 'shopify', 'kiel', 'order', 'i-3', 'incremental', '2026-08-10T22:30Z', '2026-08-11T22:30Z',
    'landed', '2026-08-12T06:00Z', '2026-08-12T06:01Z', 1, 1, 0, 0, '', null
),
(
    'kiel', 'shopify', 'kiel', 'order', 'i-4', 'incremental', '2026-08-11T22:30Z', '2026-08-12T22:30Z',
    'failed', '2026-08-13T06:00Z', '2026-08-13T06:01Z', 0, 0, 0, 0, 'the shop did not answer', null
),
(
    'kiel', 'files', 'kiel_files', 'spend', 'i-1', 'incremental', '2026-08-01T00:00Z', '2026-08-10T15:30Z',
    'landed', '2026-08-11T06:00Z', '2026-08-11T06:02Z', 5, 5, 0, 0, '', 2
),
(
    'tampa', 'shopify', 'tampa', 'order', 'i-1', 'incremental', '2026-08-01T00:00Z', '2026-08-10T04:00Z',
    'landed', '2026-08-10T06:00Z', '2026-08-10T06:01Z', 4, 4, 0, 0, '', 1
);

insert into ops.quarantine (
    store_id, connector, account_id, stream, record_key, source, reason, payload, first_load_id, load_id,
    resolved_at
)
values
('kiel', 'shopify', 'kiel', 'order', '77', 'page 1', 'no date', '{}', 1, 1, null),
('kiel', 'shopify', 'kiel', 'order', '78', 'page 1', 'no date', '{}', 1, 1, '2026-08-11T06:01Z');

insert into core.sales_order (
    store_id, connector, account_id, order_id, order_name, ordered_at, order_day, is_test, is_cancelled,
    is_counted, customer_id, is_first_purchase, currency_code, gross_amount, discount_amount,
    included_tax_amount, returned_amount, adjustment_amount, net_amount, tax_amount, shipping_amount,
    gift_card_amount, total_amount, presentment_currency_code, presentment_total_amount,
    financial_status, fulfillment_status, payment_method, region_country, region_province,
    sales_channel, discount_codes, source_day, load_id
)
select
    o.store_id, 'shopify', o.store_id, o.order_id, '#' || o.order_id, o.day + time '12:00', o.day,
    o.is_test, o.is_cancelled, not o.is_test and not o.is_cancelled, '', null, o.currency, o.gross,
    o.discount, o.included_tax, o.returned, o.adjustment,
    o.gross - o.discount - o.included_tax - o.returned - o.adjustment, o.tax, o.shipping, o.gift, o.total,
    o.currency, o.total, 'paid', '', '', '', '', '', '', o.day, 1
from (
    values
    ('kiel', '1', date '2026-08-05', false, false, 'EUR', 119.00, 0, 19.00, 0, 0, 19.80, 5.00, 0, 124.00),
    ('kiel', '2', date '2026-08-05', false, false, 'EUR', 238.00, 23.80, 34.20, 50.00, -4.00, 34.20, 0, 25, 239.20),
    ('kiel', '3', date '2026-08-05', true, false, 'EUR', 999.00, 0, 0, 0, 0, 0, 0, 0, 999.00),
    ('kiel', '4', date '2026-08-05', false, true, 'EUR', 500.00, 0, 0, 500, 0, 0, 0, 0, 500.00),
    ('kiel', '5', date '2026-08-05', false, false, 'CHF', 10.00, 0, 0, 0, 0, 0, 0, 0, 10.00),
    ('kiel', '6', date '2026-08-08', false, false, 'EUR', 20.01, 0, 0, 0, 0, 0, 0, 0, 20.01),
    ('tampa', '1', date '2026-08-05', false, false, 'USD', 80.00, 0, 0, 0, 0, 6.40, 0, 0, 86.40)
) as o (
    store_id, order_id, day, is_test, is_cancelled, currency, gross, discount, included_tax, returned,
    adjustment, tax, shipping, gift, total
);

-- Order 2 came back in part on 7 August; the cancelled order 4 was paid back and does not count.
insert into core.refund values
(
    'kiel', 'shopify', 'kiel', '2', 'r1', '2026-08-07T10:00Z', '2026-08-07', 50.00, -4.00, 9.50, 0, 55.50,
    'EUR', true, '2026-08-05', 1
),
(
    'kiel', 'shopify', 'kiel', '4', 'r2', '2026-08-07T10:00Z', '2026-08-07', 500.00, 0, 0, 0, 500.00,
    'EUR', false, '2026-08-05', 1
);

insert into core.conversion
select
    s.store_id, 'purchase', s.order_id::bigint, s.connector, s.account_id, s.order_id, s.ordered_at,
    s.order_day, 'order:shopify:' || s.order_id, s.net_amount, s.currency_code, null, s.source_day, 1
from core.sales_order as s
where s.is_counted;

insert into core.touch
select
    t.store_id, t.touch_id, 'files', t.store_id || '_files', 'click', t.day + time '09:00', t.day,
    'user:1', t.source, t.medium, '', t.source, t.medium, '', '', t.channel, '', '', null, t.day, 1
from (
    values
    ('kiel', 101, date '2026-08-03', 'google', 'cpc', 'paid_search'),
    ('kiel', 102, date '2026-08-05', 'klaviyo', 'email', 'email'),
    ('tampa', 201, date '2026-08-04', 'google', 'cpc', 'paid_search')
) as t (store_id, touch_id, day, source, medium, channel);

insert into core.credit_set values
('kiel', 'purchase-now', 'purchase', 'a', '{}', 1),
('kiel', 'purchase-before', 'purchase', 'b', '{}', 1),
('tampa', 'purchase-now', 'purchase', 'a', '{}', 1);
insert into core.credit_pointer values
('kiel', 'purchase', 'purchase-now'), ('tampa', 'purchase', 'purchase-now');

-- kiel order 1 (100.00): paid_search then email; 2 (134.00), 5 (10.00 CHF) and 6 (20.01): no touch,
-- email alone, paid_search alone. An older credit set, no longer pointed at, gives all to email.
insert into core.credit
select
    c.store_id, c.credit_set_id, c.conversion_id, c.touch_id, v.conversion_day, t.touch_day,
    v.currency_code, c.first_share, 1 - c.first_share + c.alone, 1 - c.first_share + c.alone, c.linear,
    c.linear, c.linear,
    v.value_amount * c.first_share, v.value_amount * (1 - c.first_share + c.alone),
    v.value_amount * (1 - c.first_share + c.alone), v.value_amount * c.linear::numeric,
    v.value_amount * c.linear::numeric, v.value_amount * c.linear::numeric, 1
from (
    values
    ('kiel', 'purchase-now', 1, 101, 1, 0.5, 0),
    ('kiel', 'purchase-now', 1, 102, 0, 0.5, 0),
    ('kiel', 'purchase-now', 2, 0, 1, 1, 1),
    ('kiel', 'purchase-now', 5, 102, 1, 1, 1),
    ('kiel', 'purchase-now', 6, 101, 1, 1, 1),
    ('kiel', 'purchase-before', 1, 102, 1, 1, 1),
    ('tampa', 'purchase-now', 1, 201, 1, 1, 1)
) as c (store_id, credit_set_id, conversion_id, touch_id, first_share, linear, alone)
inner join core.conversion as v using (store_id, conversion_id)
left join core.touch as t using (store_id, touch_id);

-- Two campaigns a day: one spends, the other reports no money. Sessions of e-mail: no spend at all.
insert into core.channel_daily
select
    d.store_id, d.day, 'files', d.store_id || '_files', d.campaign, d.currency, '', '', '', d.channel,
    d.impressions, d.clicks, d.sessions, null, null, null, null, d.spend, d.day, 1
from (
    values
    ('kiel', date '2026-08-03', 'a', 'EUR', 'paid_search', 1000::bigint, 10::bigint, null::bigint, 12.34),
    ('kiel', date '2026-08-03', 'b', 'EUR', 'paid_search', 50, null, null, null),
    ('kiel', date '2026-08-05', 'a', 'EUR', 'paid_search', 900, 9, null, 0.00),
    ('kiel', date '2026-08-05', 'c', 'EUR', 'email', null, null, 7, null),
    ('kiel', date '2026-08-10', 'a', 'EUR', 'paid_search', 10, 1, null, 1.00),
    ('tampa', date '2026-08-05', 'a', 'USD', 'paid_search', 100, 2, null, 5.00)
) as d (store_id, day, campaign, currency, channel, impressions, clicks, sessions, spend);

insert into core.identity_hub values ('kiel', 'client:till', 12, 5);
