-- What joins nobody, because more people share it than one person explains. Shown by a short hash.
select
    identity_hub.store_id,
    left(md5(identity_hub.identifier), 12) as identifier_hash,
    split_part(identity_hub.identifier, ':', 1) as kind,
    identity_hub.others_met,
    identity_hub.others_allowed,
    (
        select count(*)
        from core.conversion
        where
            conversion.store_id = identity_hub.store_id
            and conversion.identifier = identity_hub.identifier
            and conversion.conversion_type = 'purchase'
    ) as conversions,
    (
        select count(*)
        from core.touch
        where touch.store_id = identity_hub.store_id and touch.identifier = identity_hub.identifier
    ) as touches
from core.identity_hub
