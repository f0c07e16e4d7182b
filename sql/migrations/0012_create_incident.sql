-- What somebody has to know of, once: opened by the first failure of a subject, closed when it works again.
create table ops.incident (
    incident_id bigint generated always as identity primary key,
    subject text not null,
    kind text not null check (kind in ('load', 'unify', 'late', 'run', 'deadline')),
    summary text not null,
    detail text not null,
    dag_id text not null,
    run_id text not null,
    opened_at timestamptz not null,
    last_seen_at timestamptz not null,
    occurrences int not null default 1,
    closed_at timestamptz,
    sent_to text [] not null default '{}'
);
create unique index incident_open on ops.incident (subject) where closed_at is null;

comment on table ops.incident is 'Failures people were told of: one row from the first failure to the recovery.';
comment on column ops.incident.subject is 'What failed: load X, late X, unify, run X, deadline X.';
comment on column ops.incident.summary is 'One sentence for an operator.';
comment on column ops.incident.detail is 'What happened and the next step.';
comment on column ops.incident.run_id is 'The Airflow run it was first seen in.';
comment on column ops.incident.occurrences is 'Runs it was seen in.';
comment on column ops.incident.closed_at is 'When it was seen to work again.';
comment on column ops.incident.sent_to is 'The ways a message went out: email, webhook.';
