-- So that one late touch or refund costs what it touches and not what the store holds.
-- An order of a customer whom many share is found by its own number.
create index conversion_order on core.conversion (store_id, order_id);
-- Whether a store has an event export: visits that are no shop's own moments.
create index touch_exported_visit on core.touch (store_id)
where evidence_type = 'visit' and connector <> 'shopify';
