-- What the other tables of that run hold: a person and a finding.
insert into work.identity_scope values ('shop', 'customer:1'), ('shop', 'order:shopify:1');
insert into work.identity values ('shop', 'customer:1', 'customer:1'), ('shop', 'order:shopify:1', 'customer:1');
insert into work.insight_store values ('shop');
insert into work.insight
values (
    'shop', 'stream_late', 'shopify main order', '2026-08-01', 1, 'low', '2026-08-01', '2026-08-02', 'Late.',
    '', 'Read it.', 'none', null, '', 'days', 1, null, null, null, 1, 'select 1', ''
);
