-- The order and its customer are one person; so are the customer and the order's e-mail address, and the
-- order and who made the clicks that its journey began with.
with source as (
    select
        store_id,
        account_id,
        'order:shopify:' || record_key as order_identifier,
        'customer:' || (payload #>> '{customer,legacyResourceId}') as customer_identifier,
        'email:' || nullif(payload ->> 'email', '') as email_identifier,
        payload #> '{customerJourneySummary,moments,nodes}' as moments,
        business_date,
        load_id
    from staging.shopify__order
    where
        business_date >= ops.window_start()
        and business_date < ops.window_end()
        and deleted_at is null
        and not (payload ->> 'test')::boolean
),

-- A click id is a keyed hash, or the word that stands for a forgotten person's; what else stands there was
-- landed before click ids were hashed, or is of many clicks.
clicks as (
    select
        source.*,
        'click:' || found.ids[1] as click_identifier
    from source
    cross join lateral jsonb_to_recordset(coalesce(nullif(source.moments, 'null'::jsonb), '[]'::jsonb))
        as moment ("landingPage" text)
    cross join lateral regexp_matches(
        moment."landingPage",
        '[?&](?:gclid|dclid|msclkid|ttclid|li_fat_id|twclid|fbclid)='
        || '(h[0-9a-f]{32}|forgotten-[0-9a-f]{24})(?=$|[&#])',
        'gi'
    ) as found (ids)
),

edges as (
    select
        store_id,
        account_id,
        business_date,
        load_id,
        order_identifier as one,
        customer_identifier as other
    from source
    union all
    select
        store_id,
        account_id,
        business_date,
        load_id,
        coalesce(customer_identifier, order_identifier) as one,
        email_identifier as other
    from source
    union all
    select
        store_id,
        account_id,
        business_date,
        load_id,
        order_identifier as one,
        click_identifier as other
    from clicks
)

select
    store_id,
    'shopify' as connector,
    account_id,
    least(one, other) as identifier_a,
    greatest(one, other) as identifier_b,
    business_date as source_day,
    max(load_id) as load_id
from edges
where other is not null
group by store_id, account_id, least(one, other), greatest(one, other), business_date
