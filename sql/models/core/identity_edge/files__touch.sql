-- Who touched: the user's e-mail address and device, and the click that it was.
with touches as (
    select
        t.store_id,
        t.account_id,
        t.business_date as source_day,
        t.load_id,
        'user:' || t.user_key as one,
        others.identifier as other
    from staging.files__current_touch as t
    cross join lateral (
        values
        ('email:' || nullif(t.email, '')),
        -- A user key that was an e-mail address is its key.
        ('email:' || substring(t.user_key from '^(?:h[0-9a-f]{32}|forgotten-h[0-9a-f]{24})$')),
        ('click:' || nullif(t.click_key, '')),
        ('device:' || nullif(t.device_id, ''))
    ) as others (identifier)
    where
        t.business_date >= ops.window_start() and t.business_date < ops.window_end()
        and others.identifier is not null
)

select
    store_id,
    'files' as connector,
    account_id,
    least(one, other) as identifier_a,
    greatest(one, other) as identifier_b,
    source_day,
    max(load_id) as load_id
from touches
group by store_id, account_id, least(one, other), greatest(one, other), source_day
