-- What the data-driven models learned, version by version; one per store and type of conversion is what people
-- see.
select
    state.store_id,
    state.model_state_id,
    state.conversion_type,
    state.fitted_at,
    state.first_day,
    state.end_day,
    state.journeys,
    state.conversions,
    state.unattributed,
    state.markov_order,
    state.order_likelihood,
    state.draws,
    state.seed,
    state.config_hash,
    state.publication_id,
    chosen.model_state_id is not null as is_chosen,
    coalesce(chosen.chosen_by, '') as chosen_by,
    shown.model_state_id is not null as is_published
from core.model_state as state
left join core.model_pointer as chosen
    on
        state.store_id = chosen.store_id
        and state.conversion_type = chosen.conversion_type
        and state.model_state_id = chosen.model_state_id
left join (
    select
        credit_pointer.store_id,
        credit_set.model_state_id
    from core.credit_pointer
    inner join core.credit_set using (store_id, credit_set_id)
) as shown
    on state.store_id = shown.store_id and state.model_state_id = shown.model_state_id
