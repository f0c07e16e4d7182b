-- Two findings of nordlicht, published: one with a hostile headline, one that the test may resolve.
insert into core.insight (
    store_id, rule, subject, period, insight_id, severity, first_day, end_day, headline, detail,
    next_step, method, money_amount, currency_code, unit, observed, expected, interval_low,
    interval_high, sample_size, evidence_sql, fix_sql
)
values
(
    'nordlicht', 'channel_moved', 'email visits', '2026-08-04', 4242, 'high', '2026-08-04',
    '2026-08-06', 'Email: fewer visits <img src=x>', 'Chance would have stayed above 90.',
    'Check the links.', 'Median', 310.50, 'EUR', 'visits', 12, 120, 90, 150, 16,
    'select 1 as proof', ''
),
(
    'nordlicht', 'unrecognised_source', 'fb-de / story', 'last 28 days', 4343, 'low', '2026-07-09',
    '2026-08-06', 'Links tagged fb-de belong to no known channel.', '240 of 900 visits.',
    'Say which channel this is.', 'Wilson', 20, 'EUR', 'visits', 240, null, 200, 280, 900,
    'select 2 as proof', 'insert into ops.source_alias values (''fb-de'', ''facebook'');'
);
insert into work.insight_store values ('nordlicht');
insert into ops.publication (run_id, published_at, row_counts) values ('found', '2026-08-10T06:05Z', '{}');
select ops.settle_insights(max(publication_id), '2026-08-10T06:05Z') from ops.publication;
