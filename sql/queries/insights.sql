-- What to change, most important first; of what is resolved, the twenty newest per store.
with ranked as (
    select
        insight.*,
        row_number() over (
            partition by insight.store_id, insight.status
            order by insight.resolved_at desc, insight.insight_id desc
        ) as place
    from mart.insight
)

select
    insight_id,
    store_id,
    status,
    severity,
    rule,
    subject,
    period,
    first_day,
    end_day,
    headline,
    detail,
    next_step,
    method,
    money_amount,
    currency_code,
    evidence_sql,
    fix_sql,
    found_at,
    resolved_at,
    decided_by,
    decided_at,
    note
from ranked
where status <> 'resolved' or place <= 20
order by
    store_id asc,
    array_position(array['active', 'actioned', 'dismissed', 'resolved'], status) asc,
    array_position(array['high', 'medium', 'low'], severity) asc,
    coalesce(money_amount, 0) desc,
    insight_id asc
