-- Checks of the newest unify run that had work, failures first.
with last_run as (
    select unify_run.run_id
    from ops.unify_run
    where unify_run.status <> 'nothing_pending'
    order by unify_run.started_at desc, unify_run.run_id desc
    limit 1
)

select
    check_result.check_name,
    check_result.table_name,
    check_result.severity,
    check_result.success,
    check_result.rows_checked,
    check_result.rows_failed,
    check_result.detail,
    check_result.worst_rows,
    check_result.reproduce_sql
from ops.check_result
inner join last_run on check_result.run_id = last_run.run_id
order by check_result.success, check_result.severity, check_result.check_name
