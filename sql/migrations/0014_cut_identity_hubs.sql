-- Identifiers that many people share join nobody; who moved from one person to another is kept.
create table core.identity_hub (
    store_id text not null,
    identifier text not null,
    others_met bigint not null,
    others_allowed bigint not null,
    primary key (store_id, identifier)
);

-- The rules a store's people were found by; with others they are all found anew.
create table core.identity_rule (
    store_id text primary key,
    rules jsonb not null
);

-- What the stores file says of a store's rules; '{}' for the defaults.
create table ops.store_rule (
    store_id text primary key,
    identity jsonb not null,
    attribution jsonb not null
);

-- Versions of people: an identifier that something was known of belongs to another person now.
create table ops.identity_change (
    publication_id bigint not null references ops.publication,
    store_id text not null,
    identifier text not null,
    change text not null check (change in ('merge', 'split')),
    person_from text not null,
    person_to text not null,
    primary key (publication_id, store_id, identifier)
);
create index identity_change_identifier on ops.identity_change (store_id, identifier);

create index identity_edge_a on core.identity_edge (store_id, identifier_a);
create index identity_edge_b on core.identity_edge (store_id, identifier_b);
