-- How sure each channel's share of the purchases is: the bootstrap's interval per model, and how far the
-- models disagree. Over the journeys of the published model state, not over a period of your choice.
with shown as (
    select
        credit_pointer.store_id,
        credit_set.model_state_id
    from core.credit_pointer
    inner join core.credit_set using (store_id, credit_set_id)
    where credit_pointer.conversion_type = 'purchase'
)

select
    found.store_id,
    found.channel,
    found.model,
    found.share,
    found.p05_share,
    found.p50_share,
    found.p95_share,
    found.conversions,
    found.removal_effect,
    rank() over by_model as channel_rank,
    found.rank_stability,
    min(found.share) over by_channel as lowest_share,
    max(found.share) over by_channel as highest_share,
    max(found.share) over by_channel - min(found.share) over by_channel as disagreement,
    found.model_state_id,
    state.journeys as sample_journeys,
    state.conversions as sample_conversions,
    state.fitted_at
from core.model_channel as found
inner join shown using (store_id, model_state_id)
inner join core.model_state as state using (store_id, model_state_id)
window
    by_model as (partition by found.store_id, found.model order by found.share desc),
    by_channel as (partition by found.store_id, found.channel)
