-- Registrations and leads are conversions beside purchases: GA4's events sign_up and generate_lead. What such
-- an event says it is worth; NULL of all others, and where it says nothing. Its currency is in currency_code.
alter table staging.files__ga4_event add column value_amount numeric;
alter table staging.bigquery__ga4_event add column value_amount numeric;

-- A store without such events reads an empty index.
create index files__ga4_event_action on staging.files__ga4_event (business_date, store_id, account_id)
where event_name in ('sign_up', 'generate_lead');
create index bigquery__ga4_event_action on staging.bigquery__ga4_event (business_date, store_id, account_id)
where event_name in ('sign_up', 'generate_lead');
-- Whose first sign_up it is.
create index files__ga4_event_sign_up_client on staging.files__ga4_event (store_id, account_id, user_pseudo_id)
where event_name = 'sign_up' and user_pseudo_id <> '';
create index files__ga4_event_sign_up_user on staging.files__ga4_event (store_id, account_id, user_id)
where event_name = 'sign_up' and user_id <> '';
create index bigquery__ga4_event_sign_up_client
on staging.bigquery__ga4_event (store_id, account_id, user_pseudo_id)
where event_name = 'sign_up' and user_pseudo_id <> '';
create index bigquery__ga4_event_sign_up_user on staging.bigquery__ga4_event (store_id, account_id, user_id)
where event_name = 'sign_up' and user_id <> '';

-- As they were, with the column that is new.
create or replace view staging.files__current_ga4_event as
select s.* from staging.files__ga4_event as s
where s.deleted_at is null and not exists (
    select 1 from staging.files__ga4_event as n
    where n.store_id = s.store_id and n.account_id = s.account_id and n.record_key = s.record_key
    and n.file_name <> s.file_name and n.deleted_at is null
    and (n.extracted_at, n.file_name) > (s.extracted_at, s.file_name)
);
create or replace view staging.ga4_event as
select
    'files' as connector,
    f.*
from staging.files__current_ga4_event as f
union all
select
    'bigquery' as connector,
    b.*
from staging.bigquery__ga4_event as b
where b.deleted_at is null;
