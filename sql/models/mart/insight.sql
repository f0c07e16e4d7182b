-- What to change, and what became of it: findings of now, and those that went, as they were last seen.
with finding as (
    select insight.*
    from core.insight
    union all
    select gone.*
    from ops.insight
    cross join lateral jsonb_populate_record(null::core.insight, ops.insight.facts) as gone
    where not insight.is_present
)

select
    finding.insight_id,
    finding.store_id,
    ops.insight_status(known.is_present, known.decision) as status,
    finding.severity,
    finding.rule,
    finding.subject,
    finding.period,
    finding.first_day,
    finding.end_day,
    finding.headline,
    finding.detail,
    finding.next_step,
    finding.method,
    finding.money_amount,
    finding.currency_code,
    finding.unit,
    finding.observed,
    finding.expected,
    finding.interval_low,
    finding.interval_high,
    finding.sample_size,
    finding.evidence_sql,
    finding.fix_sql,
    known.found_at,
    known.resolved_at,
    known.decided_by,
    known.decided_at,
    known.note
from finding
inner join ops.insight as known on finding.insight_id = known.insight_id
