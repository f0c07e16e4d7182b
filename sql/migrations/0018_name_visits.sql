-- Which touches a store counts as visits, by where its visits come from (a credit set's visit_source).
create function ops.is_visit(evidence_type text, connector text, visit_source text) returns boolean
language sql immutable parallel safe as $$
    select
        evidence_type in ('click', 'email_click')
        or (
            evidence_type = 'visit'
            and case visit_source
                when 'event_export' then connector <> 'shopify'
                when 'shop_moments' then connector = 'shopify'
                else false
            end
        )
$$;
comment on function ops.is_visit is
'A click known one by one, or a visit of the store''s one visit source.';
