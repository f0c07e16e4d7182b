-- Lift tests that people entered, beside what each model credits the channel with in the same days: orders of
-- all currencies, and the money of those in the test's.
with model as (
    select
        test.lift_test_id,
        given.model,
        coalesce(sum(given.credited), 0) as model_conversions,
        coalesce(
            sum(given.credited_amount) filter (where day.currency_code = test.currency_code), 0
        ) as model_amount
    from ops.lift_test as test
    left join mart.channel_performance as day
        on
            test.store_id = day.store_id
            and test.channel = day.channel
            and day.day >= test.first_day
            and day.day < test.end_day
    cross join lateral (
        values
        ('first', day.first_conversions, day.first_amount),
        ('last', day.last_conversions, day.last_amount),
        ('last_non_direct', day.last_non_direct_conversions, day.last_non_direct_amount),
        ('linear', day.linear_conversions, day.linear_amount),
        ('time_decay', day.time_decay_conversions, day.time_decay_amount),
        ('position_based', day.position_based_conversions, day.position_based_amount),
        ('first_paid', day.first_paid_conversions, day.first_paid_amount),
        ('last_paid', day.last_paid_conversions, day.last_paid_amount),
        ('markov_per_order', day.markov_per_order_conversions, day.markov_per_order_amount),
        ('shapley', day.shapley_conversions, day.shapley_amount)
    ) as given (model, credited, credited_amount)
    group by test.lift_test_id, given.model
)

select
    test.lift_test_id,
    test.store_id,
    test.channel,
    test.first_day,
    test.end_day,
    test.method,
    model.model,
    model.model_conversions,
    test.incremental_conversions,
    test.conversions_low,
    test.conversions_high,
    model.model_conversions between test.conversions_low and test.conversions_high as conversions_agree,
    model.model_amount,
    test.incremental_amount,
    test.amount_low,
    test.amount_high,
    model.model_amount between test.amount_low and test.amount_high as amount_agrees,
    test.currency_code,
    test.note,
    test.entered_by,
    test.entered_at
from ops.lift_test as test
inner join model using (lift_test_id)
