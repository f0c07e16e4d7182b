-- Document streams share one envelope, so a new stream needs no migration. Staging is logged, never UNLOGGED.
create function ops.ensure_staging_table(table_name text) returns void language plpgsql as $$
begin
    execute format('create table if not exists staging.%I (
        store_id text not null,
        account_id text not null,
        record_key text not null,
        business_date date not null,
        extracted_at timestamptz not null,
        payload jsonb not null,
        payload_hash bytea not null,
        load_id bigint not null,
        first_load_id bigint not null,
        deleted_at timestamptz,
        primary key (store_id, account_id, record_key))', table_name);
    execute format('create index if not exists %I on staging.%I (business_date)', table_name || '_day', table_name);
end $$;

-- Table streams: typed columns, one row per line or event of a file. record_key is the mapping's row key,
-- or else the content hash of the line and its occurrence number.
create table staging.files__touch (
    store_id text not null,
    account_id text not null,
    file_name text not null,
    record_key text not null,
    business_date date not null,
    extracted_at timestamptz not null,
    load_id bigint not null,
    deleted_at timestamptz,
    occurred_at timestamptz not null,
    user_key text not null,
    evidence_type text not null,
    source text not null,
    medium text not null,
    campaign text not null,
    channel text not null,
    click_id text not null,
    cost numeric,
    currency_code text not null,
    lookback_days int,
    primary key (store_id, account_id, file_name, record_key)
);
create table staging.files__order_line (
    store_id text not null,
    account_id text not null,
    file_name text not null,
    record_key text not null,
    business_date date not null,
    extracted_at timestamptz not null,
    load_id bigint not null,
    deleted_at timestamptz,
    order_id text not null,
    ordered_at timestamptz not null,
    user_key text not null,
    sku text not null,
    title text not null,
    quantity numeric not null,
    gross_amount numeric not null,
    discount_amount numeric not null,
    included_tax_amount numeric not null,
    tax_amount numeric not null,
    shipping_amount numeric not null,
    currency_code text not null,
    region_country text not null,
    primary key (store_id, account_id, file_name, record_key)
);
create table staging.files__refund (
    store_id text not null,
    account_id text not null,
    file_name text not null,
    record_key text not null,
    business_date date not null,
    extracted_at timestamptz not null,
    load_id bigint not null,
    deleted_at timestamptz,
    refund_id text not null,
    order_id text not null,
    refunded_at timestamptz not null,
    user_key text not null,
    sku text not null,
    quantity numeric not null,
    returned_amount numeric not null,
    tax_amount numeric not null,
    shipping_amount numeric not null,
    currency_code text not null,
    primary key (store_id, account_id, file_name, record_key)
);
create table staging.files__spend (
    store_id text not null,
    account_id text not null,
    file_name text not null,
    record_key text not null,
    business_date date not null,
    extracted_at timestamptz not null,
    load_id bigint not null,
    deleted_at timestamptz,
    campaign_id text not null,
    campaign_name text not null,
    source text not null,
    medium text not null,
    channel text not null,
    spend_amount numeric,
    impressions bigint,
    clicks bigint,
    currency_code text not null,
    primary key (store_id, account_id, file_name, record_key)
);
-- GA4 BigQuery export, one row per event; user properties and raw page content stay out.
create table staging.files__ga4_event (
    store_id text not null,
    account_id text not null,
    file_name text not null,
    record_key text not null,
    business_date date not null,
    extracted_at timestamptz not null,
    load_id bigint not null,
    deleted_at timestamptz,
    occurred_at timestamptz not null,
    event_name text not null,
    user_pseudo_id text not null,
    user_id text not null,
    session_id text not null,
    source text not null,
    medium text not null,
    campaign text not null,
    click_id_type text not null,
    first_user_source text not null,
    first_user_medium text not null,
    first_user_campaign text not null,
    page_location text not null,
    page_referrer text not null,
    device_category text not null,
    country text not null,
    transaction_id text not null,
    purchase_revenue numeric,
    currency_code text not null,
    lookback_days int,
    session_number int,
    is_internal_source boolean not null,
    is_internal_first_user boolean not null,
    referrer_host text not null,
    primary key (store_id, account_id, file_name, record_key)
);
create index files__touch_day on staging.files__touch (business_date);
create index files__order_line_day on staging.files__order_line (business_date);
create index files__order_line_order on staging.files__order_line (store_id, account_id, order_id);
create index files__refund_day on staging.files__refund (business_date);
create index files__spend_day on staging.files__spend (business_date);
create index files__ga4_event_day on staging.files__ga4_event (business_date);
create index files__ga4_event_session on staging.files__ga4_event (store_id, account_id, user_pseudo_id, session_id);
-- One record in two files of an account is one record: its newest version counts.
create index files__touch_record on staging.files__touch (store_id, account_id, record_key);
create index files__order_line_record on staging.files__order_line (store_id, account_id, record_key);
create index files__refund_record on staging.files__refund (store_id, account_id, record_key);
create index files__spend_record on staging.files__spend (store_id, account_id, record_key);
create index files__ga4_event_record on staging.files__ga4_event (store_id, account_id, record_key);
create index files__refund_refund on staging.files__refund (store_id, account_id, refund_id);
create index files__refund_order on staging.files__refund (store_id, account_id, order_id) where order_id <> '';
create index files__ga4_event_transaction on staging.files__ga4_event (store_id, account_id, transaction_id)
where transaction_id <> '';
