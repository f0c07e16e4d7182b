-- Which channel brings registrations, leads and purchases: credited conversions and their value by day, type and
-- model. Ask for one type and one model: values of different types are no sum.
with credited as (
    select
        credit.store_id,
        credit.conversion_day as day,
        coalesce(touch.channel, 'unattributed') as channel,
        credit_pointer.conversion_type,
        credit.currency_code,
        sum(credit.first_share) as first_conversions,
        sum(credit.last_share) as last_conversions,
        sum(credit.last_non_direct_share) as last_non_direct_conversions,
        sum(credit.linear_share) as linear_conversions,
        sum(credit.time_decay_share) as time_decay_conversions,
        sum(credit.position_based_share) as position_based_conversions,
        sum(credit.first_paid_share) as first_paid_conversions,
        sum(credit.last_paid_share) as last_paid_conversions,
        sum(credit.markov_per_order_share) as markov_per_order_conversions,
        sum(credit.shapley_share) as shapley_conversions,
        sum(credit.first_amount) as first_amount,
        sum(credit.last_amount) as last_amount,
        sum(credit.last_non_direct_amount) as last_non_direct_amount,
        sum(credit.linear_amount) as linear_amount,
        sum(credit.time_decay_amount) as time_decay_amount,
        sum(credit.position_based_amount) as position_based_amount,
        sum(credit.first_paid_amount) as first_paid_amount,
        sum(credit.last_paid_amount) as last_paid_amount,
        sum(credit.markov_per_order_amount) as markov_per_order_amount,
        sum(credit.shapley_amount) as shapley_amount
    from core.credit
    inner join core.credit_pointer using (store_id, credit_set_id)
    left join core.touch using (store_id, touch_id)
    group by
        credit.store_id,
        credit.conversion_day,
        coalesce(touch.channel, 'unattributed'),
        credit_pointer.conversion_type,
        credit.currency_code
)

select
    credited.store_id,
    credited.day,
    credited.channel,
    credited.conversion_type,
    given.model,
    credited.currency_code,
    given.credited_conversions,
    given.credited_amount
from credited
cross join lateral (
    values
    ('first', credited.first_conversions, credited.first_amount),
    ('last', credited.last_conversions, credited.last_amount),
    ('last_non_direct', credited.last_non_direct_conversions, credited.last_non_direct_amount),
    ('linear', credited.linear_conversions, credited.linear_amount),
    ('time_decay', credited.time_decay_conversions, credited.time_decay_amount),
    ('position_based', credited.position_based_conversions, credited.position_based_amount),
    ('first_paid', credited.first_paid_conversions, credited.first_paid_amount),
    ('last_paid', credited.last_paid_conversions, credited.last_paid_amount),
    ('markov_per_order', credited.markov_per_order_conversions, credited.markov_per_order_amount),
    ('shapley', credited.shapley_conversions, credited.shapley_amount)
) as given (model, credited_conversions, credited_amount)
-- Credits from before a model was there have none of it.
where given.credited_conversions is not null
