-- Lift tests that people ran (geo holdout, ghost ads, switch-off): what a channel truly brought in a period,
-- with its interval. mart.lift_test shows them beside what each model credits.
create table ops.lift_test (
    lift_test_id bigint generated always as identity primary key,
    store_id text not null references core.store,
    channel text not null,
    first_day date not null,
    end_day date not null,
    incremental_conversions numeric,
    conversions_low numeric,
    conversions_high numeric,
    incremental_amount numeric,
    amount_low numeric,
    amount_high numeric,
    currency_code text not null,
    method text not null,
    note text not null,
    entered_by text not null,
    entered_at timestamptz not null,
    unique (store_id, channel, first_day, end_day, method),
    check (first_day < end_day),
    check (incremental_conversions is not null or incremental_amount is not null),
    check (conversions_low <= incremental_conversions and incremental_conversions <= conversions_high),
    check (amount_low <= incremental_amount and incremental_amount <= amount_high)
);

-- Enter a test, or correct it: one with the same store, channel, days and method is replaced.
-- end_day is the day after the last. NULL for what was not measured.
create function ops.add_lift_test(
    store text, channel_name text, first_day date, end_day date, method text, who text, at timestamptz,
    conversions numeric default null, conversions_low numeric default null, conversions_high numeric default null,
    amount numeric default null, amount_low numeric default null, amount_high numeric default null,
    note text default ''
) returns bigint language plpgsql as $$
declare
    found_id bigint;
begin
    if btrim(coalesce(who, '')) = '' then
        raise exception 'say who enters the lift test of %', channel_name;
    end if;
    if not exists (select 1 from core.store as s where s.store_id = store) then
        raise exception 'there is no store %', store;
    end if;
    insert into ops.lift_test as t (
        store_id, channel, first_day, end_day, incremental_conversions, conversions_low, conversions_high,
        incremental_amount, amount_low, amount_high, currency_code, method, note, entered_by, entered_at
    )
    select
        store, channel_name, add_lift_test.first_day, add_lift_test.end_day, conversions,
        add_lift_test.conversions_low, add_lift_test.conversions_high, amount, add_lift_test.amount_low,
        add_lift_test.amount_high, s.currency_code, add_lift_test.method, add_lift_test.note, who, at
    from core.store as s
    where s.store_id = store
    on conflict on constraint lift_test_store_id_channel_first_day_end_day_method_key do update set
        (incremental_conversions, conversions_low, conversions_high, incremental_amount, amount_low,
        amount_high, note, entered_by, entered_at)
        = (excluded.incremental_conversions, excluded.conversions_low, excluded.conversions_high,
        excluded.incremental_amount, excluded.amount_low, excluded.amount_high, excluded.note,
        excluded.entered_by, excluded.entered_at)
    returning t.lift_test_id into found_id;
    return found_id;
end $$;
