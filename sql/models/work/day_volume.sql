-- Rows per table, account and day beside what that weekday usually has: the days of the run, and the last
-- settled day of each account. Rows of a day keep coming for some days and settle within three; a longer
-- finality of a stream is about amounts. Refunds are filed under the day of their order and come weeks
-- later, so their recent days are never full.
with as_of as (
    select coalesce(
        (select max(load.window_end) from ops.load inner join work.run_load using (load_id)),
        (select max(load.window_end) from ops.load where load.status = 'landed')
    ) as moment
),

settled as (
    select
        expected.store_id,
        expected.connector,
        expected.account_id,
        (least(max(load.window_end), max(as_of.moment)) at time zone account.timezone)::date
        - 1 - max(least(stream.finality_days, 3)) as day
    from ops.expected_stream as expected
    inner join ops.stream using (connector, stream)
    inner join core.account using (store_id, connector, account_id)
    inner join ops.load using (store_id, connector, account_id, stream)
    cross join as_of
    where load.status = 'landed'
    group by expected.store_id, expected.connector, expected.account_id, account.timezone
),

candidate as (
    select d.store_id, d.connector, d.account_id, d.table_name, d.day, d.row_count
    from ops.day_count as d
    where not exists (
        select 1 from work.scope as s
        where
            s.store_id = d.store_id
            and s.connector = d.connector
            and s.account_id = d.account_id
            and s.day = d.day
    )
    union all
    select w.store_id, w.connector, w.account_id, w.table_name, w.day, w.row_count
    from work.day_count as w
),

filled as (
    select store_id, connector, account_id, table_name, min(day) as first_day
    from candidate
    where table_name not in ('refund', 'refund_line')
    group by store_id, connector, account_id, table_name
),

looked_at as (
    select store_id, connector, account_id, table_name, day, first_day, bool_or(is_last) as is_last
    from (
        select filled.*, settled.day, true as is_last
        from filled inner join settled using (store_id, connector, account_id)
        union all
        select filled.*, scope.day, false as is_last
        from filled inner join work.scope using (store_id, connector, account_id)
    ) as days
    where day >= first_day
    group by store_id, connector, account_id, table_name, day, first_day
),

history as (
    select l.store_id, l.connector, l.account_id, l.table_name, l.day, coalesce(c.row_count, 0) as row_count
    from looked_at as l
    cross join generate_series(1, 8) as weeks (ago)
    left join candidate as c
        on
            l.store_id = c.store_id
            and l.connector = c.connector
            and l.account_id = c.account_id
            and l.table_name = c.table_name
            and c.day = l.day - 7 * weeks.ago
    where l.day - 7 * weeks.ago >= l.first_day
),

middle as (
    select
        store_id, connector, account_id, table_name, day,
        count(*) as weeks,
        max(row_count) as most,
        percentile_cont(0.5) within group (order by row_count) as usual
    from history
    group by store_id, connector, account_id, table_name, day
),

-- The spread is the history's own, by its median, and never less than that of plain counting. Too many is
-- judged more kindly than too few: a good day is no fault, and a row cannot come twice.
spread as (
    select
        store_id, connector, account_id, table_name, day,
        greatest(
            1.4826 * percentile_cont(0.5) within group (order by abs(history.row_count - middle.usual)),
            sqrt(max(middle.usual))
        ) as width
    from history inner join middle using (store_id, connector, account_id, table_name, day)
    group by store_id, connector, account_id, table_name, day
),

banded as (
    select
        looked_at.store_id,
        looked_at.connector,
        looked_at.account_id,
        looked_at.table_name,
        looked_at.day,
        looked_at.is_last,
        coalesce(candidate.row_count, 0) as row_count,
        coalesce(middle.weeks, 0) as weeks,
        middle.usual,
        greatest(0, ceil(middle.usual - 4 * spread.width)) as low,
        floor(greatest(middle.usual + 8 * spread.width, 2 * middle.most)) as high
    from looked_at
    left join candidate using (store_id, connector, account_id, table_name, day)
    left join middle using (store_id, connector, account_id, table_name, day)
    left join spread using (store_id, connector, account_id, table_name, day)
)

select
    store_id,
    connector,
    account_id,
    table_name,
    day,
    is_last,
    row_count,
    weeks,
    usual::numeric as usual,
    low::bigint as low,
    high::bigint as high,
    case
        when weeks < 4 then 'too little history'
        when row_count = 0 and low > 0 then 'none'
        when row_count < low then 'low'
        when row_count > high then 'high'
        else 'usual'
    end as verdict
from banded
