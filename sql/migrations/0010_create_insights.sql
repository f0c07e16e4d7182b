-- What the rules of tributary.insights find now (core.insight), and what people decided about it
-- (ops.insight, with append-only ops.insight_event). A finding has one natural key however often it is
-- computed; the decision belongs to the key, so computing again neither doubles nor revives a finding.
create table core.insight (
    store_id text not null,
    rule text not null,
    subject text not null,
    period text not null,
    insight_id bigint not null unique,
    severity text not null check (severity in ('high', 'medium', 'low')),
    first_day date not null,
    end_day date not null,
    headline text not null,
    detail text not null,
    next_step text not null,
    method text not null,
    money_amount numeric,
    currency_code text not null,
    unit text not null,
    observed numeric not null,
    expected numeric,
    interval_low numeric,
    interval_high numeric,
    sample_size bigint not null,
    evidence_sql text not null,
    fix_sql text not null,
    primary key (store_id, rule, subject, period)
);

create table ops.insight (
    insight_id bigint primary key,
    store_id text not null,
    rule text not null,
    subject text not null,
    period text not null,
    is_present boolean not null,
    decision text not null default '' check (decision in ('', 'dismissed', 'actioned')),
    decided_by text not null default '',
    decided_at timestamptz,
    note text not null default '',
    decided_severity text,
    decided_money_amount numeric,
    found_at timestamptz not null,
    resolved_at timestamptz,
    facts jsonb not null,
    unique (store_id, rule, subject, period)
);

create table ops.insight_event (
    event_id bigint generated always as identity primary key,
    insight_id bigint not null references ops.insight,
    event text not null check (event in (
        'found', 'found_again', 'worsened', 'resolved', 'dismissed', 'actioned', 'restored'
    )),
    at timestamptz not null,
    who text not null,
    note text not null,
    publication_id bigint references ops.publication,
    facts jsonb not null
);
create index insight_event_by_insight on ops.insight_event (insight_id, event_id);

create function ops.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '%.% is append-only: add a row instead', tg_table_schema, tg_table_name;
end $$;
create trigger append_only before update or delete or truncate on ops.insight_event
for each statement execute function ops.refuse_change();

create function ops.insight_status(is_present boolean, decision text) returns text
language sql immutable parallel safe as $$
    select case when not is_present then 'resolved' when decision = '' then 'active' else decision end
$$;

-- Materially worse than when it was decided: a higher severity, or half as much money again.
create function ops.insight_worsened(was ops.insight, severity_now text, money_now numeric)
returns boolean language sql immutable parallel safe as $$
    select
        array_position(array['low', 'medium', 'high'], severity_now)
        > array_position(array['low', 'medium', 'high'], was.decided_severity)
        or coalesce(abs(money_now) > 1.5 * abs(was.decided_money_amount), false)
$$;

-- After core.insight was published for the stores in work.insight_store, in the same transaction: new
-- findings open, gone ones are resolved, returning ones open again, decided ones stay decided unless
-- they worsened. A finding that was actioned, went and came back is open: the action did not hold.
create function ops.settle_insights(of_publication bigint, at timestamptz) returns void
language plpgsql as $$
begin
    create temporary table settled on commit drop as
    select
        coalesce(n.insight_id, o.insight_id) as insight_id,
        to_jsonb(n) as facts,
        case
            when o.insight_id is null then 'found'
            when n.insight_id is null then 'resolved'
            when (o.was).decision <> ''
                and ops.insight_worsened(o.was, n.severity, n.money_amount) then 'worsened'
            when not (o.was).is_present then 'found_again'
        end as event,
        (o.was).decision = 'dismissed' as was_dismissed
    from (select c.* from core.insight as c join work.insight_store using (store_id)) as n
    full join (
        select i.insight_id, i as was
        from ops.insight as i join work.insight_store using (store_id)
    ) as o on o.insight_id = n.insight_id
    where n.insight_id is not null or (o.was).is_present;

    insert into ops.insight (
        insight_id, store_id, rule, subject, period, is_present, found_at, facts
    )
    select c.insight_id, c.store_id, c.rule, c.subject, c.period, true, settle_insights.at, s.facts
    from settled as s join core.insight as c using (insight_id)
    where s.event = 'found';

    insert into ops.insight_event (insight_id, event, at, who, note, publication_id, facts)
    select
        s.insight_id, s.event, settle_insights.at, '',
        case when s.event = 'worsened' then 'Worse than when it was decided: open again.' else '' end,
        of_publication, coalesce(s.facts, i.facts)
    from settled as s join ops.insight as i using (insight_id)
    where s.event is not null
    order by s.insight_id;

    update ops.insight as i set
        is_present = s.event is distinct from 'resolved',
        resolved_at = case when s.event = 'resolved' then settle_insights.at end,
        found_at = case when s.event = 'found_again' then settle_insights.at else i.found_at end,
        decision = case
            when s.event = 'worsened' or (s.event = 'found_again' and not s.was_dismissed) then ''
            else i.decision
        end,
        facts = coalesce(s.facts, i.facts)
    from settled as s
    where s.insight_id = i.insight_id
        and (s.event is not null or i.facts is distinct from s.facts);
    drop table settled;
end $$;

-- A person's decision; returns the status after it. The same decision again changes nothing.
create function ops.decide_insight(
    of_insight bigint, new_decision text, who text, note text, at timestamptz
) returns text language plpgsql as $$
declare
    known ops.insight;
begin
    if btrim(coalesce(who, '')) = '' then
        raise exception 'say who decides about insight %', of_insight;
    end if;
    select * into known from ops.insight as i where i.insight_id = of_insight for update;
    if not found then
        raise exception 'there is no insight %', of_insight using errcode = 'no_data_found';
    end if;
    if not known.is_present then
        raise exception 'insight % is resolved: there is nothing to decide', of_insight
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    if known.decision is distinct from new_decision then
        update ops.insight as i set
            decision = new_decision,
            decided_by = decide_insight.who,
            decided_at = decide_insight.at,
            note = coalesce(decide_insight.note, ''),
            decided_severity = i.facts ->> 'severity',
            decided_money_amount = (i.facts ->> 'money_amount')::numeric
        where i.insight_id = of_insight;
        insert into ops.insight_event (insight_id, event, at, who, note, facts)
        values (
            of_insight, case new_decision when '' then 'restored' else new_decision end,
            decide_insight.at, decide_insight.who, coalesce(decide_insight.note, ''), known.facts
        );
    end if;
    return ops.insight_status(true, new_decision);
end $$;

create function ops.dismiss_insight(insight_id bigint, who text, note text, at timestamptz)
returns text language sql as $$ select ops.decide_insight($1, 'dismissed', $2, $3, $4) $$;
create function ops.action_insight(insight_id bigint, who text, note text, at timestamptz)
returns text language sql as $$ select ops.decide_insight($1, 'actioned', $2, $3, $4) $$;
create function ops.restore_insight(insight_id bigint, who text, note text, at timestamptz)
returns text language sql as $$ select ops.decide_insight($1, '', $2, $3, $4) $$;

comment on table ops.insight is
'Every finding there ever was, by natural key: whether it is still found, and what people decided.';
comment on table ops.insight_event is 'What happened to a finding, append-only; who is '''' for the system.';
comment on function ops.dismiss_insight is
'Hide a finding: select ops.dismiss_insight(id, ''name'', ''why'', now()). It stays hidden when computed '
'again, unless its severity rises or its money grows by half.';
comment on function ops.action_insight is
'Note that a finding was acted on: select ops.action_insight(id, ''name'', ''what'', now()).';
comment on function ops.restore_insight is 'Take a decision back: the finding is active again.';
