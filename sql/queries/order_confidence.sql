-- How far the models agree on one order. For psql, before:
-- set tributary.store = 'nordlicht'; set tributary.conversion = '1';   (a conversion_id of mart.explain_order)
select
    agreement,
    leading_channel,
    leading_share,
    leading_lowest_share,
    leading_highest_share
from mart.order_confidence
where
    store_id = current_setting('tributary.store')
    and conversion_id = current_setting('tributary.conversion')::bigint
