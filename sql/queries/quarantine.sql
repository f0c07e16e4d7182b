-- What waits in quarantine, by reason; what differs from row to row in a reason is shown as ….
with open as (
    select
        quarantine.*,
        regexp_replace(
            regexp_replace(quarantine.reason, '''[^'']*''|"[^"]*"', '…', 'g'),
            '[-+]?\d+([.,:]\d+)*', '…', 'g'
        ) as kind
    from ops.quarantine
    where quarantine.resolved_at is null
)

select
    open.store_id,
    open.connector,
    open.account_id,
    open.stream,
    open.kind as reason,
    count(*) as records,
    min(first_load.started_at) as waits_since,
    max(last_load.started_at) as last_seen_at,
    min(open.quarantine_id) as example_id,
    (array_agg(open.reason order by open.quarantine_id))[1] as example_reason,
    (array_agg(open.source order by open.quarantine_id))[1] as example_source
from open
inner join ops.load as first_load on open.first_load_id = first_load.load_id
inner join ops.load as last_load on open.load_id = last_load.load_id
group by open.store_id, open.connector, open.account_id, open.stream, open.kind
order by open.store_id asc, open.connector asc, open.account_id asc, open.stream asc, records desc, reason asc
