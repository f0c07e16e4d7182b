-- Visits of the shop's own journeys. Two orders of one session share its visit: one touch a day.
with source as (
    select
        staged.store_id,
        staged.account_id,
        staged.record_key as order_id,
        staged.business_date,
        staged.load_id,
        doc.*
    from staging.shopify__order as staged
    cross join lateral jsonb_to_record(staged.payload) as doc (
        test boolean,
        "processedAt" timestamptz,
        customer jsonb,
        "customerJourneySummary" jsonb
    )
    where
        staged.business_date >= ops.window_start()
        and staged.business_date < ops.window_end()
        and staged.deleted_at is null
        and not doc.test
),

visit as (
    select distinct on (source.store_id, source.account_id, source.business_date, moment.id)
        source.store_id,
        source.account_id,
        source.order_id,
        source.business_date,
        source.load_id,
        coalesce(
            'customer:' || (source.customer ->> 'legacyResourceId'),
            'order:shopify:' || source.order_id
        ) as identifier,
        moment.id as visit_id,
        moment."occurredAt" as occurred_at,
        coalesce(moment."landingPage", '') as landing_page,
        coalesce(moment.source, '') as vendor_source,
        coalesce(moment."utmParameters" ->> 'source', '') as utm_source,
        coalesce(moment."utmParameters" ->> 'medium', '') as utm_medium,
        coalesce(moment."utmParameters" ->> 'campaign', '') as utm_campaign
    from source
    cross join lateral jsonb_to_recordset(
        coalesce(
            nullif(source."customerJourneySummary" #> '{moments,nodes}', 'null'::jsonb),
            '[]'::jsonb
        )
    ) as moment (
        id text,
        "occurredAt" timestamptz,
        "landingPage" text,
        source text,
        "utmParameters" jsonb
    )
    where moment.id is not null
    order by
        source.store_id, source.account_id, source.business_date, moment.id,
        source."processedAt", source.order_id
),

-- A complete UTM tuple is taken whole; without one the vendor's own reading of the referrer stands.
typed as (
    select
        *,
        case when utm_source <> '' then utm_source else vendor_source end as source_raw,
        utm_medium as medium_raw,
        utm_campaign as campaign_raw,
        coalesce(
            lower(
                substring(
                    landing_page from
                    '(?i)[?&](gclid|gbraid|wbraid|dclid|srsltid|fbclid|ttclid|msclkid|twclid'
                    '|li_fat_id|epik|sccid|rdt_cid|yclid)='
                )
            ),
            ''
        ) as click_id_type
    from visit
),

normalised as (
    select
        *,
        ops.normalise_source(source_raw) as source,
        ops.normalise_term(medium_raw) as medium,
        ops.normalise_term(campaign_raw) as campaign
    from typed
)

select
    normalised.store_id,
    ops.stable_id(
        'touch', 'shopify', normalised.account_id, normalised.order_id, normalised.visit_id
    ) as touch_id,
    'shopify' as connector,
    normalised.account_id,
    'visit' as evidence_type,
    normalised.occurred_at,
    (normalised.occurred_at at time zone store.timezone)::date as touch_day,
    normalised.identifier,
    normalised.source_raw,
    normalised.medium_raw,
    normalised.campaign_raw,
    normalised.source,
    normalised.medium,
    normalised.campaign,
    normalised.click_id_type,
    ops.channel(
        normalised.store_id,
        normalised.source,
        normalised.medium,
        normalised.campaign,
        normalised.click_id_type,
        ''
    ) as channel,
    '' as device,
    '' as country,
    null::int as lookback_days,
    normalised.business_date as source_day,
    normalised.load_id,
    '' as ads_consent
from normalised
inner join core.store using (store_id)
