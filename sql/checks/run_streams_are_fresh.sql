-- Streams of configured accounts that have not landed for longer than their cadence allows: every feed is
-- read at least daily, and the two hours more are for a slow vendor. "Now" is where this run's loads end.
with as_of as (
    select coalesce(
        (select max(load.window_end) from ops.load inner join work.run_load using (load_id)),
        (select max(load.window_end) from ops.load where load.status = 'landed')
    ) as moment
),

newest as (
    select distinct on (store_id, connector, account_id, stream)
        store_id,
        connector,
        account_id,
        stream,
        status,
        error
    from ops.load
    order by store_id asc, connector asc, account_id asc, stream asc, load_id desc
),

landed as (
    select
        store_id,
        connector,
        account_id,
        stream,
        max(window_end) as read_through
    from ops.load
    where status = 'landed'
    group by store_id, connector, account_id, stream
)

select
    expected.store_id,
    expected.connector,
    expected.account_id,
    expected.stream,
    coalesce(newest.status, 'never tried') as last_status,
    landed.read_through,
    as_of.moment as due_by,
    case
        when newest.status is null
            then 'Never read. Unpause and run the Dag ingest_' || stream.feed
                || ', or take the account out of the stores file.'
        when newest.status = 'failed'
            then 'Its last load failed. Do what its message says, then clear the red box of load in ingest_'
                || stream.feed || '.'
        when newest.status = 'running'
            then 'A load is running, or was killed: look at the last run of ingest_' || stream.feed || '.'
        else 'Nothing was read since. See whether the Dag ingest_' || stream.feed
            || ' is paused, then run it.'
    end as next_step,
    newest.error as last_error
from ops.expected_stream as expected
inner join ops.stream using (connector, stream)
cross join as_of
left join newest using (store_id, connector, account_id, stream)
left join landed using (store_id, connector, account_id, stream)
where
    as_of.moment is not null
    and (landed.read_through is null or landed.read_through < as_of.moment - interval '26 hours')
order by expected.store_id, expected.connector, expected.account_id, expected.stream
