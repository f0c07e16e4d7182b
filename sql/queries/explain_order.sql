-- One order as people know it: by its number, the vendor's id, or the conversion's. For psql, before:
-- set tributary.order = '#1001'; set tributary.store = '';   ('' for any store)
select explained.*
from mart.explain_order as explained
where
    current_setting('tributary.order') in (
        explained.order_id,
        explained.order_name,
        ltrim(explained.order_name, '#'),
        explained.conversion_id::text
    )
    and current_setting('tributary.store') in ('', explained.store_id)
order by
    explained.store_id asc,
    explained.conversion_id asc,
    explained.touched_at asc nulls last,
    explained.touch_id asc
