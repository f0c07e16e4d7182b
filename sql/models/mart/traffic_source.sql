-- Visits by what their links say, as received and as understood: where an unknown source shows.
-- Visits come from the store's visit source (core.store, 'auto' resolved in its credit set); the
-- shop's own journeys are no visits where there is an event export.
select
    touch.store_id,
    touch.touch_day as day,
    touch.channel,
    touch.source,
    touch.medium,
    touch.source_raw,
    touch.medium_raw,
    count(*) as visits
from core.touch
inner join core.credit_pointer using (store_id)
inner join core.credit_set using (store_id, credit_set_id)
where
    credit_pointer.conversion_type = 'purchase'
    and ops.is_visit(touch.evidence_type, touch.connector, credit_set.config ->> 'visit_source')
group by
    touch.store_id,
    touch.touch_day,
    touch.channel,
    touch.source,
    touch.medium,
    touch.source_raw,
    touch.medium_raw
