-- What web analytics counted of the site by itself: no campaign, no cost, and no truth about sales.
-- Counts of a report with the vendor's word on its quality beside them.

-- By day and one dimension: page, device, country, or the vendor's own channel group.
create table core.site_daily (
    store_id text not null,
    day date not null,
    connector text not null,
    account_id text not null,
    dimension_set text not null check (dimension_set in ('channel_group', 'page', 'device', 'country')),
    dimension_value text not null,
    sessions bigint,
    engaged_sessions bigint,
    page_views bigint,
    total_users bigint,
    new_users bigint,
    claimed_conversions numeric,
    claimed_value_amount numeric,
    currency_code text not null,
    is_other_row boolean not null,
    has_other_row boolean not null,
    is_thresholded boolean not null,
    is_sampled boolean not null,
    sampled_share numeric,
    is_incomplete boolean not null,
    report_timezone text not null,
    source_day date not null,
    load_id bigint not null,
    primary key (store_id, day, connector, account_id, dimension_set, dimension_value)
);

-- Unique people of a day, week (from Monday) or month: each asked for at its own grain.
create table core.site_user_count (
    store_id text not null,
    period text not null check (period in ('day', 'week', 'month')),
    first_day date not null,
    connector text not null,
    account_id text not null,
    total_users bigint not null,
    new_users bigint not null,
    sessions bigint not null,
    has_other_row boolean not null,
    is_thresholded boolean not null,
    is_sampled boolean not null,
    sampled_share numeric,
    is_incomplete boolean not null,
    report_timezone text not null,
    source_day date not null,
    load_id bigint not null,
    primary key (store_id, period, first_day, connector, account_id)
);

-- Orders as web analytics saw them, for the coverage of tracking; orders are in core.sales_order.
create table core.site_purchase (
    store_id text not null,
    day date not null,
    connector text not null,
    account_id text not null,
    order_id text not null,
    purchases bigint not null,
    claimed_value_amount numeric not null,
    currency_code text not null,
    has_other_row boolean not null,
    is_thresholded boolean not null,
    is_sampled boolean not null,
    sampled_share numeric,
    is_incomplete boolean not null,
    report_timezone text not null,
    source_day date not null,
    load_id bigint not null,
    primary key (store_id, day, connector, account_id, order_id)
);
create index site_daily_source_day on core.site_daily (store_id, connector, account_id, source_day);
create index site_user_count_source_day on core.site_user_count (store_id, connector, account_id, source_day);
create index site_purchase_source_day on core.site_purchase (store_id, connector, account_id, source_day);
create index site_purchase_order on core.site_purchase (store_id, order_id);
