-- Data-driven models: what was learned from a store's journeys (a model state), by channel and model, with
-- intervals. A state is never changed: learning again makes another one beside it, and core.model_pointer
-- says which one the next unify run credits with. Its id is made from the journeys' counts and the settings,
-- so the same journeys are the same state.
create table core.model_state (
    store_id text not null,
    model_state_id text not null,
    conversion_type text not null,
    config_hash text not null,
    visit_source text not null,
    first_day date not null,
    end_day date not null,
    journeys bigint not null,
    conversions bigint not null,
    unattributed bigint not null,
    markov_order int not null,
    order_likelihood double precision [] not null,
    seed bigint not null,
    draws int not null,
    fitted_at timestamptz not null,
    publication_id bigint not null,
    primary key (store_id, model_state_id)
);
create table core.model_channel (
    store_id text not null,
    model_state_id text not null,
    model text not null,
    channel text not null,
    conversions double precision not null,
    share double precision not null,
    removal_effect double precision,
    p05_share double precision not null,
    p50_share double precision not null,
    p95_share double precision not null,
    rank_stability double precision not null,
    primary key (store_id, model_state_id, model, channel)
);
-- Which state the next run credits with; people see the one of the published credit set.
create table core.model_pointer (
    store_id text not null,
    conversion_type text not null,
    model_state_id text not null,
    chosen_by text not null check (chosen_by in ('fit', 'refit', 'rollback')),
    primary key (store_id, conversion_type)
);
alter table core.credit_set add column model_state_id text not null default '';

-- NULL only in credit sets from before these models; the next unify run makes a new set.
alter table core.credit
add column first_paid_share double precision,
add column last_paid_share double precision,
add column markov_per_order_share double precision,
add column shapley_share double precision,
add column first_paid_amount numeric,
add column last_paid_amount numeric,
add column markov_per_order_amount numeric,
add column shapley_amount numeric,
add column markov_fallback text not null default '';
