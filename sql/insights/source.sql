-- Which accounts a measure of the store comes from, within the window: its days are final when all
-- streams of these accounts are.
-- set tributary.store_id = 'nordlicht';
-- set tributary.window_start = '2026-08-01'; set tributary.window_end = '2026-11-01';
select
    'visits' as measure,
    account.connector,
    account.account_id
from core.account
where
    account.store_id = current_setting('tributary.store_id')
    and exists (
        select 1
        from work.candidate_touch as touch
        inner join work.candidate_credit_pointer as pointer using (store_id)
        inner join work.candidate_credit_set as credit_set using (store_id, credit_set_id)
        where
            touch.store_id = account.store_id
            and touch.connector = account.connector
            and touch.account_id = account.account_id
            and touch.source_day >= ops.window_start()
            and touch.source_day < ops.window_end()
            and pointer.conversion_type = 'purchase'
            and ops.is_visit(touch.evidence_type, touch.connector, credit_set.config ->> 'visit_source')
    )

union all
select
    'spend',
    account.connector,
    account.account_id
from core.account
where
    account.store_id = current_setting('tributary.store_id')
    and exists (
        select 1
        from work.candidate_channel_daily as spent
        where
            spent.store_id = account.store_id
            and spent.connector = account.connector
            and spent.account_id = account.account_id
            and spent.source_day >= ops.window_start()
            and spent.source_day < ops.window_end()
            and spent.spend_amount is not null
    )

union all
select
    'orders',
    account.connector,
    account.account_id
from core.account
where
    account.store_id = current_setting('tributary.store_id')
    and exists (
        select 1
        from work.candidate_conversion as sold
        where
            sold.store_id = account.store_id
            and sold.connector = account.connector
            and sold.account_id = account.account_id
            and sold.source_day >= ops.window_start()
            and sold.source_day < ops.window_end()
            and sold.conversion_type = 'purchase'
    )
order by measure, connector, account_id
