-- Why each order's credit is what it is: every touch of the buyer, whether it counts, and why not.
-- The rules are those of attribution/journeys.py, read from the credit set's own configuration.
with asked as not materialized (
    select
        conversion.*,
        sales_order.order_name,
        credit_set.credit_set_id,
        credit_set.config,
        own.identifier as own_identifier,
        coalesce(identity.person_id, own.identifier) as person_id
    from core.conversion
    inner join core.credit_pointer using (store_id, conversion_type)
    inner join core.credit_set using (store_id, credit_set_id)
    left join core.identity_hub
        on conversion.store_id = identity_hub.store_id
        and conversion.identifier = identity_hub.identifier
    -- Of a customer that many share, every order stands for itself.
    cross join lateral (
        select
            case
                when identity_hub.identifier is null then conversion.identifier
                else 'order:' || conversion.connector || ':' || conversion.order_id
            end as identifier
    ) as own
    left join core.identity
        on conversion.store_id = identity.store_id and own.identifier = identity.identifier
    left join core.sales_order
        on conversion.store_id = sales_order.store_id
        and conversion.connector = sales_order.connector
        and conversion.account_id = sales_order.account_id
        and conversion.order_id = sales_order.order_id
    where conversion.conversion_type = 'purchase'
),

-- The buyer's touches under any identifier, and the facts that the rules look at.
candidate as (
    select
        asked.*,
        touch.touch_id,
        touch.connector as touch_connector,
        touch.account_id as touch_account_id,
        touch.evidence_type,
        touch.occurred_at,
        touch.touch_day,
        touch.channel,
        touch.source,
        touch.medium,
        touch.campaign,
        touch.source_day as touch_source_day,
        touch.load_id as touch_load_id,
        touch.ads_consent,
        (extract(epoch from asked.converted_at - touch.occurred_at) / 86400) as age_days,
        case
            when touch.lookback_days > 0 then touch.lookback_days
            else (asked.config -> 'lookback_days' ->> touch.evidence_type)::int
        end as lookback_days,
        case asked.config ->> 'visit_source'
            when 'event_export' then touch.connector <> 'shopify'
            when 'shop_moments' then touch.connector = 'shopify'
            else false
        end as is_of_visit_source,
        touch.channel = 'referral' and exists (
            select 1
            from jsonb_array_elements_text(asked.config -> 'exclude_sources') as listed (host)
            where
                '.' || touch.source like '%.' || listed.host
                or '.' || touch.source || '.com' like '%.' || listed.host
        ) as is_source_excluded,
        coalesce(asked.config -> 'exclude_channels' ? touch.channel, false)
        or (
            coalesce(jsonb_array_length(asked.config -> 'include_channels'), 0) > 0
            and not asked.config -> 'include_channels' ? touch.channel
        ) as is_channel_excluded,
        asked.config ->> 'repeat' = 'since-last' and exists (
            select 1
            from core.conversion as earlier
            where
                earlier.store_id = asked.store_id
                and earlier.conversion_type = asked.conversion_type
                and earlier.converted_at < asked.converted_at
                and earlier.converted_at >= touch.occurred_at
                and earlier.identifier in (
                    select identity.identifier
                    from core.identity
                    where identity.store_id = asked.store_id and identity.person_id = asked.person_id
                    union
                    select asked.own_identifier
                )
        ) as is_before_last
    from asked
    cross join lateral (
        select identity.identifier
        from core.identity
        where identity.store_id = asked.store_id and identity.person_id = asked.person_id
        union
        select asked.own_identifier
    ) as own
    inner join core.touch
        on touch.store_id = asked.store_id and touch.identifier = own.identifier
),

judged as (
    select
        *,
        case
            when age_days < 0 then 'after_conversion'
            when evidence_type = 'visit' and not is_of_visit_source then 'other_visit_source'
            when is_source_excluded then 'excluded_source'
            when is_channel_excluded then 'excluded_channel'
            when age_days > lookback_days then 'outside_lookback'
            when is_before_last then 'before_previous_order'
        end as out_reason
    from candidate
),

beside_views as (
    select
        *,
        case
            when out_reason is not null then out_reason
            when
                evidence_type = 'view'
                and bool_or(out_reason is null and evidence_type <> 'view') over whole
                then 'view_beside_others'
        end as view_reason
    from judged
    window whole as (partition by store_id, order_id, order_name, conversion_type, conversion_id)
),

beside_direct as (
    select
        *,
        case
            when view_reason is not null then view_reason
            when
                channel = 'direct' and config ->> 'direct' = 'ignore-if-other'
                and bool_or(view_reason is null and channel <> 'direct') over whole
                then 'direct_beside_others'
            when
                channel = 'direct' and config ->> 'direct' = 'ignore-if-last'
                and bool_or(view_reason is null and channel <> 'direct') over whole
                and not bool_or(view_reason is null and channel <> 'direct') over latest
                then 'direct_after_others'
        end as direct_reason
    from beside_views
    window
        whole as (partition by store_id, order_id, order_name, conversion_type, conversion_id),
        latest as (
            partition by store_id, order_id, order_name, conversion_type, conversion_id
            order by occurred_at desc, touch_id desc
        )
),

once as (
    select
        *,
        case
            when direct_reason is not null then direct_reason
            when
                config ->> 'path_transform' = 'exposure' and lag(channel) over counting = channel
                then 'repeated_channel'
            when
                config ->> 'path_transform' = 'first' and row_number() over of_channel > 1
                then 'repeated_channel'
        end as repeat_reason
    from beside_direct
    window
        counting as (
            partition by
                store_id, order_id, order_name, conversion_type, conversion_id,
                direct_reason is null
            order by occurred_at, touch_id
        ),
        of_channel as (
            partition by
                store_id, order_id, order_name, conversion_type, conversion_id,
                direct_reason is null, channel
            order by occurred_at, touch_id
        )
),

reasoned as (
    select
        *,
        case
            when repeat_reason is not null then repeat_reason
            when
                (config ->> 'max_touches')::int > 0
                and count(*) filter (where repeat_reason is null) over latest
                > (config ->> 'max_touches')::int
                then 'beyond_max_touches'
        end as reason
    from once
    window
        latest as (
            partition by store_id, order_id, order_name, conversion_type, conversion_id
            order by occurred_at desc, touch_id desc
        )
),

-- One more row where no touch counts: the credit of touch 0.
listed as (
    select
        store_id, conversion_type, conversion_id, connector, account_id, order_id, order_name,
        converted_at, conversion_day, value_amount, currency_code, credit_set_id,
        touch_id, occurred_at, touch_day, evidence_type, channel, source, medium, campaign,
        age_days, lookback_days, reason, touch_connector, touch_account_id, touch_source_day,
        touch_load_id, ads_consent
    from reasoned
    union all
    select
        asked.store_id, asked.conversion_type, asked.conversion_id, asked.connector,
        asked.account_id, asked.order_id, asked.order_name, asked.converted_at,
        asked.conversion_day, asked.value_amount, asked.currency_code, asked.credit_set_id,
        0, null, null, null, 'unattributed', '', '', '', null, null, null, '', '',
        asked.source_day, null, ''
    from asked
    inner join core.credit
        on asked.store_id = credit.store_id
        and asked.credit_set_id = credit.credit_set_id
        and asked.conversion_id = credit.conversion_id
        and credit.touch_id = 0
)

select
    listed.store_id,
    listed.conversion_id,
    listed.touch_id,
    listed.conversion_type,
    listed.connector,
    listed.account_id,
    listed.order_id,
    listed.order_name,
    listed.converted_at,
    listed.conversion_day,
    listed.value_amount,
    listed.currency_code,
    listed.occurred_at as touched_at,
    listed.touch_day,
    round(listed.age_days, 3) as age_days,
    listed.lookback_days,
    listed.evidence_type,
    listed.channel,
    listed.source,
    listed.medium,
    listed.campaign,
    listed.reason is null as is_counted,
    coalesce(listed.reason, '') as reason,
    coalesce(credit.first_share, 0) as first_share,
    coalesce(credit.last_share, 0) as last_share,
    coalesce(credit.last_non_direct_share, 0) as last_non_direct_share,
    coalesce(credit.linear_share, 0) as linear_share,
    coalesce(credit.time_decay_share, 0) as time_decay_share,
    coalesce(credit.position_based_share, 0) as position_based_share,
    coalesce(credit.first_amount, 0) as first_amount,
    coalesce(credit.last_amount, 0) as last_amount,
    coalesce(credit.last_non_direct_amount, 0) as last_non_direct_amount,
    coalesce(credit.linear_amount, 0) as linear_amount,
    coalesce(credit.time_decay_amount, 0) as time_decay_amount,
    coalesce(credit.position_based_amount, 0) as position_based_amount,
    listed.credit_set_id,
    credit.publication_id,
    publication.run_id,
    publication.published_at,
    listed.touch_connector,
    listed.touch_account_id,
    coalesce(load.stream, '') as touch_stream,
    listed.touch_source_day,
    listed.touch_load_id,
    load.finished_at as touch_landed_at,
    coalesce(credit.first_paid_share, 0) as first_paid_share,
    coalesce(credit.last_paid_share, 0) as last_paid_share,
    coalesce(credit.markov_per_order_share, 0) as markov_per_order_share,
    coalesce(credit.shapley_share, 0) as shapley_share,
    coalesce(credit.first_paid_amount, 0) as first_paid_amount,
    coalesce(credit.last_paid_amount, 0) as last_paid_amount,
    coalesce(credit.markov_per_order_amount, 0) as markov_per_order_amount,
    coalesce(credit.shapley_amount, 0) as shapley_amount,
    credit.markov_fallback,
    listed.ads_consent
from listed
left join core.credit
    on listed.store_id = credit.store_id
    and listed.credit_set_id = credit.credit_set_id
    and listed.conversion_id = credit.conversion_id
    and listed.touch_id = credit.touch_id
left join ops.publication on credit.publication_id = publication.publication_id
left join ops.load on listed.touch_load_id = load.load_id
