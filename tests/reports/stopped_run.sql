-- On top of filled_warehouse.sql: a load that failed, and a newer unify run that a check stopped.
insert into ops.load (
    store_id, connector, account_id, stream, run_id, mode, window_start, window_end, status,
    started_at, finished_at, error
)
values
(
    'nordlicht', 'shopify', 'nordlicht', 'order', 'ingest-2', 'incremental', '2026-08-10T06:00Z',
    '2026-08-11T06:00Z', 'failed', '2026-08-11T06:00Z', '2026-08-11T06:01Z',
    'AuthenticationFailed: shopify rejected the token in connection ''shopify__nordlicht'' (401). Renew it.'
),
(
    'prairie', 'shopify', 'prairie', 'order', 'ingest-2', 'incremental', '2026-08-10T06:00Z',
    '2026-08-11T06:00Z', 'landed', '2026-08-11T06:00Z', '2026-08-11T06:01Z', ''
);

insert into ops.unify_run values
(
    'unify-3', 'stopped', '2026-08-11T06:02Z', '2026-08-11T06:03Z', '{"build": 1.0, "check": 2.5}',
    '1 check of severity stop failed: sales_order_net_amount_adds_up (3 of 81 rows).'
);

insert into ops.check_result values
(
    'unify-3', 'sales_order_net_amount_adds_up', 'core.sales_order', 'stop', false, 81, 3,
    'net_amount = gross_amount - discount_amount - included_tax_amount - returned_amount',
    '[{"store_id": "prairie", "order_id": "39", "net_amount": "<img src=x onerror=alert(2)>"},
      {"store_id": "prairie", "order_id": "38", "net_amount": 12.5}]',
    'select * from work.candidate_sales_order where net_amount <> gross_amount - discount_amount',
    '2026-08-11T06:03Z'
),
(
    'unify-3', 'touch_source_known', 'core.touch', 'warn', false, 60, 1, 'source is not empty', '[]',
    'select 1', '2026-08-11T06:03Z'
),
(
    'unify-3', 'touch_key', 'core.touch', 'stop', true, 60, 0, '', '[]', 'select 1', '2026-08-11T06:03Z'
);
