-- What failed and whether it works again; people are told once of each.
select
    incident_id,
    subject,
    kind,
    summary,
    detail,
    dag_id,
    run_id,
    opened_at,
    last_seen_at,
    occurrences,
    closed_at,
    closed_at is null as is_open,
    sent_to
from ops.incident
