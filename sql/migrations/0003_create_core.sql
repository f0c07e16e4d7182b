-- Unified, keyed, restated. store_id first in every key; '' and never NULL for an absent key part.
-- connector, account_id and source_day say which staging days a row was built from (its replace scope);
-- load_id is lineage and left out of comparisons. Column meanings: the contracts in sql/models/core.
create table core.store (
    store_id text primary key,
    name text not null,
    timezone text not null,
    currency_code text not null,
    visit_source text not null,
    order_source text not null
);
create table core.account (
    store_id text not null,
    connector text not null,
    account_id text not null,
    timezone text not null,
    currency_code text not null,
    primary key (store_id, connector, account_id)
);
create table core.sales_order (
    store_id text not null,
    connector text not null,
    account_id text not null,
    order_id text not null,
    order_name text not null,
    ordered_at timestamptz not null,
    order_day date not null,
    is_test boolean not null,
    is_cancelled boolean not null,
    is_counted boolean not null,
    customer_id text not null,
    is_first_purchase boolean,
    currency_code text not null,
    gross_amount numeric not null,
    discount_amount numeric not null,
    included_tax_amount numeric not null,
    returned_amount numeric not null,
    adjustment_amount numeric not null,
    net_amount numeric not null,
    tax_amount numeric not null,
    shipping_amount numeric not null,
    gift_card_amount numeric not null,
    total_amount numeric not null,
    presentment_currency_code text not null,
    presentment_total_amount numeric,
    financial_status text not null,
    fulfillment_status text not null,
    payment_method text not null,
    region_country text not null,
    region_province text not null,
    sales_channel text not null,
    discount_codes text not null,
    source_day date not null,
    load_id bigint not null,
    primary key (store_id, connector, account_id, order_id)
);
create table core.order_line (
    store_id text not null,
    connector text not null,
    account_id text not null,
    order_id text not null,
    line_id text not null,
    order_day date not null,
    product_id text not null,
    sku text not null,
    title text not null,
    quantity numeric not null,
    gross_amount numeric not null,
    discount_amount numeric not null,
    included_tax_amount numeric not null,
    tax_amount numeric not null,
    currency_code text not null,
    is_gift_card boolean not null,
    is_counted boolean not null,
    source_day date not null,
    load_id bigint not null,
    primary key (store_id, connector, account_id, order_id, line_id)
);
create table core.refund (
    store_id text not null,
    connector text not null,
    account_id text not null,
    order_id text not null,
    refund_id text not null,
    refunded_at timestamptz not null,
    refund_day date not null,
    returned_amount numeric not null,
    adjustment_amount numeric not null,
    tax_amount numeric not null,
    shipping_amount numeric not null,
    total_amount numeric not null,
    currency_code text not null,
    is_counted boolean not null,
    source_day date not null,
    load_id bigint not null,
    primary key (store_id, connector, account_id, order_id, refund_id)
);
create table core.refund_line (
    store_id text not null,
    connector text not null,
    account_id text not null,
    order_id text not null,
    refund_id text not null,
    refund_line_id text not null,
    line_id text not null,
    sku text not null,
    refund_day date not null,
    quantity numeric not null,
    returned_amount numeric not null,
    tax_amount numeric not null,
    currency_code text not null,
    is_counted boolean not null,
    source_day date not null,
    load_id bigint not null,
    primary key (store_id, connector, account_id, order_id, refund_id, refund_line_id)
);
create table core.conversion (
    store_id text not null,
    conversion_type text not null,
    conversion_id bigint not null,
    connector text not null,
    account_id text not null,
    order_id text not null,
    converted_at timestamptz not null,
    conversion_day date not null,
    identifier text not null,
    value_amount numeric not null,
    currency_code text not null,
    is_first_purchase boolean,
    source_day date not null,
    load_id bigint not null,
    primary key (store_id, conversion_type, conversion_id)
);
create table core.touch (
    store_id text not null,
    touch_id bigint not null,
    connector text not null,
    account_id text not null,
    evidence_type text not null check (evidence_type in
        ('click', 'visit', 'view', 'email_click', 'coupon', 'survey', 'marketplace', 'influencer_code')),
    occurred_at timestamptz not null,
    touch_day date not null,
    identifier text not null,
    source_raw text not null,
    medium_raw text not null,
    campaign_raw text not null,
    source text not null,
    medium text not null,
    campaign text not null,
    click_id_type text not null,
    channel text not null,
    device text not null,
    country text not null,
    lookback_days int,
    source_day date not null,
    load_id bigint not null,
    primary key (store_id, touch_id)
);
create index touch_identifier on core.touch (store_id, identifier);
-- Two identifiers ('client:..', 'user:..', 'customer:..', 'order:..') that belong to one person, and who says so.
create table core.identity_edge (
    store_id text not null,
    connector text not null,
    account_id text not null,
    identifier_a text not null,
    identifier_b text not null,
    source_day date not null,
    load_id bigint not null,
    primary key (store_id, connector, account_id, identifier_a, identifier_b, source_day)
);
create table core.identity (
    store_id text not null,
    identifier text not null,
    person_id text not null,
    primary key (store_id, identifier)
);
create index identity_person on core.identity (store_id, person_id);
create table core.channel_daily (
    store_id text not null,
    day date not null,
    connector text not null,
    account_id text not null,
    campaign_id text not null,
    currency_code text not null,
    campaign_name text not null,
    source text not null,
    medium text not null,
    channel text not null,
    impressions bigint,
    clicks bigint,
    sessions bigint,
    engagements bigint,
    sends bigint,
    claimed_conversions numeric,
    claimed_value_amount numeric,
    spend_amount numeric,
    source_day date not null,
    load_id bigint not null,
    primary key (store_id, day, connector, account_id, campaign_id, currency_code)
);
create table core.credit_set (
    store_id text not null,
    credit_set_id text not null,
    conversion_type text not null,
    config_hash text not null,
    config jsonb not null,
    publication_id bigint not null,
    primary key (store_id, credit_set_id)
);
-- Which credit set people see; rollback and comparison are moving it.
create table core.credit_pointer (
    store_id text not null,
    conversion_type text not null,
    credit_set_id text not null,
    primary key (store_id, conversion_type)
);
create table core.credit (
    store_id text not null,
    credit_set_id text not null,
    conversion_id bigint not null,
    touch_id bigint not null,
    conversion_day date not null,
    touch_day date,
    currency_code text not null,
    first_share double precision not null,
    last_share double precision not null,
    last_non_direct_share double precision not null,
    linear_share double precision not null,
    time_decay_share double precision not null,
    position_based_share double precision not null,
    first_amount numeric not null,
    last_amount numeric not null,
    last_non_direct_amount numeric not null,
    linear_amount numeric not null,
    time_decay_amount numeric not null,
    position_based_amount numeric not null,
    publication_id bigint not null,
    primary key (store_id, credit_set_id, conversion_id, touch_id)
);
create index sales_order_source_day on core.sales_order (store_id, connector, account_id, source_day);
create index order_line_source_day on core.order_line (store_id, connector, account_id, source_day);
create index refund_source_day on core.refund (store_id, connector, account_id, source_day);
create index refund_line_source_day on core.refund_line (store_id, connector, account_id, source_day);
create index conversion_source_day on core.conversion (store_id, connector, account_id, source_day);
create index conversion_identifier on core.conversion (store_id, identifier);
create index touch_source_day on core.touch (store_id, connector, account_id, source_day);
create index identity_edge_source_day on core.identity_edge (store_id, connector, account_id, source_day);
create index channel_daily_source_day on core.channel_daily (store_id, connector, account_id, source_day);
