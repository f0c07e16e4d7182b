-- The newest unify run that had work; runs that found nothing pending say nothing about the data.
select
    unify_run.run_id,
    unify_run.status,
    unify_run.started_at,
    unify_run.finished_at,
    unify_run.phase_seconds,
    unify_run.message
from ops.unify_run
where unify_run.status <> 'nothing_pending'
order by unify_run.started_at desc, unify_run.run_id desc
limit 1
